/** Comparisons of values, as guards make them, and what some of them amount to. */
import { isConst, mask64, type Value } from '../ir/index.js';
import type { BitSources } from './bits.js';
import { largestOf, type Subject, subjectOf } from './subject.js';

/** A comparison between two values that no normal form covers: `a == b` or `a < b`, or its negation. */
export interface Compare {
  readonly op: 'eq' | 'ult' | 'slt';
  readonly a: Value;
  readonly b: Value;
  readonly holds: boolean;
}

/** The same for the same comparison. */
export function compareKey(op: Compare['op'], a: Value, b: Value): string {
  return op === 'eq' && a.id > b.id ? `eq ${b.id} ${a.id}` : `${op} ${a.id} ${b.id}`;
}

/** Parts that must all be zero for `a == 0`: of `x | y`. */
export function zeroParts(a: Value, b: Value): readonly Value[] | undefined {
  return b.imm === 0n && a.op === 'or' ? a.args : undefined;
}

/** Symbolic part and constant of an offset, both assumed not to wrap. */
export function splitAdd(value: Value): readonly [Value | undefined, bigint] {
  const [a, b] = value.args;
  if (value.op === 'add' && a !== undefined && b !== undefined && isConst(b)) return [a, BigInt.asIntN(64, b.imm)];
  return isConst(value) ? [undefined, value.imm] : [value, 0n];
}

/** An interval of a field, inclusive; `inside`: the comparison holds in it, else outside of it. */
export interface Shifted {
  readonly value: Value;
  readonly subject: Subject;
  readonly lo: bigint;
  readonly hi: bigint;
  readonly inside: boolean;
}

/** A sum as arithmetic of so many bits: of a 64-bit sum's low ones where a mask keeps no more. */
function sumOf(value: Value): { readonly sum: Value; readonly width: number } | undefined {
  const [x, mask] = value.args;
  const isCut = value.op === 'and' && mask !== undefined && isConst(mask) && (mask.imm & (mask.imm + 1n)) === 0n;
  const sum = isCut && x !== undefined ? x : value;
  if (sum.op !== 'add' && sum.op !== 'add32') return undefined;
  const width = sum.op === 'add32' ? 32 : 64;
  return { sum, width: isCut ? Math.min(width, mask.imm.toString(2).length) : width };
}

/** `field + k < n`, or `n < field + k`, in arithmetic that wraps (8 to 64 bits) as an interval of the field, or as all
 * but an interval. */
export function shiftedInterval(sources: BitSources, a: Value, b: Value): Shifted | undefined {
  if (isConst(b)) return intervalBelow(sources, a, b.imm);
  // n < x is not x < n + 1.
  const below = isConst(a) && a.imm < mask64 ? intervalBelow(sources, b, a.imm + 1n) : undefined;
  return below === undefined ? undefined : { ...below, inside: !below.inside };
}

/** `field + k < bound`. */
function intervalBelow(sources: BitSources, a: Value, bound: bigint): Shifted | undefined {
  const taken = sumOf(a);
  if (bound === 0n || taken === undefined) return undefined;
  const [field, k] = taken.sum.args as [Value, Value];
  if (!isConst(k)) return undefined;
  const subject = subjectOf(sources.bitsOf(field));
  if (subject === undefined) return undefined;
  const modulus = 1n << BigInt(taken.width);
  const top = largestOf(subject);
  if (top >= modulus || bound >= modulus) return undefined;
  const start = BigInt.asUintN(taken.width, -k.imm);
  const end = start + bound - 1n;
  const interval = (lo: bigint, hi: bigint, inside: boolean): Shifted => ({
    value: field,
    subject,
    lo,
    hi: hi < top ? hi : top,
    inside,
  });
  if (end < modulus) return start > top ? undefined : interval(start, end, true);
  // It goes on from zero: what is left out lies between the two parts.
  return start > top ? interval(0n, end - modulus, true) : interval(end - modulus + 1n, start - 1n, false);
}
