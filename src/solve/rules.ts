/**
 * What terms become when they are made: rules by operation, each with its identity, the first that fires wins. They
 * keep what is sent to a solver small and decide the many questions that need none; what is known is folded before
 * they are asked, and of a commutative operation a constant is the second argument.
 */
import { largest } from './largest.js';
import type { BinaryOp, RelationOp } from './operations.js';
import { isConstant, type Term, widthOf } from './term.js';
import type { Terms } from './terms.js';

/**
 * `w` is the width of the arguments, 0 for truth values. Two names in one identity may be any terms, `c` and `d` are
 * constants.
 */
export interface TermRule {
  readonly identity: string;
  readonly apply: (t: Terms, a: Term, b: Term, w: number) => Term | undefined;
}

const is = (term: Term, value: bigint): boolean => term.op === 'const' && term.value === value;
const ones = (w: number): bigint => (1n << BigInt(w)) - 1n;
const arg = (term: Term, i: number): Term => term.args[i] as Term;

/** `x` and `c` of `x + c`; a constant of 0 for what is no such sum. */
export function splitSum(term: Term): readonly [Term, bigint] {
  const [x, c] = term.args;
  return term.op === 'bvadd' && x !== undefined && c?.op === 'const' ? [x, c.value] : [term, 0n];
}

/** Never equal, whatever the variables are: two constants, or one term with two constants added. */
export function areDistinct(a: Term, b: Term): boolean {
  if (a.op === 'const' && b.op === 'const') return a.value !== b.value;
  const [x, c] = splitSum(a);
  const [y, d] = splitSum(b);
  return x === y && c !== d;
}

// The same of all three shifts.
const isShift: readonly TermRule[] = [
  { identity: 'shift(x, 0) = x', apply: (_, a, b) => (is(b, 0n) ? a : undefined) },
  { identity: 'shift(0, x) = 0', apply: (_, a) => (is(a, 0n) ? a : undefined) },
];

/** By operation. `apply` gets the maker of terms, both arguments and their width; undefined: it does not fire. */
export const binaryRules: Readonly<Record<BinaryOp, readonly TermRule[]>> = {
  bvadd: [
    { identity: 'x + 0 = x', apply: (_, a, b) => (is(b, 0n) ? a : undefined) },
    {
      identity: '(x + c) + d = x + (c + d)',
      apply: (t, a, b, w) => {
        const [x, c] = splitSum(a);
        return b.op === 'const' && c !== 0n ? t.add(x, t.bits(w, c + b.value)) : undefined;
      },
    },
    {
      identity: '(x + c) + y = (x + y) + c',
      apply: (t, a, b, w) => {
        const [[x, c], [y, d]] = [splitSum(a), splitSum(b)];
        return b.op !== 'const' && (c !== 0n || d !== 0n) ? t.add(t.add(x, y), t.bits(w, c + d)) : undefined;
      },
    },
  ],
  bvsub: [
    { identity: 'x - x = 0', apply: (t, a, b, w) => (a === b ? t.bits(w, 0n) : undefined) },
    { identity: 'x - c = x + -c', apply: (t, a, b, w) => (isConstant(b) ? t.add(a, t.bits(w, -b.value)) : undefined) },
    {
      identity: '(x + c) - (x + d) = c - d',
      apply: (t, a, b, w) => {
        const [[x, c], [y, d]] = [splitSum(a), splitSum(b)];
        return x === y ? t.bits(w, c - d) : undefined;
      },
    },
  ],
  bvmul: [
    { identity: 'x * 0 = 0', apply: (_, _a, b) => (is(b, 0n) ? b : undefined) },
    { identity: 'x * 1 = x', apply: (_, a, b) => (is(b, 1n) ? a : undefined) },
  ],
  bvudiv: [{ identity: 'x / 1 = x', apply: (_, a, b) => (is(b, 1n) ? a : undefined) }],
  bvurem: [{ identity: 'x % 1 = 0', apply: (t, _, b, w) => (is(b, 1n) ? t.bits(w, 0n) : undefined) }],
  bvsdiv: [],
  bvsrem: [],
  bvand: [
    { identity: 'x & x = x', apply: (_, a, b) => (a === b ? a : undefined) },
    { identity: 'x & 0 = 0', apply: (_, _a, b) => (is(b, 0n) ? b : undefined) },
    { identity: 'x & ~0 = x', apply: (_, a, b, w) => (is(b, ones(w)) ? a : undefined) },
    {
      identity: 'x & (2^c - 1) = zero_extend(x[c-1:0])',
      apply: (t, a, b, w) => {
        if (b.op !== 'const' || (b.value & (b.value + 1n)) !== 0n) return undefined;
        return t.zeroExtend(t.extract(a, b.value.toString(2).length - 1, 0), w);
      },
    },
    {
      identity: '(x & c) & d = x & (c & d)',
      apply: (t, a, b, w) =>
        b.op === 'const' && a.op === 'bvand' && isConstant(arg(a, 1))
          ? t.and(arg(a, 0), t.bits(w, arg(a, 1).value & b.value))
          : undefined,
    },
  ],
  bvor: [
    { identity: 'x | x = x', apply: (_, a, b) => (a === b ? a : undefined) },
    { identity: 'x | 0 = x', apply: (_, a, b) => (is(b, 0n) ? a : undefined) },
    { identity: 'x | ~0 = ~0', apply: (_, _a, b, w) => (is(b, ones(w)) ? b : undefined) },
  ],
  bvxor: [
    { identity: 'x ^ x = 0', apply: (t, a, b, w) => (a === b ? t.bits(w, 0n) : undefined) },
    { identity: 'x ^ 0 = x', apply: (_, a, b) => (is(b, 0n) ? a : undefined) },
    { identity: 'x ^ ~0 = ~x', apply: (t, a, b, w) => (is(b, ones(w)) ? t.not(a) : undefined) },
  ],
  bvshl: isShift,
  bvlshr: isShift,
  bvashr: isShift,
};

/** By relation. */
export const relationRules: Readonly<Record<RelationOp, readonly TermRule[]>> = {
  '=': [
    { identity: '(x = x) = true', apply: (t, a, b) => (a === b ? t.true : undefined) },
    { identity: '(x + c = x + d) = false if c != d', apply: (t, a, b) => (areDistinct(a, b) ? t.false : undefined) },
    {
      identity: '(p = true) = p, (p = false) = not p',
      apply: (t, a, b) => (a.sort.kind === 'bool' && b.op === 'const' ? (b.value === 1n ? a : t.no(a)) : undefined),
    },
    {
      identity: '(zero_extend(x) = c) = (x = c), or false if c is wider',
      apply: (t, a, b) => {
        if (b.op !== 'const' || a.op !== 'zero_extend') return undefined;
        const x = arg(a, 0);
        return b.value >> BigInt(widthOf(x)) === 0n ? t.eq(x, t.bits(widthOf(x), b.value)) : t.false;
      },
    },
    {
      identity: '(ite(p, c, d) = e) = p if c = e != d, not p if c != e = d, false if neither is e',
      apply: (t, a, b) => {
        if (b.op !== 'const' || a.op !== 'ite') return undefined;
        const [p, c, d] = a.args as [Term, Term, Term];
        if (c.op !== 'const' || d.op !== 'const') return undefined;
        if (c === b) return p;
        return d === b ? t.no(p) : t.false;
      },
    },
    {
      identity: '(x + c = d) = (x = d - c)',
      apply: (t, a, b, w) => {
        const [x, c] = splitSum(a);
        return b.op === 'const' && c !== 0n ? t.eq(x, t.bits(w, b.value - c)) : undefined;
      },
    },
  ],
  bvult: [
    { identity: '(x < x) = false', apply: (t, a, b) => (a === b ? t.false : undefined) },
    { identity: '(x < 0) = false', apply: (t, _, b) => (is(b, 0n) ? t.false : undefined) },
    { identity: '(x < 1) = (x = 0)', apply: (t, a, b, w) => (is(b, 1n) ? t.eq(a, t.bits(w, 0n)) : undefined) },
    { identity: '(~0 < x) = false', apply: (t, a, _, w) => (is(a, ones(w)) ? t.false : undefined) },
    {
      identity: '(x < c) = true if x is less by its form',
      apply: (t, a, b) => (b.op === 'const' && a.op !== 'const' && largest(a) < b.value ? t.true : undefined),
    },
    {
      identity: '(c < x) = false if x is at most c by its form',
      apply: (t, a, b) => (a.op === 'const' && b.op !== 'const' && largest(b) <= a.value ? t.false : undefined),
    },
  ],
  bvule: [
    { identity: '(x <= x) = true', apply: (t, a, b) => (a === b ? t.true : undefined) },
    { identity: '(0 <= x) = true', apply: (t, a) => (is(a, 0n) ? t.true : undefined) },
    { identity: '(x <= ~0) = true', apply: (t, _, b, w) => (is(b, ones(w)) ? t.true : undefined) },
  ],
  bvslt: [{ identity: '(x s< x) = false', apply: (t, a, b) => (a === b ? t.false : undefined) }],
  bvsle: [{ identity: '(x s<= x) = true', apply: (t, a, b) => (a === b ? t.true : undefined) }],
};
