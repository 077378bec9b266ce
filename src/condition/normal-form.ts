/**
 * What is left of each fact once the others are taken into account: the normal form of a path condition, read by
 * everything that shows it, counts it or matches by it. A fact that the rest implies has nothing left.
 */
import { boundsOf, mask64, type Value } from '../ir/index.js';
import { type Bit, sourceOf } from './bits.js';
import { type Compare, splitAdd } from './comparison.js';
import type { Exclusion, Facts, Gap, Range } from './facts.js';
import { type Literal, scaledSubject, subjectOf } from './subject.js';

/** The literals of an exclusion that required bits leave open; undefined if it is implied. */
export function openExclusion(facts: Facts, exclusion: Exclusion): Literal[] | undefined {
  const open: Literal[] = [];
  for (const [i, bit] of exclusion.bits.entries()) {
    const required = facts.required.get(bit);
    const value = exclusion.values[i] as number;
    if (required === undefined) open.push({ bit, value });
    if ((facts.valueOf(bit) ?? value) !== value) return undefined;
  }
  if (open.length === 0) return undefined;
  const subject = subjectOf(exclusion.bits);
  const range = subject === undefined ? undefined : facts.ranges.get(subject.key);
  if (range === undefined) return open;
  const number = exclusion.values.reduce((sum, value, i) => sum | (BigInt(value) << BigInt(i)), 0n);
  return number < range.lo || number > range.hi ? undefined : open;
}

/** Bounds of a range that say something, each by itself; undefined if there are none. */
export function openRange(
  facts: Facts,
  range: Range,
): { readonly lo: bigint | undefined; readonly hi: bigint | undefined } | undefined {
  const { bits } = range.subject;
  const bare = facts.bareInterval(bits);
  const top = largest(facts, bits);
  const hi = range.hi < bare.hi && range.hi < top && !impliedByCompare(facts, range, 'most') ? range.hi : undefined;
  const lo = range.lo > bare.lo && !impliedByCompare(facts, range, 'least') ? range.lo : undefined;
  return lo === undefined && hi === undefined ? undefined : { lo, hi };
}

/** The largest number that bits can make at all. */
function largest(facts: Facts, bits: readonly Bit[]): bigint {
  const every = (1n << BigInt(bits.length)) - 1n;
  const source = facts.sources.sources[sourceOf(bits[0] as Bit)];
  const bounds = source?.kind === 'value' ? boundsOf(source.value) : undefined;
  // Bounds are signed: a number that may be negative may be anything.
  return bounds === undefined || bounds.lo < 0n || bounds.hi > every ? every : bounds.hi;
}

/**
 * True if a comparison with another number says as much as an end of the range: `x < 8` beside `x < y` where y has
 * three bits. What is known of the other number by ranges counts only as far as these were mentioned later, so that
 * two ranges never vouch for each other.
 */
function impliedByCompare(facts: Facts, range: Range, end: 'least' | 'most'): boolean {
  for (const compare of facts.compares.values()) {
    if (compare.op !== 'ult') continue;
    // a < b, or b <= a.
    const [small, large] = compare.holds ? [compare.a, compare.b] : [compare.b, compare.a];
    const strict = compare.holds ? 1n : 0n;
    const [own, other] = end === 'most' ? [small, large] : [large, small];
    // Few comparisons are about the range, so whether one is implied itself, which asks all others, is asked last.
    if (subjectOf(facts.sources.bitsOf(own))?.key !== range.subject.key || isImplied(facts, compare)) continue;
    const left = rangedInterval(facts, other, range);
    if (end === 'most' ? left.hi - strict <= range.hi : left.lo + strict >= range.lo) return true;
  }
  return false;
}

/** True if a gap says something that the range of its subject does not. */
export function isOpenGap(facts: Facts, gap: Gap): boolean {
  const { lo, hi } = facts.ranges.get(gap.subject.key) ?? { lo: gap.lo, hi: gap.hi };
  return gap.hi >= lo && gap.lo <= hi;
}

/**
 * True if ranges and required bits imply a comparison, or another one does: `len >= x + k` where one says `len >= x +
 * m`, m > k.
 */
export function isImplied(facts: Facts, compare: Compare): boolean {
  if (compare.op === 'eq') return !compare.holds && isStrict(facts, compare.a, compare.b);
  if (compare.op !== 'ult') return false;
  const small = rangedInterval(facts, compare.a);
  const large = rangedInterval(facts, compare.b);
  if (compare.holds ? small.hi < large.lo : small.lo >= large.hi) return true;
  const [x, k] = splitAdd(compare.b);
  for (const other of facts.compares.values()) {
    if (other === compare || other.op !== 'ult' || other.a !== compare.a || other.holds !== compare.holds) continue;
    const [y, m] = splitAdd(other.b);
    if (x !== y) continue;
    if (compare.holds ? m < k : m > k) return true;
  }
  return false;
}

/** True if one of the two is known to be less than the other. */
function isStrict(facts: Facts, a: Value, b: Value): boolean {
  for (const { op, a: x, b: y, holds } of facts.compares.values())
    if (op === 'ult' && holds && ((x === a && y === b) || (x === b && y === a))) return true;
  return false;
}

/**
 * Smallest and largest value that required bits and ranges leave; of a sum with a constant, from its symbolic part.
 * `after`: of ranges only those that stand behind this one.
 */
function rangedInterval(facts: Facts, value: Value, after?: Range): { readonly lo: bigint; readonly hi: bigint } {
  const [x, k] = splitAdd(value);
  if (x !== undefined && x !== value) {
    const inner = rangedInterval(facts, x, after);
    if (inner.lo + k >= 0n && inner.hi + k <= mask64) return { lo: inner.lo + k, hi: inner.hi + k };
  }
  const scaled = scaledSubject(facts.sources.bitsOf(value));
  if (scaled !== undefined && scaled.shift > 0n) {
    const { lo, hi } = subjectInterval(facts, scaled.subject.bits, after);
    return { lo: lo << scaled.shift, hi: hi << scaled.shift };
  }
  return subjectInterval(facts, facts.sources.bitsOf(value), after);
}

/**
 * Bounds of a subject. `after`: only what stands behind that range counts, so that two ranges that imply each other do
 * not both vanish.
 */
function subjectInterval(
  facts: Facts,
  bits: readonly Bit[],
  after: Range | undefined,
): { readonly lo: bigint; readonly hi: bigint } {
  const bare = facts.bareInterval(bits);
  const subject = subjectOf(bits);
  const range = subject === undefined ? undefined : facts.ranges.get(subject.key);
  if (range === undefined || (after !== undefined && !standsBehind(facts, range, after))) return bare;
  let { lo, hi } = bare;
  if (range.lo > lo) lo = range.lo;
  if (range.hi < hi) hi = range.hi;
  return { lo, hi };
}

/** By the order in which ranges were made. */
function standsBehind(facts: Facts, range: Range, other: Range): boolean {
  for (const one of facts.ranges.values()) {
    if (one === range) return false;
    if (one === other) return true;
  }
  return false;
}
