/**
 * What is left of each fact once the others are taken into account: the normal form of a path condition, read by everything that shows it, counts it
 * or matches by it. A fact that the rest implies has nothing left.
 */
import { boundsOf, type Value } from '../ir/index.js';
import { type Bit, indexOf, isInverted, plain, sourceOf } from './bits.js';
import { type Compare, type Exclusion, type Facts, type Gap, type Range, splitAdd, subjectOf } from './facts.js';

/** One bit and the value that it must have (or, in an exclusion, must not have together with the others). */
export interface Literal {
  readonly bit: Bit;
  readonly value: number;
}

/** The literals of an exclusion that required bits leave open; undefined if it is implied. */
export function openExclusion(facts: Facts, exclusion: Exclusion): Literal[] | undefined {
  const open: Literal[] = [];
  for (const [i, bit] of exclusion.bits.entries()) {
    const required = facts.required.get(bit);
    const value = exclusion.values[i] as number;
    if (required === undefined) open.push({ bit, value });
    else if (required !== value) return undefined;
  }
  if (open.length === 0) return undefined;
  const subject = subjectOf(exclusion.bits);
  const range = subject === undefined ? undefined : facts.ranges.get(subject.key);
  if (range === undefined) return open;
  const number = exclusion.values.reduce((sum, value, i) => sum | (BigInt(value) << BigInt(i)), 0n);
  return number < range.lo || number > range.hi ? undefined : open;
}

/** Bounds of a range that say something; undefined if there are none. */
export function openRange(
  facts: Facts,
  range: Range,
): { readonly lo: bigint; readonly hi: bigint | undefined } | undefined {
  const { bits } = range.subject;
  if (bits.every((bit) => facts.required.has(plain(bit)))) return undefined;
  const top = largest(facts, bits);
  if (range.lo === 0n && range.hi >= top) return undefined;
  return { lo: range.lo, hi: range.hi < top ? range.hi : undefined };
}

/** The largest number that bits can make at all. */
function largest(facts: Facts, bits: readonly Bit[]): bigint {
  const every = (1n << BigInt(bits.length)) - 1n;
  const source = facts.sources.sources[sourceOf(bits[0] as Bit)];
  return source?.kind === 'value' ? (boundsOf(source.value)?.hi ?? every) : every;
}

/** True if a gap says something that the range of its subject does not. */
export function isOpenGap(facts: Facts, gap: Gap): boolean {
  const { lo, hi } = facts.ranges.get(gap.subject.key) ?? { lo: gap.lo, hi: gap.hi };
  return gap.hi >= lo && gap.lo <= hi;
}

/** `len >= x + k` where another comparison says `len >= x + m`, m > k. */
export function isImplied(facts: Facts, compare: Compare): boolean {
  if (compare.op !== 'ult') return false;
  const [x, k] = splitAdd(compare.b);
  for (const other of facts.compares.values()) {
    if (other === compare || other.op !== 'ult' || other.a !== compare.a || other.holds !== compare.holds) continue;
    const [y, m] = splitAdd(other.b);
    if (x !== y) continue;
    if (compare.holds ? m < k : m > k) return true;
  }
  return false;
}

/**
 * Where a bit stands in the key of a matcher: a packet byte at a fixed offset, the packet's length, or a field of the context. Numbers below 2^24 are
 * packet bits (8 * byte + position in it); the others are `(1 + column) * 2^24 + position`, columns as in {@link columnOf}.
 */
export type KeyBit = number;

const span = 2 ** 24;

export type KeyColumn =
  | { readonly kind: 'packet'; readonly offset: number }
  | { readonly kind: 'len' }
  | { readonly kind: 'metalen' }
  | { readonly kind: 'ctx'; readonly offset: number };

/** The key bit that a condition's bit is; undefined if a matcher cannot see it (state, computed values, variable offsets). */
export function keyBitOf(facts: Facts, bit: Bit): KeyBit | undefined {
  const source = facts.sources.sources[sourceOf(bit)];
  const index = indexOf(bit);
  if (source?.kind === 'packet') return source.base === undefined && index >= 0 ? index : undefined;
  if (source?.kind !== 'value') return undefined;
  const column = valueColumn(source.value);
  return column === undefined ? undefined : (1 + column) * span + index;
}

function valueColumn({ op, imm }: Value): number | undefined {
  return op === 'len' ? 0 : op === 'metalen' ? 1 : op === 'ctx' ? 2 + Number(imm) : undefined;
}

export function columnOf(bit: KeyBit): { readonly column: KeyColumn; readonly position: number } {
  if (bit < span) return { column: { kind: 'packet', offset: bit >> 3 }, position: bit & 7 };
  const number = Math.floor(bit / span) - 1;
  const position = bit % span;
  if (number < 2) return { column: { kind: number === 0 ? 'len' : 'metalen' }, position };
  return { column: { kind: 'ctx', offset: number - 2 }, position };
}

/** Literals with their inversion undone: bit `i` of a subject's number `x` as a literal over a plain bit. */
export function literalOf(bit: Bit, value: number): Literal {
  return { bit: plain(bit), value: isInverted(bit) ? 1 - value : value };
}
