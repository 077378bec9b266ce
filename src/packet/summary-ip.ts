/** IPv4, IPv6 and what may be inside them, as tcpdump prints it without -v. */

import { etherTypes, ipProtocols } from './protocol.js';
import { printIcmp, printIcmp6 } from './summary-icmp.js';
import type { SummaryPrinter } from './summary-printer.js';
import { type Carrier, carrierAddresses, printTcp, printUdp } from './summary-tcp.js';

/** Prints an Ethernet frame inside something; given from above, where Ethernet is. */
export type FramePrinter = (p: SummaryPrinter, at: number, length: number) => void;

/** TCP, UDP, DCCP and SCTP print the addresses themselves, with ports. */
function printsAddresses(protocol: number): boolean {
  return (
    protocol === ipProtocols.tcp || protocol === ipProtocols.udp || protocol === 33 || protocol === ipProtocols.sctp
  );
}

/** `length` is what the link layer leaves for the packet, on the wire. */
export function printIpv4(p: SummaryPrinter, at: number, length: number, frame: FramePrinter): void {
  p.protocol = 'ip';
  const version = p.u8(at) >>> 4;
  if (version !== 4) {
    p.put(version === 6 ? 'IP6, wrong link-layer encapsulation (invalid)' : `IP${version} (invalid)`);
    return;
  }
  if (!p.link) p.put('IP ');
  p.need(at, 20);
  if (length < 20) {
    p.put(`truncated-ip ${length}`);
    return;
  }
  const headerLength = (p.u8(at) & 0x0f) * 4;
  if (headerLength < 20) {
    p.put(`bad-hlen ${headerLength}`);
    return;
  }
  let total = p.u16(at + 2);
  if (length < total) p.put(`truncated-ip - ${total - length} bytes missing! `);
  if (total < headerLength) {
    if (total !== 0) {
      p.put(`bad-len ${total}`);
      return;
    }
    // A segment that the sending host handed to its card whole (TSO): the length is filled in there.
    total = length;
  }
  p.end = Math.min(p.end, at + total);
  const fragment = p.u16(at + 6);
  const protocol = p.u8(at + 9);
  const carrier: Carrier = { version: 4, at, protocol };
  const addresses = carrierAddresses(p, carrier).join(' > ');
  if ((fragment & 0x1fff) !== 0) {
    p.put(`${addresses}: ip-proto-${protocol}`);
    return;
  }
  if (!printsAddresses(protocol)) p.put(`${addresses}: `);
  if (!p.has(at, headerLength)) {
    p.put(` [remaining caplen(${Math.max(0, p.end - at)}) < header length(${headerLength})]`);
    p.putTruncated();
    return;
  }
  printProtocol(p, at + headerLength, total - headerLength, protocol, carrier, (fragment & 0x2000) !== 0, frame);
}

/** Prints an IPv6 packet at `at`, extension headers included; `length` is what the layer below says there is. */
export function printIpv6(p: SummaryPrinter, at: number, length: number, frame: FramePrinter): void {
  p.protocol = 'ip6';
  p.need(at, 40);
  if (length < 40) {
    p.put(`truncated-ip6 ${length}`);
    return;
  }
  if (!p.link) p.put('IP6 ');
  const version = p.u8(at) >>> 4;
  if (version !== 6) {
    p.put(`version error: ${version} != 6`);
    return;
  }
  const payload = p.u16(at + 4);
  if (length < payload + 40) p.put(`truncated-ip6 - ${payload + 40 - length} bytes missing!`);
  const total = payload === 0 ? length : payload + 40;
  const end = at + total;
  p.end = Math.min(p.end, end);
  let protocol = p.u8(at + 6);
  const carrier: Carrier = { version: 6, at, protocol };
  let next = at + 40;
  if (!printsAddresses(protocol)) p.put(`${carrierAddresses(p, carrier).join(' > ')}: `);
  let fragmented = false;
  // Each round takes at least eight bytes; the line grows with the packet, not beyond.
  for (let headers = 0; headers < 64; headers++) {
    let size: number;
    if (protocol === ipProtocols.hopByHop) {
      p.protocol = 'hbhopt';
      if (headers > 0) {
        p.put(`[The Hop-by-Hop Options header don't follow the IPv6 header] (invalid)`);
        return;
      }
      size = (p.u8(next + 1) + 1) * 8;
      p.need(next, size);
      p.put('HBH ');
      if (payload === 0) {
        p.put('[No valid Jumbo Payload Hop-by-Hop option found] (invalid)');
        return;
      }
    } else if (protocol === ipProtocols.destination) {
      p.protocol = 'dstopt';
      size = (p.u8(next + 1) + 1) * 8;
      p.need(next, size);
      p.put('DSTOPT ');
    } else if (protocol === ipProtocols.routing) {
      size = (p.u8(next + 1) + 1) * 8;
      if (!printRouting(p, next)) return;
    } else if (protocol === ipProtocols.fragment) {
      const offset = p.u16(next + 2) & 0xfff8;
      p.put(`frag (${offset}|${40 + payload - (next - at) - 8})`);
      if (offset !== 0) return;
      p.put(' ');
      if (next + 8 >= p.end) return;
      fragmented = true;
      size = 8;
    } else {
      break;
    }
    p.protocol = 'ip6';
    protocol = p.u8(next);
    next += size;
    if (next >= p.end) {
      if (next > end) p.putTruncated();
      return;
    }
  }
  // A payload length of 0 without a jumbo option: there is no payload.
  const rest = payload === 0 ? 0 : end - next;
  if (payload === 0) p.end = Math.min(p.end, next);
  printProtocol(p, next, rest, protocol, carrier, fragmented, frame);
}

/**
 * False when the type is not known. RFC 8200 section 4.4: routing types 0 and 2 list addresses, as does 4 (RFC 8754),
 * after a word of its own.
 */
function printRouting(p: SummaryPrinter, at: number): boolean {
  p.protocol = 'rt6';
  const length = p.u8(at + 1);
  const type = p.u8(at + 2);
  p.need(at, 8);
  p.put(`RT6 (len=${length}, type=${type}${type === 0 ? ' [Deprecated]' : ''}, segleft=${p.u8(at + 3)}`);
  if (type !== 0 && type !== 2 && type !== 4) {
    p.put(' (unknown type) (invalid)');
    return false;
  }
  if (type === 4) p.put(`, last-entry=${p.u8(at + 4)}, tag=${p.u16(at + 6).toString(16)}`);
  for (let i = 0; i < length >> 1; i++) p.put(`, [${i}]${p.ipv6(at + 8 + 16 * i)}`);
  p.put(') ');
  return true;
}

/**
 * Goes on with what an IP header says comes next. `fragmented`: what follows is not the beginning of a transport
 * header, or not all of it.
 */
function printProtocol(
  p: SummaryPrinter,
  at: number,
  length: number,
  protocol: number,
  carrier: Carrier,
  fragmented: boolean,
  frame: FramePrinter,
): void {
  switch (protocol) {
    case ipProtocols.tcp:
      printTcp(p, at, length, carrier);
      break;
    case ipProtocols.udp:
      printUdp(p, at, length, carrier, fragmented, (inner, rest) => p.inside(() => frame(p, inner, rest)));
      break;
    case ipProtocols.icmp:
      if (carrier.version === 4) printIcmp(p, at, length);
      else p.put('[ICMP requires IPv4] (invalid)');
      break;
    case ipProtocols.icmpv6:
      if (carrier.version === 6) printIcmp6(p, at, length);
      else p.put('[ICMPv6 requires IPv6] (invalid)');
      break;
    case ipProtocols.ipip:
      p.inside(() => printIpv4(p, at, length, frame));
      break;
    case ipProtocols.ipv6:
      p.inside(() => printIpv6(p, at, length, frame));
      break;
    case ipProtocols.ethernet:
      if (carrier.version === 6) p.inside(() => frame(p, at, length));
      else p.put('[Ethernet requires IPv6] (invalid)');
      break;
    case ipProtocols.gre:
      printGre(p, at, length, frame);
      break;
    case ipProtocols.esp:
      p.protocol = 'esp';
      // At least a byte of what is encrypted.
      p.need(at, 9);
      p.put(`ESP(spi=0x${p.hex(at, at + 4)},seq=0x${p.u32(at + 4).toString(16)}), length ${length}`);
      break;
    case ipProtocols.ah:
      printAh(p, at, length, carrier, fragmented, frame);
      break;
    case ipProtocols.sctp:
      p.protocol = 'sctp';
      if (carrier.protocol === protocol) {
        const [source, destination] = carrierAddresses(p, carrier);
        p.put(`${source}.${p.u16(at)} > ${destination}.${p.u16(at + 2)}: sctp`);
      } else p.put(`${p.u16(at)} > ${p.u16(at + 2)}: sctp`);
      break;
    case ipProtocols.none:
      p.put('no next header');
      break;
    default: {
      const name = (
        { 2: 'igmp', 33: 'dccp', 88: 'EIGRP', 89: 'OSPF', 103: 'PIM', 112: 'VRRP' } as Record<number, string>
      )[protocol];
      if (protocol === 33) p.put(`${carrierAddresses(p, carrier).join(' > ')}: `);
      p.put(name === undefined ? ` ip-proto-${protocol} ${length}` : `${name}, length ${length}`);
    }
  }
}

/** An authentication header (RFC 4302), with what it protects. */
function printAh(
  p: SummaryPrinter,
  at: number,
  length: number,
  carrier: Carrier,
  fragmented: boolean,
  frame: FramePrinter,
): void {
  p.protocol = 'ah';
  const protocol = p.u8(at);
  const size = (p.u8(at + 1) + 2) * 4;
  const reserved = p.u16(at + 2);
  const mustBeZero = reserved === 0 ? '' : `reserved=0x${reserved.toString(16)}[MustBeZero],`;
  p.put(`AH(${mustBeZero}spi=0x${p.hex(at + 4, at + 8)},`);
  p.put(`seq=0x${p.u32(at + 8).toString(16)},icv=0x`);
  for (let i = at + 12; i < at + size; i++) p.put(p.hex(i, i + 1));
  p.put('): ');
  p.inside(() => printProtocol(p, at + size, length - size, protocol, carrier, fragmented, frame));
}

/** RFC 2784 and 2890; version 1 (PPTP) is named only. */
function printGre(p: SummaryPrinter, at: number, length: number, frame: FramePrinter): void {
  p.protocol = 'gre';
  const flags = p.u16(at);
  const version = flags & 7;
  p.put(`GREv${version}`);
  if (version > 1) {
    p.put(' ERROR: unknown-version');
    return;
  }
  const type = p.u16(at + 2);
  if (version === 1) {
    p.put(`, length ${length}`);
    return;
  }
  let next = at + 4;
  if ((flags & 0xc000) !== 0) {
    p.put(`, off 0x${p.u16(next + 2).toString(16)}`);
    next += 4;
  }
  if ((flags & 0x2000) !== 0) {
    p.put(`, key=0x${p.u32(next).toString(16)}`);
    next += 4;
  }
  if ((flags & 0x1000) !== 0) {
    p.put(`, seq ${p.u32(next)}`);
    next += 4;
  }
  if (p.link) p.put(`, proto ${greTypeName(type)} (0x${type.toString(16).padStart(4, '0')})`);
  p.put(`, length ${length}: `);
  const rest = length - (next - at);
  if (rest < 0) p.putTruncated();
  else if (type === etherTypes.ipv4) p.inside(() => printIpv4(p, next, rest, frame));
  else if (type === etherTypes.ipv6) p.inside(() => printIpv6(p, next, rest, frame));
  else if (type === etherTypes.transparentEthernet) p.inside(() => frame(p, next, rest));
  else p.put(`gre-proto-0x${type.toString(16)}`);
}

function greTypeName(type: number): string {
  const names: Readonly<Record<number, string>> = { 2048: 'IPv4', 34525: 'IPv6', 25944: 'TEB', 34887: 'MPLS unicast' };
  return names[type] ?? 'unknown';
}
