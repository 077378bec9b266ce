/** ICMP and ICMPv6 as tcpdump prints them without -v. */

import { ipProtocols, isIpv6Extension } from './protocol.js';
import type { SummaryPrinter } from './summary-printer.js';

/** Types that need no more than their name. */
const icmpNames: Readonly<Record<number, string>> = {
  4: 'source quench',
  9: 'router advertisement',
  10: 'router solicitation',
  13: 'time stamp request',
  14: 'time stamp reply',
  15: 'information request',
  16: 'information reply',
  17: 'address mask request',
};

/** `length` is the whole message's. */
export function printIcmp(p: SummaryPrinter, at: number, length: number): void {
  p.protocol = 'icmp';
  p.put(`ICMP ${icmpText(p, at)}, length ${length}`);
}

/** What is said of an ICMP message by type and code. */
function icmpText(p: SummaryPrinter, at: number): string {
  const type = p.u8(at);
  const code = p.u8(at + 1);
  switch (type) {
    case 0:
    case 8:
      return `echo ${type === 8 ? 'request' : 'reply'}, id ${p.u16(at + 4)}, seq ${p.u16(at + 6)}`;
    case 3:
      return unreachableText(p, at, code);
    case 5: {
      const ways = ['redirect %s to net', 'redirect %s to host', 'redirect-tos %s to net', 'redirect-tos %s to host'];
      const way = ways[code] ?? `redirect-#${code} %s to`;
      return `${way.replace('%s', p.ipv4(at + 24))} ${p.ipv4(at + 4)}`;
    }
    case 9:
      return `router advertisement${advertisementText(p, at)}`;
    case 11:
      p.need(at + 24, 4);
      if (code === 0) return 'time exceeded in-transit';
      return code === 1 ? 'ip reassembly time exceeded' : `time exceeded-#${code}`;
    case 12:
      return code === 0 ? `parameter problem - octet ${p.u8(at + 4)}` : `parameter problem - code ${code}`;
    case 13:
      return `time stamp query id ${p.u16(at + 4)} seq ${p.u16(at + 6)}`;
    case 14: {
      const [origin, received, sent] = [8, 12, 16].map((o) => milliseconds(p.u32(at + o)));
      return `time stamp reply id ${p.u16(at + 4)} seq ${p.u16(at + 6)}: org ${origin}, recv ${received}, xmit ${sent}`;
    }
    case 18:
      return `address mask is 0x${p.hex(at + 8, at + 12)}`;
    default:
      return icmpNames[type] ?? `type-#${type}`;
  }
}

/** Codes of "destination unreachable"; %s is the address that was not reached. */
const unreachable: Readonly<Record<number, string>> = {
  0: 'net %s unreachable',
  1: 'host %s unreachable',
  5: '%s unreachable - source route failed',
  6: 'net %s unreachable - unknown',
  7: 'host %s unreachable - unknown',
  8: '%s unreachable - source host isolated',
  9: 'net %s unreachable - admin prohibited',
  10: 'host %s unreachable - admin prohibited',
  11: 'net %s unreachable - tos prohibited',
  12: 'host %s unreachable - tos prohibited',
  13: 'host %s unreachable - admin prohibited filter',
  14: 'host %s unreachable - host precedence violation',
  15: 'host %s unreachable - precedence cutoff',
};

/** Names what could not be reached, from the packet that the message carries along. */
function unreachableText(p: SummaryPrinter, at: number, code: number): string {
  const original = at + 8;
  const destination = p.ipv4(original + 16);
  if (code === 2) return `${destination} protocol ${p.u8(original + 9)} unreachable`;
  if (code === 3) {
    const protocol = p.u8(original + 9);
    const port = p.u16(original + (p.u8(original) & 0x0f) * 4 + 2);
    if (protocol === ipProtocols.tcp) return `${destination} tcp port ${port} unreachable`;
    if (protocol === ipProtocols.udp) return `${destination} udp port ${port} unreachable`;
    return `${destination} protocol ${protocol} port ${port} unreachable`;
  }
  if (code === 4) {
    const mtu = p.u16(at + 6);
    return `${destination} unreachable - need to frag${mtu === 0 ? '' : ` (mtu ${mtu})`}`;
  }
  return (unreachable[code] ?? `%s unreachable - #${code}`).replace('%s', destination);
}

/** RFC 1256: lifetime and the routers offered. */
function advertisementText(p: SummaryPrinter, at: number): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const lifetime = p.u16(at + 6);
  let text = ' lifetime ';
  if (lifetime < 60) text += lifetime;
  else if (lifetime < 3600) text += `${Math.floor(lifetime / 60)}:${two(lifetime % 60)}`;
  else text += `${Math.floor(lifetime / 3600)}:${two(Math.floor((lifetime % 3600) / 60))}:${two(lifetime % 60)}`;
  const count = p.u8(at + 4);
  text += ` ${count}:`;
  if (p.u8(at + 5) !== 2) return `${text} [size ${p.u8(at + 5)}]`;
  for (let i = 0; i < count; i++) text += ` {${p.ipv4(at + 8 + 8 * i)} ${p.u32(at + 12 + 8 * i)}}`;
  return text;
}

/** Milliseconds since midnight, as hours, minutes, seconds. */
function milliseconds(value: number): string {
  const pad = (n: number, width: number): string => String(n).padStart(width, '0');
  const seconds = Math.floor(value / 1000);
  const clock = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
    .map((n) => pad(n, 2))
    .join(':');
  return `${clock}.${pad(value % 1000, 3)}`;
}

/** ICMPv6 types by tcpdump's names (print-icmp6.c). */
const icmp6Names: Readonly<Record<number, string>> = {
  1: 'destination unreachable',
  2: 'packet too big',
  3: 'time exceeded in-transit',
  4: 'parameter problem',
  128: 'echo request',
  129: 'echo reply',
  130: 'multicast listener query',
  131: 'multicast listener report',
  132: 'multicast listener done',
  133: 'router solicitation',
  134: 'router advertisement',
  135: 'neighbor solicitation',
  136: 'neighbor advertisement',
  137: 'redirect',
  138: 'router renumbering',
  139: 'node information query',
  140: 'node information reply',
  141: 'inverse neighbor solicitation',
  142: 'inverse neighbor advertisement',
  143: 'multicast listener report v2',
  144: 'ha discovery request',
  145: 'ha discovery reply',
  146: 'mobile router solicitation',
  147: 'mobile router advertisement',
  155: 'RPL',
  200: 'mtrace response',
  201: 'mtrace message',
};

/** `length` is the whole message's. */
export function printIcmp6(p: SummaryPrinter, at: number, length: number): void {
  p.protocol = 'icmp6';
  if (length === 0) {
    p.put('ICMP6, length 0 (invalid)');
    return;
  }
  const type = p.u8(at);
  p.put(`ICMP6, ${icmp6Names[type] ?? `unknown icmp6 type (${type})`}`);
  p.put(icmp6Detail(p, at, type, p.u8(at + 1), length));
  p.put(`, length ${length}`);
}

/** What follows a type's name. */
function icmp6Detail(p: SummaryPrinter, at: number, type: number, code: number, length: number): string {
  const original = at + 8;
  switch (type) {
    case 1:
      return unreachable6Text(p, original, code);
    case 2:
      return `, mtu ${p.u32(at + 4)}`;
    case 3:
      if (code === 0) return ` for ${p.ipv6(original + 24)}`;
      return code === 1 ? ' (reassembly)' : `, unknown code (${code})`;
    case 4: {
      p.need(original + 24, 16);
      const what = ['erroneous', 'next header', 'option', 'incomplete header chain'][code];
      return what === undefined ? `, code-#${code}` : `, ${what} - octet ${p.u32(at + 4)}`;
    }
    case 128:
    case 129:
      return `, id ${p.u16(at + 4)}, seq ${p.u16(at + 6)}`;
    case 130:
      if (length === 24) return listenerText(p, at);
      return length >= 28 ? ` v2 [gaddr ${p.ipv6(at + 8)}]` : ` unknown-version (len ${length}) `;
    case 131:
    case 132:
      return listenerText(p, at);
    case 143:
      return `, ${p.u16(at + 6)} group record(s)`;
    case 135:
      return `, who has ${p.ipv6(at + 8)}`;
    case 136:
      return `, tgt is ${p.ipv6(at + 8)}`;
    case 137:
      return `, ${p.ipv6(at + 24)} to ${p.ipv6(at + 8)}`;
    default:
      return '';
  }
}

/** Multicast listener discovery, version 1 (RFC 2710). */
function listenerText(p: SummaryPrinter, at: number): string {
  return `max resp delay: ${p.u16(at + 4)} addr: ${p.ipv6(at + 8)}`;
}

/** By code; destination and port are those of the packet that is carried along. */
function unreachable6Text(p: SummaryPrinter, original: number, code: number): string {
  const destination = (): string => p.ipv6(original + 24);
  switch (code) {
    case 0:
      return `, unreachable route ${destination()}`;
    case 1:
      // Two spaces: as the original prints it.
      return `,  unreachable prohibited ${destination()}`;
    case 2:
      return `, beyond scope ${destination()}, source address ${p.ipv6(original + 8)}`;
    case 3:
      return `, unreachable address ${destination()}`;
    case 4: {
      const upper = upperLayer(p, original);
      const port = p.u16(upper.at + 2);
      const name = upper.protocol === ipProtocols.tcp ? 'tcp' : 'udp';
      return `, unreachable port, ${destination()} ${name} port ${port}`;
    }
    default:
      return `, unknown unreach code (${code})`;
  }
}

/** The TCP or UDP header of an IPv6 packet quoted in an error; anything else ends the line as truncated. */
function upperLayer(p: SummaryPrinter, at: number): { readonly at: number; readonly protocol: number } {
  let protocol = p.u8(at + 6);
  let next = at + 40;
  while (isIpv6Extension(protocol) || protocol === ipProtocols.fragment) {
    const length = protocol === ipProtocols.fragment ? 8 : (p.u8(next + 1) + 1) * 8;
    protocol = p.u8(next);
    next += length;
  }
  if (protocol !== ipProtocols.tcp && protocol !== ipProtocols.udp) p.need(p.end, 1);
  return { at: next, protocol };
}
