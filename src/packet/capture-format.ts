/**
 * What the pcap and pcapng readers have in common: how a format is recognised, what a decoder is, and what is said
 * about an interface and about damage.
 */

import type { BatchBuilder } from './packet-batch.js';

/** Formats of captures. */
export type CaptureFormat = 'pcap' | 'pcapng';

/**
 * The longest packet that is believed. libpcap's limit for all link types that matter here; a longer claim is damage,
 * so that a corrupt length never costs more memory than this.
 */
export const maxPacketLength = 262_144;

/** Where a capture stops making sense. Everything before it has been delivered. */
export interface Damage {
  /** Byte offset in the (uncompressed) capture of the record or block at fault. */
  readonly offset: number;
  readonly what: string;
}

/** An interface that packets were captured on; a pcap file has exactly one. */
export interface CaptureInterface {
  readonly linkType: number;
  /** Longest capture of a packet; 0 means no limit. */
  readonly snapLength: number;
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  /** Bytes of frame check sequence at the end of each packet, where the file says so. */
  readonly fcsLength?: number | undefined;
}

/** Turns bytes into packets; the caller does the buffering. */
export interface RecordDecoder {
  readonly format: CaptureFormat;
  readonly interfaces: readonly CaptureInterface[];
  /** Bytes that `decode` must be given, counted from where it stopped, to make progress. */
  readonly need: number;
  /** Bytes after where `decode` stopped that are to be thrown away unseen. The caller counts it down. */
  skip: number;
  readonly damage: Damage | undefined;
  /**
   * Decodes whole records from the start of `bytes`, which is at `position` in the file. Returns how many bytes are
   * done with; with exactly `need` bytes given that is none or all of them.
   */
  decode(bytes: Uint8Array, position: number, batch: BatchBuilder): number;
}

/**
 * First four bytes as a big-endian number: pcap in either byte order, with microseconds (a1b2c3d4), nanoseconds
 * (a1b23c4d) or longer records (a1b2cd34).
 */
const magics: readonly (readonly [CaptureFormat, number])[] = [
  ['pcapng', 0x0a0d0d0a],
  ['pcap', 0xa1b2c3d4],
  ['pcap', 0xd4c3b2a1],
  ['pcap', 0xa1b23c4d],
  ['pcap', 0x4d3cb2a1],
  ['pcap', 0xa1b2cd34],
  ['pcap', 0x34cdb2a1],
];

/** The format that the first four bytes announce, `undefined` for none (or fewer bytes). */
export function detectFormat(bytes: Uint8Array): CaptureFormat | undefined {
  if (bytes.length < 4) return undefined;
  const magic = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0);
  return magics.find(([, value]) => value === magic)?.[0];
}

/** Whether the bytes begin a gzip member (RFC 1952); such a stream is to be decompressed before it gets here. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes.length >= 2 && bytes[0] === 0x1f && bytes[1] === 0x8b;
}
