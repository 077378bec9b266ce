/**
 * The packet bits that a condition speaks of: what a matcher has to look at. Whatever is not among them may change
 * without the packet leaving the path, as long as its length does not change either.
 */
import { boundsOf, isPacketAccess, packetOffset, type Value } from '../ir/index.js';
import { type Bit, indexOf, sourceOf } from './bits.js';
import type { Facts } from './facts.js';
import { minimise } from './minimise.js';

/** A set of packet bits. Computed offsets make it infinite upwards, so it is asked and not listed. */
export interface Support {
  /** True if the bit (8 * byte + position, least significant first) is spoken of. */
  has(bit: number): boolean;
}

/**
 * The support of a path condition in its minimal form. Whatever computed values read counts, and so does all that a
 * variable offset can reach.
 */
export function packetSupport(guards: Facts): Support {
  const { facts, parts, essential } = minimise(guards);
  const bits = new Set<number>();
  /** Bits at these distances from a variable offset: where it can reach. */
  const ranges: { from: number; to: number }[] = [];
  const seen = new Set<Value>();
  const bases = new Set<Value>();
  const addBit = (bit: Bit): void => {
    if (bit < 2) return;
    const source = facts.sources.sources[sourceOf(bit)];
    const index = indexOf(bit);
    if (source === undefined) return;
    if (source.kind === 'value') addOpaque(source.value);
    else if (source.base === undefined) {
      if (source.kind === 'packet') bits.add(index);
    } else {
      if (!bases.has(source.base)) {
        bases.add(source.base);
        addValue(source.base, 64);
      }
      if (source.kind === 'packet') addRange(source.base, index, index + 1);
    }
  };
  const addRange = (base: Value, from: number, to: number): void => {
    const bounds = boundsOf(base);
    ranges.push({
      from: bounds === undefined ? Number.NEGATIVE_INFINITY : Number(bounds.lo) * 8 + from,
      to: bounds === undefined ? Number.POSITIVE_INFINITY : Number(bounds.hi) * 8 + to,
    });
  };
  /** The low bits of a value. */
  const addValue = (value: Value, width: number): void => {
    for (const bit of facts.sources.bitsOf(value).slice(0, width)) addBit(bit);
  };
  /** A value that cannot be taken apart: it depends on all that its arguments depend on. */
  const addOpaque = (value: Value): void => {
    if (seen.has(value)) return;
    seen.add(value);
    const { detail } = value;
    for (const [i, arg] of value.args.entries()) {
      const size = detail?.kind === 'lookup' ? (detail.pieces[i]?.size ?? 8) : 8;
      addValue(arg, 8 * size);
    }
    if (value.op !== 'load' || detail?.kind !== 'memory' || !isPacketAccess(value)) return;
    // A load after a store: some of its bytes may be what the packet arrived with.
    const base = packetOffset(value);
    const from = Number(value.imm) * 8;
    if (base.op === 'const') {
      const start = Number(BigInt.asIntN(64, base.imm)) * 8 + from;
      for (let i = 0; i < detail.size * 8; i++) bits.add(start + i);
    } else addRange(base, from, from + detail.size * 8);
  };
  for (const part of parts) {
    const exact = essential.get(part);
    if (exact !== undefined) {
      exact.forEach(addBit);
      continue;
    }
    switch (part.kind) {
      case 'bit':
        addBit(part.literal.bit);
        break;
      case 'exclusion':
        for (const { bit } of part.open) addBit(bit);
        break;
      case 'least':
        // Low bits that the bound has as 0 (or 1, for an upper bound) make no difference.
        part.subject.bits.slice(trailing(part.bound, 0n)).forEach(addBit);
        break;
      case 'most':
        part.subject.bits.slice(trailing(part.bound, 1n)).forEach(addBit);
        break;
      case 'gap':
        part.gap.subject.bits.slice(Math.min(trailing(part.gap.lo, 0n), trailing(part.gap.hi, 1n))).forEach(addBit);
        break;
      case 'found':
        addOpaque(part.lookup);
        break;
      case 'compare':
        addValue(part.compare.a, 64);
        addValue(part.compare.b, 64);
        break;
    }
  }
  return { has: (bit) => bits.has(bit) || ranges.some((range) => bit >= range.from && bit < range.to) };
}

/** How many of the lowest bits all are `bit`. */
function trailing(x: bigint, bit: bigint): number {
  let n = 0;
  while (n < 64 && ((x >> BigInt(n)) & 1n) === bit) n++;
  return n;
}
