/** Comparisons by size. */
import type { Graph } from '../graph.js';
import { mask64, type Value } from '../value.js';
import { boundsOf, decideByBounds } from './bounds.js';
import { arg0, arg1, is, isC, type RuleTable, split } from './rule.js';

/**
 * Compares two numbers that are known not to wrap, as packet offsets and lengths are: pointers lose their base,
 * constants go to one side, and the result is an unsigned comparison if both sides stay non-negative. Covers `data +
 * 14 > data_end`, which becomes `len < 14`, and what is left of it after adjust_head. Packet addresses lie far from
 * both ends of the 64-bit space, so a pointer comparison is one of offsets.
 */
function balance(g: Graph, a: Value, b: Value, strict: boolean): Value | undefined {
  if ((a.op === 'ptr') !== (b.op === 'ptr')) return undefined;
  const pointers = a.op === 'ptr';
  const x = pointers ? arg0(a) : a;
  const y = pointers ? arg0(b) : b;
  if (!pointers && x.op !== 'add' && x.op !== 'sub' && y.op !== 'add' && y.op !== 'sub') return undefined;
  const xb = boundsOf(x);
  const yb = boundsOf(y);
  if (xb === undefined || yb === undefined) return undefined;
  // Without a base, an unsigned comparison equals the signed one only where nothing is negative.
  if (!pointers && (xb.lo < 0n || yb.lo < 0n)) return undefined;
  const decided = decideByBounds(g, x, y, strict, true);
  if (decided !== undefined) return decided;
  const [xs, xc] = split(x);
  const [ys, yc] = split(y);
  let left = xs;
  let right = ys;
  // x - y' form: move what is subtracted to the other side.
  if (left.op === 'sub') {
    right = g.add(right, arg1(left));
    left = arg0(left);
  }
  if (right.op === 'sub') {
    left = g.add(left, arg1(right));
    right = arg0(right);
  }
  const [ls, lc] = split(left);
  const [rs, rc] = split(right);
  const delta = xc + lc - yc - rc;
  if (ls === rs) return g.constant((strict ? delta < 0n : delta <= 0n) ? 1n : 0n);
  const lb = boundsOf(ls);
  const rb = boundsOf(rs);
  if (lb === undefined || rb === undefined || lb.lo < 0n || rb.lo < 0n) return undefined;
  // ls + delta (<|<=) rs
  const op = strict ? 'ult' : 'ule';
  let p: Value;
  let q: Value;
  if (isC(rs)) {
    const bound = rs.imm - delta;
    if (bound < 0n) return g.constant(0n);
    p = ls;
    q = g.constant(bound);
  } else if (isC(ls)) {
    const bound = ls.imm + delta;
    if (bound < 0n) return g.constant(1n);
    p = g.constant(bound);
    q = rs;
  } else {
    p = delta > 0n ? g.add(ls, g.constant(delta)) : ls;
    q = delta < 0n ? g.add(rs, g.constant(-delta)) : rs;
  }
  return !pointers && isSameSum(p, a) && isSameSum(q, b) ? undefined : g.make(op, p, q);
}

/**
 * Are they one value, or the same sum of a value and a constant? Equal sums need not be one value: sharing can be off.
 */
function isSameSum(a: Value, b: Value): boolean {
  const [x, c] = split(a);
  const [y, d] = split(b);
  return x === y && c === d;
}

/** `x >> 63 == bit`. */
const signIs = (g: Graph, x: Value, bit: bigint): Value =>
  g.make('eq', g.make('shr', x, g.constant(63n)), g.constant(bit));

/** Rules of `ult`, `ule`, `slt`, `sle`. */
export const orderRules: RuleTable = {
  ult: [
    { identity: '(x < x) = 0', apply: (g, a, b) => (a === b ? g.constant(0n) : undefined) },
    { identity: '(x < 0) = 0', apply: (g, _a, b) => (is(b, 0n) ? g.constant(0n) : undefined) },
    { identity: '(x < 1) = (x == 0)', apply: (g, a, b) => (is(b, 1n) ? g.make('eq', a, g.constant(0n)) : undefined) },
    { identity: '(x < y) = !(y <= x)', apply: (g, a, b) => decideByBounds(g, a, b, true, false) },
    { identity: 'comparison of offsets: constants to one side', apply: (g, a, b) => balance(g, a, b, true) },
  ],
  ule: [
    { identity: '(x <= x) = 1', apply: (g, a, b) => (a === b ? g.constant(1n) : undefined) },
    { identity: '(0 <= x) = 1', apply: (g, a) => (is(a, 0n) ? g.constant(1n) : undefined) },
    { identity: '(x <= 0) = (x == 0)', apply: (g, a, b) => (is(b, 0n) ? g.make('eq', a, b) : undefined) },
    {
      identity: '(x <= c) = (x < c + 1)',
      apply: (g, a, b) => (isC(b) && b.imm < mask64 ? g.make('ult', a, g.constant(b.imm + 1n)) : undefined),
    },
    {
      identity: '(c <= x) = (c - 1 < x)',
      apply: (g, a, b) => (isC(a) && a.imm > 0n ? g.make('ult', g.constant(a.imm - 1n), b) : undefined),
    },
    { identity: '(x <= y) = !(y < x)', apply: (g, a, b) => decideByBounds(g, a, b, false, false) },
    { identity: 'comparison of offsets: constants to one side', apply: (g, a, b) => balance(g, a, b, false) },
  ],
  slt: [
    {
      identity: '(x s< y) by the intervals of x and y',
      apply: (g, a, b) => decideByBounds(g, a, b, true, true),
    },
    {
      identity: '(x s< 0) = (x >> 63 == 1)',
      apply: (g, a, b) => (is(b, 0n) ? signIs(g, a, 1n) : undefined),
    },
    {
      identity: '(-1 s< x) = (x >> 63 == 0)',
      apply: (g, a, b) => (is(a, mask64) ? signIs(g, b, 0n) : undefined),
    },
    { identity: '(x s< x) = 0', apply: (g, a, b) => (a === b ? g.constant(0n) : undefined) },
    {
      identity: '(x s< y) = (x < y) if neither is negative',
      apply: (g, a, b) => ((a.ones | b.ones) >> 63n === 0n ? g.make('ult', a, b) : undefined),
    },
    { identity: 'comparison of offsets: constants to one side', apply: (g, a, b) => balance(g, a, b, true) },
  ],
  sle: [
    {
      identity: '(x s<= y) by the intervals of x and y',
      apply: (g, a, b) => decideByBounds(g, a, b, false, true),
    },
    {
      identity: '(0 s<= x) = (x >> 63 == 0)',
      apply: (g, a, b) => (is(a, 0n) ? signIs(g, b, 0n) : undefined),
    },
    {
      identity: '(x s<= -1) = (x >> 63 == 1)',
      apply: (g, a, b) => (is(b, mask64) ? signIs(g, a, 1n) : undefined),
    },
    { identity: '(x s<= x) = 1', apply: (g, a, b) => (a === b ? g.constant(1n) : undefined) },
    {
      identity: '(x s<= y) = (x <= y) if neither is negative',
      apply: (g, a, b) => ((a.ones | b.ones) >> 63n === 0n ? g.make('ule', a, b) : undefined),
    },
    { identity: 'comparison of offsets: constants to one side', apply: (g, a, b) => balance(g, a, b, false) },
  ],
};
