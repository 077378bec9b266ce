/**
 * One line for a packet, in the words of `tcpdump -n`, so that people find what they are used to and can compare. The
 * transport layer is where it ends: application protocols are not decoded. Where tcpdump goes on to dump bytes
 * (unknown Ethernet types) the line ends after the length.
 *
 * Summaries never throw, whatever the bytes are.
 */

import { formatMac } from './address.js';
import { linkTypeName, linkTypes } from './link-type.js';
import { etherTypeName, etherTypes, isVlanType } from './protocol.js';
import { printArp } from './summary-arp.js';
import { printIpv4, printIpv6 } from './summary-ip.js';
import { SummaryPrinter, truncated } from './summary-printer.js';
import { Conversations } from './tcp-conversations.js';

/** What a line about a packet says besides its headers. */
export interface SummaryOptions {
  /** Default: Ethernet. */
  readonly linkType?: number | undefined;
  /** Length on the wire; default: the bytes given. */
  readonly origLength?: number | undefined;
  /** Print the link layer too (addresses, type, VLAN tags), as `tcpdump -e`. */
  readonly link?: boolean | undefined;
}

/** One packet by itself; TCP sequence numbers as they are (`tcpdump -nS`). */
export function summarize(packet: Uint8Array, options: SummaryOptions = {}): string {
  return print(packet, options, undefined);
}

/** Packets of one capture in their order; TCP sequence numbers relative to the conversation's first (`tcpdump -n`). */
export class Summarizer {
  private readonly conversations = new Conversations();

  summarize(packet: Uint8Array, options: SummaryOptions = {}): string {
    return print(packet, options, this.conversations);
  }
}

/** Time of day in UTC with microseconds, as it begins a line of `tcpdump`: `13:37:00.000001`. */
export function formatTimeOfDay(time: bigint): string {
  const microseconds = time / 1000n;
  const seconds = Number((microseconds / 1_000_000n) % 86_400n);
  const pad = (n: number, width: number): string => String(n).padStart(width, '0');
  const clock = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
    .map((n) => pad(n, 2))
    .join(':');
  return `${clock}.${pad(Number(microseconds % 1_000_000n), 6)}`;
}

/** Prints until the end or until a read passes the captured bytes, which ends the line. */
function print(packet: Uint8Array, options: SummaryOptions, conversations: Conversations | undefined): string {
  const p = new SummaryPrinter(packet, options.link === true, conversations);
  const length = options.origLength ?? packet.length;
  if (packet.length === 0) return `[Invalid header: caplen==0${length === 0 ? ', len==0' : ''}]`;
  try {
    printLink(p, options.linkType ?? linkTypes.ethernet, length);
  } catch (signal) {
    if (signal !== truncated) throw signal;
    p.putTruncated();
  }
  return p.text.trim();
}

/** By link type; those that are not known get their length alone. */
function printLink(p: SummaryPrinter, linkType: number, length: number): void {
  switch (linkType) {
    case linkTypes.ethernet:
      printEthernet(p, 0, length);
      break;
    case linkTypes.raw:
    case linkTypes.ipv4:
    case linkTypes.ipv6:
      p.protocol = 'raw';
      printRaw(p, 0, length);
      break;
    case linkTypes.null:
    case linkTypes.loop: {
      // The address family of the capturing system, in its byte order (NULL) or the network's (LOOP): small either
      // way.
      p.protocol = 'null';
      const word = p.u32(0);
      const family = word > 0xffff ? p.u8(0) | (p.u8(1) << 8) : word;
      if (family === 2) printIpv4(p, 4, length - 4, printEthernet);
      else if (family === 10 || family === 24 || family === 28 || family === 30)
        printIpv6(p, 4, length - 4, printEthernet);
      else p.put(`AF ${family}, length ${length}`);
      break;
    }
    case linkTypes.linuxSll:
      p.protocol = 'sll';
      p.need(0, 16);
      if (!printPayload(p, p.u16(14), 16, length - 16)) putUnknown(p, `ethertype`, p.u16(14), length);
      break;
    case linkTypes.linuxSll2:
      p.protocol = 'sll2';
      p.need(0, 20);
      if (!printPayload(p, p.u16(0), 20, length - 20)) putUnknown(p, `ethertype`, p.u16(0), length);
      break;
    default:
      p.put(`${linkTypeName(linkType)} (link type ${linkType}), length ${length}`);
  }
}

/** IP without a link header. */
function printRaw(p: SummaryPrinter, at: number, length: number): void {
  const version = p.u8(at) >>> 4;
  if (version === 4) printIpv4(p, at, length, printEthernet);
  else if (version === 6) printIpv6(p, at, length, printEthernet);
  else p.put(`unknown ip ${version}`);
}

/** A type that nothing is known of. */
function putUnknown(p: SummaryPrinter, prefix: string, type: number, length: number): void {
  const name = etherTypeName(type) ?? 'Unknown';
  p.put(`${prefix} ${name} (0x${type.toString(16).padStart(4, '0')}), length ${length}`);
}

/** A frame: addresses if asked for, tags, then what the type says; small types are lengths (IEEE 802.3). */
function printEthernet(p: SummaryPrinter, at: number, length: number): void {
  p.protocol = 'ether';
  const captured = p.end - at;
  if (length < captured) {
    p.put(`[length ${length} < caplen ${captured}] (invalid)`);
    return;
  }
  if (captured < 14) {
    p.putTruncated();
    return;
  }
  const addresses = `${formatMac(p.bytes, at + 6)} > ${formatMac(p.bytes, at)}, `;
  if (p.link) p.put(addresses);
  let type = p.u16(at + 12);
  let next = at + 14;
  let lengthPrinted = false;
  const typeText = (): string =>
    `ethertype ${etherTypeName(type) ?? 'Unknown'} (0x${type.toString(16).padStart(4, '0')})`;
  const putType = (text: string): void => {
    p.put(text + (lengthPrinted ? ', ' : `, length ${length}: `));
    lengthPrinted = true;
  };
  while (isVlanType(type)) {
    if (!p.has(next, 4) || length - (next - at) < 4) {
      p.protocol = 'vlan';
      p.putTruncated();
      return;
    }
    if (p.link) {
      putType(typeText());
      const tci = p.u16(next);
      p.put(`vlan ${tci & 0xfff}, p ${tci >>> 13}${(tci & 0x1000) !== 0 ? ', DEI' : ''}, `);
    }
    type = p.u16(next + 2);
    next += 4;
  }
  const rest = length - (next - at);
  if (type <= 1500) {
    printLlc(p, next, Math.min(type, rest), lengthPrinted);
    return;
  }
  if (p.link) putType(typeText());
  if (printPayload(p, type, next, rest)) return;
  if (!p.link) p.put(`${addresses}${typeText()}, length ${length}`);
  // The line ends here; the mark after the length would announce a dump.
  else p.text = p.text.replace(/[:,] $/, '');
}

/** Whether something that is looked into was printed. */
function printPayload(p: SummaryPrinter, type: number, at: number, length: number): boolean {
  if (type === etherTypes.ipv4) printIpv4(p, at, length, printEthernet);
  else if (type === etherTypes.ipv6) printIpv6(p, at, length, printEthernet);
  else if (type === etherTypes.arp || type === 0x8035) printArp(p, at, length);
  else return false;
  return true;
}

/** IEEE 802.2: a length instead of a type. Only the header is shown, and IP after a SNAP header. */
function printLlc(p: SummaryPrinter, at: number, length: number, lengthPrinted: boolean): void {
  p.protocol = 'llc';
  p.end = Math.min(p.end, at + length);
  if (p.link) p.put(lengthPrinted ? '802.3' : `802.3, length ${length}: `);
  const [dsap, ssap, control] = [p.u8(at), p.u8(at + 1), p.u8(at + 2)];
  if (dsap === 0xaa && ssap === 0xaa && control === 3 && p.u24(at + 3) === 0) {
    if (printPayload(p, p.u16(at + 6), at + 8, length - 8)) return;
  }
  const hex = (value: number): string => `0x${value.toString(16).padStart(2, '0')}`;
  p.put(`LLC, dsap ${hex(dsap)}, ssap ${hex(ssap)}, ctrl ${hex(control)}, length ${length}`);
}
