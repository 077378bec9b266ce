/** Intervals of values, and what they decide. */
import type { Graph } from '../graph.js';
import { fillRight } from '../ones.js';
import { signed, type Value } from '../value.js';
import { arg0, arg1 } from './rule.js';

/**
 * Interval of mathematical integers that a value lies in when read as a signed number, or undefined if it may wrap.
 */
export function boundsOf(value: Value): Bounds | undefined {
  return boundsWithin(value, { sums: maxSums });
}

/** A signed interval, inclusive. */
interface Bounds {
  readonly lo: bigint;
  readonly hi: bigint;
}

/**
 * Sums are a DAG: `a += b; b += a` forty times is a tree of a billion. So many are looked into, and of the rest only
 * the bits count.
 */
const maxSums = 64;

/** The signed interval of a value; `left` bounds how many sums are looked through. */
function boundsWithin(value: Value, left: { sums: number }): Bounds | undefined {
  if (value.op === 'const') {
    const c = signed(value.imm);
    return { lo: c, hi: c };
  }
  if (value.ones >> 62n === 0n && value.op !== 'add' && value.op !== 'sub')
    return { lo: 0n, hi: fillRight(value.ones) };
  if (value.op === 'add' || value.op === 'sub') {
    const a = left.sums-- > 0 ? boundsWithin(arg0(value), left) : undefined;
    const b = a === undefined ? undefined : boundsWithin(arg1(value), left);
    if (a === undefined || b === undefined)
      return value.ones >> 62n === 0n ? { lo: 0n, hi: fillRight(value.ones) } : undefined;
    const lo = value.op === 'add' ? a.lo + b.lo : a.lo - b.hi;
    const hi = value.op === 'add' ? a.hi + b.hi : a.hi - b.lo;
    return lo > -(1n << 62n) && hi < 1n << 62n ? { lo, hi } : undefined;
  }
  return undefined;
}

/** Decides a comparison from the intervals of its arguments. */
export function decideByBounds(g: Graph, a: Value, b: Value, strict: boolean, isSigned: boolean): Value | undefined {
  const x = boundsOf(a);
  const y = boundsOf(b);
  if (x === undefined || y === undefined) return undefined;
  if (!isSigned && (x.lo < 0n || y.lo < 0n)) return undefined;
  if (strict ? x.hi < y.lo : x.hi <= y.lo) return g.constant(1n);
  if (strict ? x.lo >= y.hi : x.lo > y.hi) return g.constant(0n);
  return undefined;
}
