/** Comparisons of values, as guards make them, and what some of them amount to. */
import { isConst, type Value } from '../ir/index.js';
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

/** An interval of a field, inclusive. */
export interface Shifted {
  readonly value: Value;
  readonly subject: Subject;
  readonly lo: bigint;
  readonly hi: bigint;
}

/** `field + k < n` (32 or 64 bits) as an interval of the field, where it is one. */
export function shiftedInterval(sources: BitSources, a: Value, b: Value): Shifted | undefined {
  if (!isConst(b) || (a.op !== 'add' && a.op !== 'add32')) return undefined;
  const [field, k] = a.args as [Value, Value];
  if (!isConst(k) || b.imm === 0n) return undefined;
  const subject = subjectOf(sources.bitsOf(field));
  if (subject === undefined) return undefined;
  const width = a.op === 'add32' ? 32n : 64n;
  const modulus = 1n << width;
  const top = largestOf(subject);
  if (top >= modulus) return undefined;
  const start = BigInt.asUintN(Number(width), -k.imm);
  const end = start + b.imm - 1n;
  if (end < modulus) return start > top ? undefined : { value: field, subject, lo: start, hi: end < top ? end : top };
  return start > top ? { value: field, subject, lo: 0n, hi: end - modulus < top ? end - modulus : top } : undefined;
}
