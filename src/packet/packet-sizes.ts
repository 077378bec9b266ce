/**
 * Mixes of frame sizes. Notations, after RFC 6985 (IMIX Genome):
 *
 *     512                      one size
 *     7:64,4:594,1:1518        sizes drawn at random in these proportions
 *     aaaaaaaeeeeg             a genome: a repeating sequence of the RFC's standard sizes
 *     imix                     the simple IMIX, 7:64,4:594,1:1518
 *
 * A size is the frame's as a program sees it and a capture holds it, without the frame check sequence. (The RFC counts
 * those four bytes: for 64 bytes on the wire ask for 60.)
 */

import { UsageError } from '../base/index.js';
import type { Prng } from './prng.js';

/** Sizes with weights, or in a repeating order. */
export type PacketSizes =
  | { readonly kind: 'mix'; readonly parts: readonly { readonly weight: number; readonly size: number }[] }
  | { readonly kind: 'sequence'; readonly sizes: readonly number[] };

/** Bytes of the longest frame that is made: below what a driver with multi-buffer support hands to XDP. */
export const maxFrameSize = 16_000;
/** Bytes of the shortest: an Ethernet header and nothing else. */
export const minFrameSize = 14;

const simpleImix = '7:64,4:594,1:1518';

/** Letters of RFC 6985 section 4; z stands for the MTU, here Ethernet's. */
const genome: Readonly<Record<string, number>> = {
  a: 64,
  b: 128,
  c: 256,
  d: 512,
  e: 1024,
  f: 1280,
  g: 1518,
  h: 2112,
  i: 9000,
  j: 16_000,
  z: 1500,
};

/** @throws UsageError when the text is none of the notations or a size is out of range. */
export function parsePacketSizes(text: string): PacketSizes {
  const notation = text.trim().toLowerCase();
  if (notation === 'imix') return parsePacketSizes(simpleImix);
  if (/^[a-jz]+$/.test(notation)) return { kind: 'sequence', sizes: Array.from(notation, (c) => genome[c] ?? 64) };
  const parts = notation.split(',').map((part) => {
    const match = /^(?:(\d+(?:\.\d+)?):)?(\d+)$/.exec(part.trim());
    const weight = Number(match?.[1] ?? 1);
    const size = Number(match?.[2]);
    if (match === null || weight <= 0) {
      throw new UsageError(
        `\`${text}\` is no mix of packet sizes`,
        {},
        'expected a size, or weights and sizes such as 7:64,4:594,1:1518',
      );
    }
    if (size < minFrameSize || size > maxFrameSize) {
      throw new UsageError(`packet size ${size} is not between ${minFrameSize} and ${maxFrameSize}`);
    }
    return { weight, size };
  });
  return { kind: 'mix', parts };
}

/** Yields frame sizes one after the other. */
export class SizeSource {
  private readonly sizes: PacketSizes;
  private readonly total: number;
  private next = 0;

  constructor(sizes: PacketSizes) {
    this.sizes = sizes;
    this.total = sizes.kind === 'mix' ? sizes.parts.reduce((sum, part) => sum + part.weight, 0) : 0;
  }

  /** The next size: of a sequence the next in turn, else one by its weight. */
  draw(random: Prng): number {
    const { sizes } = this;
    if (sizes.kind === 'sequence') {
      const size = sizes.sizes[this.next] ?? 64;
      this.next = (this.next + 1) % sizes.sizes.length;
      return size;
    }
    const [only] = sizes.parts;
    if (sizes.parts.length === 1 && only !== undefined) return only.size;
    let u = random.float() * this.total;
    for (const part of sizes.parts) {
      u -= part.weight;
      if (u < 0) return part.size;
    }
    return only?.size ?? 64;
  }
}
