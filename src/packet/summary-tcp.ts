/** TCP and UDP as tcpdump prints them, up to the length; application data is not looked into. */

import { ipProtocols, vxlanPort } from './protocol.js';
import type { SummaryPrinter } from './summary-printer.js';

/** The IP header that a transport header belongs to. */
export interface Carrier {
  readonly version: 4 | 6;
  /** Offset of the IP header. */
  readonly at: number;
  /** Protocol or next-header value in the IP header itself, before any extension header. */
  readonly protocol: number;
}

/** Source and destination as text, from the IP header that carries the segment. */
export function carrierAddresses(p: SummaryPrinter, carrier: Carrier): readonly [source: string, destination: string] {
  return carrier.version === 4
    ? [p.ipv4(carrier.at + 12), p.ipv4(carrier.at + 16)]
    : [p.ipv6(carrier.at + 8), p.ipv6(carrier.at + 24)];
}

/** `source.port > destination.port: `; behind an extension header the addresses are already printed. */
function putEndpoints(p: SummaryPrinter, carrier: Carrier, protocol: number, sport: number, dport: number): void {
  if (carrier.protocol !== protocol) {
    p.put(`${sport} > ${dport}: `);
    return;
  }
  const [source, destination] = carrierAddresses(p, carrier);
  p.put(`${source}.${sport} > ${destination}.${dport}: `);
}

/** `length` counts the UDP header; `inner` prints an encapsulated Ethernet frame. */
export function printUdp(
  p: SummaryPrinter,
  at: number,
  length: number,
  carrier: Carrier,
  fragmented: boolean,
  inner: (at: number, length: number) => void,
): void {
  p.protocol = 'udp';
  if (!p.has(at, 4)) {
    if (carrier.protocol === ipProtocols.udp) {
      const [source, destination] = carrierAddresses(p, carrier);
      p.put(`${source} > ${destination}: `);
    }
    p.putTruncated();
    return;
  }
  const dport = p.u16(at + 2);
  const sport = p.u16(at);
  putEndpoints(p, carrier, ipProtocols.udp, sport, dport);
  if (length < 8) {
    p.put(`truncated-udp ${length}`);
    return;
  }
  let claimed = p.u16(at + 4);
  if (claimed === 0 && length > 0xffff) claimed = length;
  if (claimed < 8) {
    p.put(`truncated-udplength ${claimed}`);
    return;
  }
  claimed -= 8;
  const available = Math.min(claimed, length - 8);
  p.need(at, 8);
  if ((sport === vxlanPort || dport === vxlanPort) && available >= 8) {
    p.protocol = 'vxlan';
    const flags = p.u8(at + 8);
    const shown = (flags & 0x08) !== 0 ? 'I' : flags === 0 ? 'none' : 'invalid';
    p.put(`VXLAN, flags [${shown}] (0x${flags.toString(16).padStart(2, '0')}), vni ${p.u24(at + 12)}: `);
    p.need(at + 15, 1);
    inner(at + 16, available - 8);
    return;
  }
  p.put(claimed > available && !fragmented ? `UDP, bad length ${claimed} > ${available}` : `UDP, length ${claimed}`);
}

const flagLetters = ['F', 'S', 'R', 'P', '.', 'U', 'E', 'W'];

/** `length` counts the TCP header. */
export function printTcp(p: SummaryPrinter, at: number, length: number, carrier: Carrier): void {
  p.protocol = 'tcp';
  if (!p.has(at, 4)) {
    const [source, destination] = carrierAddresses(p, carrier);
    p.put(`${source} > ${destination}:`);
    p.putTruncated();
    return;
  }
  const sport = p.u16(at);
  const dport = p.u16(at + 2);
  putEndpoints(p, carrier, ipProtocols.tcp, sport, dport);
  p.need(at, 20);
  const headerLength = (p.u8(at + 12) >>> 4) * 4;
  if (headerLength < 20) {
    p.put(` tcp ${(length - headerLength) >>> 0} [bad hdr length ${headerLength} - too short, < 20]`);
    return;
  }
  const flags = p.u8(at + 13);
  const letters = flagLetters.filter((_, bit) => (flags & (1 << bit)) !== 0).join('');
  p.put(`Flags [${letters === '' ? 'none' : letters}]`);
  let seq = p.u32(at + 4);
  let ack = p.u32(at + 8);
  let sackBase = 0;
  const hasAck = (flags & 0x10) !== 0;
  if (hasAck && p.conversations !== undefined) {
    const [source, destination] = carrierAddresses(p, carrier);
    const base = p.conversations.base(source, sport, destination, dport, seq, ack, (flags & 0x02) !== 0);
    seq = (seq - base.seq) >>> 0;
    ack = (ack - base.ack) >>> 0;
    sackBase = base.sack;
  }
  if (headerLength > length) {
    p.put(` [bad hdr length ${headerLength} - too long, > ${length}]`);
    return;
  }
  const dataLength = length - headerLength;
  if (dataLength > 0 || (flags & 0x07) !== 0) {
    p.put(`, seq ${seq}${dataLength > 0 ? `:${(seq + dataLength) >>> 0}` : ''}`);
  }
  if (hasAck) p.put(`, ack ${ack}`);
  p.put(`, win ${p.u16(at + 14)}`);
  if ((flags & 0x20) !== 0) p.put(`, urg ${p.u16(at + 18)}`);
  if (headerLength > 20 && !printOptions(p, at + 20, at + headerLength, sackBase)) return;
  p.put(`, length ${dataLength}`);
}

/** TCP options by kind, in tcpdump's words (print-tcp.c). */
const optionNames: Readonly<Record<number, string>> = {
  0: 'eol',
  1: 'nop',
  2: 'mss',
  3: 'wscale',
  4: 'sackOK',
  5: 'sack',
  6: 'echo',
  7: 'echoreply',
  8: 'TS',
  11: 'cc',
  12: 'ccnew',
  13: '',
  19: 'md5',
  20: 'scps',
  28: 'uto',
  29: 'tcp-ao',
  30: 'mptcp',
  34: 'tfo',
  254: 'exp',
};

/** `, options [mss 1460,nop]`. False when an option does not fit: then `[bad opt]` has ended the line. */
function printOptions(p: SummaryPrinter, start: number, end: number, sackBase: number): boolean {
  p.put(', options [');
  let at = start;
  while (at < end) {
    if (at > start) p.put(',');
    const kind = p.u8(at);
    let length = 1;
    if (kind > 1) {
      // An option's length byte lies within the header, even if the value does not.
      length = p.u8(at + 1);
      if (length < 2 || length > end - at) {
        p.put(at > start ? '[bad opt]]' : '[bad opt]');
        return false;
      }
    }
    p.put(optionNames[kind] ?? `unknown-${kind}`);
    const used = kind > 1 ? printOptionValue(p, kind, at + 2, length - 2, end, sackBase) : 0;
    if (used === undefined) {
      p.put(at > start ? '[bad opt]]' : '[bad opt]');
      return false;
    }
    if (kind > 1 && used + 2 !== length) p.put(`[len ${length}]`);
    at += kind > 1 ? used + 2 : 1;
    if (kind === 0) break;
  }
  p.put(']');
  return true;
}

/** Prints a value and returns how many bytes its kind has; `undefined` when they do not fit the header. */
function printOptionValue(
  p: SummaryPrinter,
  kind: number,
  at: number,
  length: number,
  end: number,
  sackBase: number,
): number | undefined {
  const fixed = (
    { 2: 2, 3: 1, 4: 0, 6: 4, 7: 4, 8: 8, 11: 4, 12: 4, 13: 4, 19: 16, 20: 2, 28: 2 } as Record<number, number>
  )[kind];
  const size = fixed ?? length;
  if (size > end - at) return undefined;
  if (fixed !== undefined) p.need(at, size);
  switch (kind) {
    case 2:
      p.put(` ${p.u16(at)}`);
      break;
    case 3:
      p.put(` ${p.u8(at)}`);
      break;
    case 4:
      break;
    case 5:
      if (length % 8 !== 0) {
        p.put(' invalid sack');
        break;
      }
      p.put(` ${length / 8} `);
      for (let i = at; i < at + length; i += 8) {
        p.put(`{${(p.u32(i) - sackBase) >>> 0}:${(p.u32(i + 4) - sackBase) >>> 0}}`);
      }
      break;
    case 6:
    case 7:
    case 11:
    case 12:
    case 13:
      p.put(` ${p.u32(at)}`);
      break;
    case 8:
      p.put(` val ${p.u32(at)} ecr ${p.u32(at + 4)}`);
      break;
    case 19:
      p.put(` shared secret not supplied with -M, can't check - ${p.hex(at, at + 16)}`);
      break;
    case 20:
      p.put(` cap ${p.hex(at, at + 1)} id ${p.u8(at + 1)}`);
      break;
    case 28: {
      const timeout = p.u16(at);
      p.put(` 0x${timeout.toString(16)} ${(timeout & 1) !== 0 ? (timeout >>> 1) * 60 : timeout >>> 1}`);
      break;
    }
    case 29:
      if (length < 2) p.put(' (invalid)');
      else {
        p.put(` keyid ${p.u8(at)} rnextkeyid ${p.u8(at + 1)}`);
        if (length > 2) p.put(` mac 0x${p.hex(at + 2, at + length)}`);
      }
      break;
    case 34:
      p.put(length === 0 ? '  cookiereq' : ` cookie ${p.hex(at, at + length)}`);
      break;
    case 30:
      // Sub-types of Multipath TCP are not told apart.
      break;
    case 254:
      if (length < 2) return undefined;
      p.put(`-${p.hex(at, at + 2)}`);
      break;
    default:
      // Byte by byte, so that a cut option shows what there is of it.
      if (length > 0) p.put(' 0x');
      for (let i = at; i < at + length; i++) p.put(p.hex(i, i + 1));
  }
  return size;
}
