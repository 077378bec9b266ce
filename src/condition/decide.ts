/**
 * What the facts of a path condition imply of one more comparison: a guard that follows from those before it need not
 * be recorded, and one that contradicts them cannot be.
 */
import { isConst, type Value } from '../ir/index.js';
import type { Bit } from './bits.js';
import { type Compare, compareKey, shiftedInterval, splitAdd, zeroParts } from './comparison.js';
import type { Facts } from './facts.js';
import { subjectOf } from './subject.js';

/** True or false if the facts imply it, else undefined. `condition` is a comparison. */
export function decide(facts: Facts, condition: Value): boolean | undefined {
  const [a, b] = condition.args as [Value, Value];
  switch (condition.op) {
    case 'const':
      return condition.imm !== 0n;
    case 'eq':
      return decideEqual(facts, a, b);
    case 'ult':
      return decideLess(facts, a, b);
    case 'ule': {
      const less = decideLess(facts, b, a);
      return less === undefined ? undefined : !less;
    }
    case 'slt':
      return decideSigned(facts, a, b);
    case 'sle': {
      const less = decideSigned(facts, b, a);
      return less === undefined ? undefined : !less;
    }
    default:
      return undefined;
  }
}

/**
 * `a == b`. Against a constant it is a matter of bits: one that is known otherwise decides, all known the same decide.
 */
function decideEqual(facts: Facts, a: Value, b: Value): boolean | undefined {
  if (!isConst(b)) return decideCompare(facts, 'eq', a, b);
  if (a.op === 'lookup' && b.imm === 0n) {
    const found = facts.found.get(a);
    return found === undefined ? undefined : !found;
  }
  const zero = zeroParts(a, b);
  if (zero !== undefined) {
    const parts = zero.map((part) => decideEqual(facts, part, b));
    if (parts.includes(false)) return false;
    if (parts.every((part) => part === true)) return true;
  }
  const literals = facts.literals(a, b.imm);
  if (literals === undefined) return false;
  let open = 0;
  for (let i = 0; i < literals.bits.length; i++) {
    const value = facts.valueOf(literals.bits[i] as Bit);
    if (value === undefined) open++;
    else if (value !== literals.values[i]) return false;
  }
  if (open === 0) return true;
  // Bits that leave `a == b` open leave it inside of their interval.
  if (facts.ranges.size > 0) {
    const { lo, hi } = facts.interval(a);
    if (b.imm < lo || b.imm > hi) return false;
  }
  if (inGap(facts, a, b.imm)) return false;
  if (facts.exclusions.length === 0) return undefined;
  const wanted = new Map<Bit, number>();
  for (let i = 0; i < literals.bits.length; i++) wanted.set(literals.bits[i] as Bit, literals.values[i] as number);
  const excluded = facts.exclusions.some((exclusion) =>
    exclusion.bits.every((bit, i) => (wanted.get(bit) ?? facts.valueOf(bit)) === exclusion.values[i]),
  );
  return excluded ? false : undefined;
}

/**
 * Unsigned `a < b`, by intervals. `a` may be a subject plus a constant, which wraps round: then it is an interval of
 * that.
 */
function decideLess(facts: Facts, a: Value, b: Value): boolean | undefined {
  const x = facts.interval(a);
  const y = facts.interval(b);
  if (x.hi < y.lo) return true;
  if (x.lo >= y.hi) return false;
  const shifted = shiftedInterval(facts.sources, a, b);
  if (shifted !== undefined) {
    const current = facts.interval(shifted.value);
    if (current.lo >= shifted.lo && current.hi <= shifted.hi) return shifted.inside;
    if (current.hi < shifted.lo || current.lo > shifted.hi) return !shifted.inside;
    if (
      facts.gaps.some((gap) => gap.subject.key === shifted.subject.key && gap.lo <= shifted.lo && gap.hi >= shifted.hi)
    )
      return !shifted.inside;
  }
  return decideCompare(facts, 'ult', a, b);
}

/** Signed `a < b`: by the signs where both are known, as unsigned where they are the same. */
function decideSigned(facts: Facts, a: Value, b: Value): boolean | undefined {
  const x = facts.signOf(a);
  const y = facts.signOf(b);
  if (x === undefined || y === undefined) return decideCompare(facts, 'slt', a, b);
  return x === y ? decideLess(facts, a, b) : x === 1;
}

/** By what other comparisons of the same two values said: x < y excludes y < x and x == y. */
function decideCompare(facts: Facts, op: Compare['op'], a: Value, b: Value): boolean | undefined {
  const same = facts.compares.get(compareKey(op, a, b));
  if (same !== undefined) return same.holds;
  if (op === 'eq') {
    const less = facts.compares.get(compareKey('ult', a, b)) ?? facts.compares.get(compareKey('ult', b, a));
    return less?.holds === true ? false : undefined;
  }
  const reverse = facts.compares.get(compareKey(op, b, a));
  if (reverse?.holds === true) return false;
  const equal = facts.compares.get(compareKey('eq', a, b));
  if (equal?.holds === true) return false;
  if (op === 'ult') return decideOffset(facts, a, b);
  return undefined;
}

/** `len < x + k` from `len >= x + m`, m >= k, or from `len < x + m`, m <= k. */
function decideOffset(facts: Facts, a: Value, b: Value): boolean | undefined {
  const [x, k] = splitAdd(b);
  for (const known of facts.compares.values()) {
    if (known.op !== 'ult' || known.a !== a) continue;
    const [y, m] = splitAdd(known.b);
    if (x !== y || x === undefined) continue;
    if (!known.holds && m >= k) return false;
    if (known.holds && m <= k) return true;
  }
  return undefined;
}

/** Is the number one that a gap leaves out? */
function inGap(facts: Facts, a: Value, x: bigint): boolean {
  if (facts.gaps.length === 0) return false;
  const subject = subjectOf(facts.sources.bitsOf(a));
  return (
    subject !== undefined && facts.gaps.some((gap) => gap.subject.key === subject.key && gap.lo <= x && x <= gap.hi)
  );
}
