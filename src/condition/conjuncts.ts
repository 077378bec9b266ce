/**
 * A path condition taken apart: what must hold, one by one, with nothing left that the rest implies (as far as
 * normal-form.ts can tell); and what each part means.
 */
import type { Value } from '../ir/index.js';
import { type Bit, sourceOf } from './bits.js';
import type { Compare } from './comparison.js';
import type { Exclusion, Facts, Gap, Range } from './facts.js';
import { isImplied, isOpenGap, openExclusion, openRange } from './normal-form.js';
import type { Literal, Subject } from './subject.js';

/** One part of a path condition; all of them must hold. */
export type Conjunct =
  | { readonly kind: 'bit'; readonly literal: Literal }
  | { readonly kind: 'exclusion'; readonly open: readonly Literal[]; readonly exclusion: Exclusion }
  | { readonly kind: 'least'; readonly subject: Subject; readonly bound: bigint; readonly range: Range }
  | { readonly kind: 'most'; readonly subject: Subject; readonly bound: bigint; readonly range: Range }
  | { readonly kind: 'gap'; readonly gap: Gap }
  | { readonly kind: 'found'; readonly lookup: Value; readonly found: boolean }
  | { readonly kind: 'compare'; readonly compare: Compare };

/** A condition taken apart; what the rest implies is left out. */
export function conjuncts(facts: Facts): Conjunct[] {
  const parts: Conjunct[] = [];
  for (const [bit, value] of facts.required) parts.push({ kind: 'bit', literal: { bit, value } });
  for (const exclusion of facts.exclusions) {
    const open = openExclusion(facts, exclusion);
    if (open !== undefined) parts.push({ kind: 'exclusion', open, exclusion });
  }
  for (const range of facts.ranges.values()) {
    const open = openRange(facts, range);
    if (open === undefined) continue;
    const { subject } = range;
    if (open.lo !== undefined) parts.push({ kind: 'least', subject, bound: open.lo, range });
    if (open.hi !== undefined) parts.push({ kind: 'most', subject, bound: open.hi, range });
  }
  for (const gap of facts.gaps) if (isOpenGap(facts, gap)) parts.push({ kind: 'gap', gap });
  // What an array has is said by the bounds of its index; such a look-up is not mentioned.
  for (const mention of facts.mentions) {
    if (mention.kind !== 'found') continue;
    parts.push({ kind: 'found', lookup: mention.lookup, found: facts.found.get(mention.lookup) === true });
  }
  for (const compare of facts.compares.values())
    if (!isImplied(facts, compare)) parts.push({ kind: 'compare', compare });
  return parts;
}

/** True for bounds of the packet's length. */
export function isLengthBound(facts: Facts, part: Conjunct): boolean {
  if (part.kind !== 'least' && part.kind !== 'most') return false;
  const source = facts.sources.sources[sourceOf(part.subject.bits[0] as Bit)];
  return source?.kind === 'value' && source.value.op === 'len';
}

/** Whether a part holds where bits (inverted ones, too) and values are these. */
export function holdsAt(part: Conjunct, bitOf: (bit: Bit) => number, numberOf: (value: Value) => bigint): boolean {
  switch (part.kind) {
    case 'bit':
      return bitOf(part.literal.bit) === part.literal.value;
    case 'exclusion':
      return part.open.some(({ bit, value }) => bitOf(bit) !== value);
    case 'least':
      return numberAt(part.subject.bits, bitOf) >= part.bound;
    case 'most':
      return numberAt(part.subject.bits, bitOf) <= part.bound;
    case 'gap': {
      const x = numberAt(part.gap.subject.bits, bitOf);
      return x < part.gap.lo || x > part.gap.hi;
    }
    case 'found':
      return (numberOf(part.lookup) !== 0n) === part.found;
    case 'compare': {
      const { op, a, b, holds } = part.compare;
      const x = numberOf(a);
      const y = numberOf(b);
      return (op === 'eq' ? x === y : op === 'ult' ? x < y : BigInt.asIntN(64, x) < BigInt.asIntN(64, y)) === holds;
    }
  }
}

/** The number that these bits make, least significant first. */
export function numberAt(bits: readonly Bit[], bitOf: (bit: Bit) => number): bigint {
  return bits.reduce((sum, bit, i) => sum | (BigInt(bitOf(bit)) << BigInt(i)), 0n);
}
