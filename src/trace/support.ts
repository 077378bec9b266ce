/**
 * The packet bits that a condition speaks of: what a matcher has to look at. Whatever is not among them may change without the packet leaving the
 * path, as long as its length does not change either.
 */
import { boundsOf, type Value } from '../ir/index.js';
import { type Bit, indexOf, sourceOf } from './bits.js';
import type { Facts } from './facts.js';

export interface Support {
  /** True if the bit (8 * byte + position, least significant first) is spoken of. */
  has(bit: number): boolean;
}

export function packetSupport(facts: Facts): Support {
  const bits = new Set<number>();
  /** Bits at these distances from a variable offset: where it can reach. */
  const ranges: { from: number; to: number }[] = [];
  const seen = new Set<Value>();
  const addBit = (bit: Bit): void => {
    if (bit < 2) return;
    const source = facts.sources.sources[sourceOf(bit)];
    const index = indexOf(bit);
    if (source === undefined) return;
    if (source.kind === 'value') addValue(source.value);
    else if (source.base === undefined) {
      if (source.kind === 'packet') bits.add(index);
    } else {
      addValue(source.base);
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
  const addValue = (value: Value): void => {
    if (seen.has(value)) return;
    seen.add(value);
    // A value that cannot be taken apart depends on all that its arguments depend on.
    for (const arg of value.args) {
      for (const bit of facts.sources.bitsOf(arg)) addBit(bit);
      addValue(arg);
    }
    const isPacket = value.detail?.kind === 'memory' && value.detail.space === 'packet';
    if (value.op !== 'load' || !isPacket || value.detail?.kind !== 'memory') return;
    const base = value.args[0] as Value;
    const from = Number(value.imm) * 8;
    if (base.op === 'const') {
      const start = Number(BigInt.asIntN(64, base.imm)) * 8 + from;
      for (let i = 0; i < value.detail.size * 8; i++) bits.add(start + i);
    } else addRange(base, from, from + value.detail.size * 8);
  };
  for (const bit of facts.required.keys()) addBit(bit);
  for (const exclusion of facts.exclusions) exclusion.bits.forEach(addBit);
  for (const range of facts.ranges.values()) range.subject.bits.forEach(addBit);
  for (const gap of facts.gaps) gap.subject.bits.forEach(addBit);
  for (const lookup of facts.found.keys()) addValue(lookup);
  for (const { a, b } of facts.compares.values()) {
    for (const value of [a, b]) {
      for (const bit of facts.sources.bitsOf(value)) addBit(bit);
    }
  }
  return { has: (bit) => bits.has(bit) || ranges.some((range) => bit >= range.from && bit < range.to) };
}
