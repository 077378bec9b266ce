/** Ways in which packets are wrong: what a parser must survive, applied to frames that were right. */

import type { Prng } from './prng.js';

/** Changes a frame in place; returns its new length, at most the old one. */
type Damager = (frame: Uint8Array, random: Prng) => number;

/** Returns the frame's length, as every way of damaging does; a field that is not there stays so. */
const set16 = (frame: Uint8Array, at: number, value: number): number => {
  if (at + 2 > frame.length) return frame.length;
  frame[at] = value >>> 8;
  frame[at + 1] = value & 0xff;
  return frame.length;
};

/** Where the network header of an Ethernet frame begins, behind any tags. */
function networkOffset(frame: Uint8Array): number {
  let at = 12;
  while ((frame[at] === 0x81 && frame[at + 1] === 0) || (frame[at] === 0x88 && frame[at + 1] === 0xa8)) at += 4;
  return at + 2;
}

/** Ways to be wrong, by name; `jitnic gen --malformed` mixes them all. */
export type Malformation =
  | 'truncated'
  | 'runt'
  | 'random-bytes'
  | 'random-payload'
  | 'odd-ethertype'
  | 'ethernet-length'
  | 'ip-version'
  | 'ip-header-length'
  | 'ip-length'
  | 'ip-protocol'
  | 'ip-fragment'
  | 'ip-checksum'
  | 'udp-length'
  | 'tcp-header-length'
  | 'bit-flip';

/**
 * What each way does: changes the frame in place and returns how many of its bytes are left. All randomness comes from
 * the generator that is handed in.
 */
export const malformations: Readonly<Record<Malformation, Damager>> = {
  /** Cut anywhere, down to nothing but one byte. */
  truncated: (frame, random) => 1 + random.below(frame.length),
  /** Fewer bytes than an Ethernet header. */
  runt: (frame, random) => Math.min(frame.length, 1 + random.below(13)),
  'random-bytes': (frame, random) => {
    for (let i = 0; i < frame.length; i++) frame[i] = random.u32() >>> 24;
    return frame.length;
  },
  'random-payload': (frame, random) => {
    for (let i = networkOffset(frame); i < frame.length; i++) frame[i] = random.u32() >>> 24;
    return frame.length;
  },
  'odd-ethertype': (frame, random) => set16(frame, networkOffset(frame) - 2, 0x0600 + random.below(0xf9ff)),
  /** IEEE 802.3: a length where the type should be. */
  'ethernet-length': (frame, random) => set16(frame, networkOffset(frame) - 2, random.below(1501)),
  'ip-version': (frame, random) => {
    const at = networkOffset(frame);
    frame[at] = (random.below(16) << 4) | ((frame[at] ?? 0) & 0x0f);
    return frame.length;
  },
  /** IPv4 header length: too short, or beyond the packet. */
  'ip-header-length': (frame, random) => {
    const at = networkOffset(frame);
    frame[at] = ((frame[at] ?? 0) & 0xf0) | random.below(16);
    return frame.length;
  },
  /** IPv4 total length or IPv6 payload length. */
  'ip-length': (frame, random) => {
    const at = networkOffset(frame);
    return set16(frame, at + ((frame[at] ?? 0) >>> 4 === 6 ? 4 : 2), random.u32() & 0xffff);
  },
  'ip-protocol': (frame, random) => {
    const at = networkOffset(frame);
    const field = at + ((frame[at] ?? 0) >>> 4 === 6 ? 6 : 9);
    if (field < frame.length) frame[field] = random.u32() & 0xff;
    return frame.length;
  },
  'ip-fragment': (frame, random) => set16(frame, networkOffset(frame) + 6, random.u32() & 0x3fff),
  'ip-checksum': (frame, random) => set16(frame, networkOffset(frame) + 10, random.u32() & 0xffff),
  /** UDP length; in a TCP header the same bytes are part of the sequence number. */
  'udp-length': (frame, random) => {
    const at = networkOffset(frame);
    return set16(frame, at + ((frame[at] ?? 0) >>> 4 === 6 ? 40 : 20) + 4, random.u32() & 0xffff);
  },
  'tcp-header-length': (frame, random) => {
    const at = networkOffset(frame);
    const field = at + ((frame[at] ?? 0) >>> 4 === 6 ? 40 : 20) + 12;
    if (field < frame.length) frame[field] = random.u32() & 0xff;
    return frame.length;
  },
  'bit-flip': (frame, random) => {
    const at = random.below(frame.length);
    frame[at] = (frame[at] ?? 0) ^ (1 << random.below(8));
    return frame.length;
  },
};

const all: readonly Damager[] = Object.values(malformations);

/** Damages the frame in one way drawn at random; returns the new length. */
export function malform(frame: Uint8Array, random: Prng): number {
  return all[random.below(all.length)]?.(frame, random) ?? frame.length;
}
