/**
 * The Internet checksum (RFC 1071): the one's complement of the one's complement sum of 16-bit big-endian words, an
 * odd byte counted as the high half of a word.
 */

import { ipProtocols } from './protocol.js';

/** The running sum over [start, end), added to `sum`. Exact for up to 2^37 bytes. */
export function checksumAdd(bytes: Uint8Array, start: number, end: number, sum = 0): number {
  let total = sum;
  let at = start;
  for (; at + 1 < end; at += 2) total += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  if (at < end) total += (bytes[at] ?? 0) << 8;
  return total;
}

/** Folds a running sum to 16 bits and complements it: what is stored in a header. */
export function checksumFold(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded % 0x1_0000) + Math.floor(folded / 0x1_0000);
  return ~folded & 0xffff;
}

/** Checksum of a run of bytes. Over a header that holds its own correct checksum it is 0. */
export function internetChecksum(bytes: Uint8Array, start = 0, end: number = bytes.length): number {
  return checksumFold(checksumAdd(bytes, start, end));
}

/**
 * Running sum of the pseudo header (RFC 9293 section 3.1 for IPv4, RFC 8200 section 8.1 for IPv6).
 *
 * @param addresses where source and destination lie, one after the other: 8 bytes for IPv4, 32 for IPv6
 * @param length of the transport header and its data
 */
export function pseudoHeaderSum(
  bytes: Uint8Array,
  addresses: number,
  version: 4 | 6,
  protocol: number,
  length: number,
): number {
  return (
    checksumAdd(bytes, addresses, addresses + (version === 4 ? 8 : 32)) + protocol + (length >>> 16) + (length & 0xffff)
  );
}

/**
 * Checksum of a TCP, UDP or ICMPv6 segment with its pseudo header. The bytes
 * of the checksum field count, so they must be 0 (or the result tells whether the stored one is right: then it is 0).
 *
 * @param ip offset of the IP header
 * @param transport offset of the transport header
 * @param length of the transport header and its data
 */
export function transportChecksum(
  bytes: Uint8Array,
  ip: number,
  transport: number,
  length: number,
  protocol: number,
): number {
  const version = (bytes[ip] ?? 0) >>> 4 === 6 ? 6 : 4;
  const pseudo = pseudoHeaderSum(bytes, ip + (version === 4 ? 12 : 8), version, protocol, length);
  return checksumFold(checksumAdd(bytes, transport, transport + length, pseudo));
}

/** What is stored for a computed UDP checksum: 0 would mean "none" (RFC 768). */
export function storedChecksum(protocol: number, checksum: number): number {
  return protocol === ipProtocols.udp && checksum === 0 ? 0xffff : checksum;
}

/** CRC-32C (Castagnoli), as SCTP has it (RFC 9260, appendix A), over bytes from `start` on. */
export function crc32c(bytes: Uint8Array, start = 0): number {
  let crc = 0xffff_ffff;
  for (let at = start; at < bytes.length; at++) {
    crc ^= bytes[at] ?? 0;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f6_3b78 : 0);
  }
  return ~crc >>> 0;
}
