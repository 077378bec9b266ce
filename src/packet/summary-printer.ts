/**
 * The cursor that all summary printers share: guarded access to the captured bytes, and the line as far as it is
 * written.
 *
 * tcpdump's convention, kept here: a printer reads as if the packet were whole; reading past the captured bytes ends
 * the line on the spot with ` [|tcp]`, naming the protocol that was being read. The read throws `truncated`, which
 * only `summarize` catches, so no printer needs to check lengths that it does not print.
 */

import { formatIpv4, formatIpv6 } from './address.js';
import type { Conversations } from './tcp-conversations.js';

/** Thrown by reads past the captured bytes. Not an error: it never leaves the summaries. */
export const truncated: unique symbol = Symbol('truncated');

/**
 * Headers inside headers that are followed; each takes at least 20 bytes, an attacker's packet could hold thousands.
 */
export const maxNesting = 12;

/**
 * One packet's line under construction. Reading past the end throws a private signal that ends the line with
 * `[|proto]`.
 */
export class SummaryPrinter {
  text = '';
  /** What the truncation mark names. */
  protocol = 'ether';
  /** Captured bytes end here; an IP header's length may bring it forward. */
  end: number;
  nesting = 0;
  readonly bytes: Uint8Array;
  /** Print the link layer, as `tcpdump -e`. */
  readonly link: boolean;
  readonly conversations: Conversations | undefined;

  constructor(bytes: Uint8Array, link: boolean, conversations: Conversations | undefined) {
    this.bytes = bytes;
    this.end = bytes.length;
    this.link = link;
    this.conversations = conversations;
  }

  /** Whether [at, at + count) was captured. */
  has(at: number, count: number): boolean {
    return at + count <= this.end;
  }

  need(at: number, count: number): void {
    if (at + count > this.end) throw truncated;
  }

  u8(at: number): number {
    this.need(at, 1);
    return this.bytes[at] ?? 0;
  }

  u16(at: number): number {
    this.need(at, 2);
    return ((this.bytes[at] ?? 0) << 8) | (this.bytes[at + 1] ?? 0);
  }

  u24(at: number): number {
    return (this.u16(at) << 8) | this.u8(at + 2);
  }

  u32(at: number): number {
    return this.u16(at) * 0x1_0000 + this.u16(at + 2);
  }

  ipv4(at: number): string {
    this.need(at, 4);
    return formatIpv4(this.bytes, at);
  }

  ipv6(at: number): string {
    this.need(at, 16);
    return formatIpv6(this.bytes, at);
  }

  hex(from: number, to: number): string {
    let text = '';
    for (let at = from; at < to; at++) text += this.u8(at).toString(16).padStart(2, '0');
    return text;
  }

  /** Hardware address of any length, byte by byte. */
  hardware(at: number, length: number): string {
    this.need(at, length);
    return Array.from(this.bytes.subarray(at, at + length), (b) => b.toString(16).padStart(2, '0')).join(':');
  }

  put(text: string): void {
    this.text += text;
  }

  putTruncated(): void {
    this.text += ` [|${this.protocol}]`;
  }

  /** Runs a printer of something inside, unless too much is inside something already. */
  inside(print: () => void): void {
    if (this.nesting >= maxNesting) {
      this.put('[nested too deeply]');
      return;
    }
    this.nesting++;
    print();
    this.nesting--;
  }
}
