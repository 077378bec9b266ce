/**
 * Packets near a given one, to try a path condition on: bits flipped and drawn that it does not mention, bits flipped
 * that it does, other lengths.
 */

import type { Support } from '../../condition/index.js';
import type { Prng } from '../../packet/index.js';

/** A packet near the recorded one. */
export interface Mutation {
  readonly data: Uint8Array;
  /** `free`: only bits that the condition does not mention differ, and the length is the same. */
  readonly kind: 'free' | 'mentioned' | 'length' | 'random';
  readonly text: string;
}

/** Lengths to try besides the near ones. */
const farLengths = [0, 1, 13, 14, 33, 34, 60, 64, 128, 256, 500, 1000, 1514];
const nearLengths = 20;
/** Draws of all free bits at once, and of random changes. */
const draws = 24;
/** Values that comparisons are sensitive to. */
const edges = [0, 1, 0x7f, 0x80, 0xff, 4, 5, 6, 17, 0x45, 0x46];

/** Every single bit first, then random ones without end: take as many as wanted. */
export function* mutations(packet: Uint8Array, support: Support, random: Prng): Generator<Mutation> {
  const bits = packet.length * 8;
  for (let bit = 0; bit < bits; bit++) {
    const data = packet.slice();
    flip(data, bit);
    const kind = support.has(bit) ? 'mentioned' : 'free';
    yield { data, kind, text: `bit ${bit & 7} of byte ${bit >> 3} flipped` };
  }
  for (let i = 0; i < draws; i++) {
    const data = packet.slice();
    for (let bit = 0; bit < bits; bit++) if (!support.has(bit) && random.chance(0.5)) flip(data, bit);
    yield { data, kind: 'free', text: 'free bits drawn' };
  }
  for (const length of lengths(packet.length)) {
    const data = new Uint8Array(length);
    data.set(packet.subarray(0, Math.min(length, packet.length)));
    for (let i = packet.length; i < length; i++) data[i] = random.below(256);
    yield { data, kind: 'length', text: `length ${length}` };
  }
  if (packet.length === 0) return;
  for (let i = 0; i < 2 * draws; i++) {
    const data = packet.slice();
    for (let changes = random.below(4) + 1; changes > 0; changes--)
      data[random.below(Math.min(packet.length, 96))] = random.chance(0.5) ? random.pick(edges) : random.below(256);
    yield { data, kind: 'random', text: 'bytes changed' };
  }
}

function flip(data: Uint8Array, bit: number): void {
  data[bit >> 3] = (data[bit >> 3] as number) ^ (1 << (bit & 7));
}

/** Lengths to try: a few around the packet's own, and some far away. */
function lengths(length: number): Set<number> {
  const all = new Set(farLengths);
  for (let d = -nearLengths; d <= nearLengths; d++) if (length + d >= 0) all.add(length + d);
  all.delete(length);
  return all;
}
