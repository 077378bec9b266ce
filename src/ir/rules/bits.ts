/** Masks and unions. */
import type { Graph } from '../graph.js';
import { mask32, mask64, type Value } from '../value.js';
import { arg0, arg1, has, is, isC, type RuleTable, withConst } from './rule.js';

/** x & c and x & d, where x itself is x & ~0: together x & (c | d). */
function joinMasks(g: Graph, a: Value, b: Value): Value | undefined {
  const [x, c] = masked(a);
  const [y, d] = masked(b);
  return x === y && (c !== mask64 || d !== mask64) ? g.and(x, g.constant(c | d)) : undefined;
}

/** A value and the mask on it; all bits where there is none. */
function masked(value: Value): readonly [Value, bigint] {
  return withConst(value, 'and') ? [arg0(value), arg1(value).imm] : [value, mask64];
}

/** Rules of `and`, `or`, `xor`. */
export const bitRules: RuleTable = {
  and: [
    { identity: 'x & x = x', apply: (_, a, b) => (a === b ? a : undefined) },
    {
      identity: 'x & y = 0 if ones(x) & ones(y) = 0',
      apply: (g, a, b) => ((a.ones & b.ones) === 0n ? g.constant(0n) : undefined),
    },
    {
      identity: 'x & c = x if c covers ones(x)',
      apply: (_, a, b) => (isC(b) && (a.ones & ~b.imm) === 0n ? a : undefined),
    },
    {
      identity: '(x & c) & d = x & (c & d)',
      apply: (g, a, b) => (isC(b) && withConst(a, 'and') ? g.and(arg0(a), g.constant(arg1(a).imm & b.imm)) : undefined),
    },
    {
      identity: '(x | y) & c = x & c if ones(y) & c = 0',
      apply: (g, a, b) => {
        if (!isC(b) || !(has(a, 'or') || has(a, 'xor'))) return undefined;
        if ((arg1(a).ones & b.imm) === 0n) return g.and(arg0(a), b);
        return (arg0(a).ones & b.imm) === 0n ? g.and(arg1(a), b) : undefined;
      },
    },
    {
      identity: 'f32(x, y) for f64(x, y) & M32, f in + - * <<',
      apply: (g, a, b) => {
        if (!is(b, mask32)) return undefined;
        if (has(a, 'add')) return g.make('add32', arg0(a), arg1(a));
        if (has(a, 'sub')) return g.make('sub32', arg0(a), arg1(a));
        return has(a, 'mul') ? g.make('mul32', arg0(a), arg1(a)) : undefined;
      },
    },
    {
      identity: 'sext(x) & c = x & c if c lies within the low bits',
      apply: (g, a, b) => {
        const within = a.op === 'sext8' ? 0xffn : a.op === 'sext16' ? 0xffffn : a.op === 'sext32' ? mask32 : 0n;
        return isC(b) && within !== 0n && (b.imm & ~within) === 0n ? g.and(arg0(a), b) : undefined;
      },
    },
  ],
  or: [
    { identity: 'x | x = x', apply: (_, a, b) => (a === b ? a : undefined) },
    { identity: 'x | 0 = x', apply: (_, a, b) => (is(b, 0n) ? a : undefined) },
    {
      identity: 'x | c = c if c covers ones(x)',
      apply: (_, a, b) => (isC(b) && (a.ones & ~b.imm) === 0n ? b : undefined),
    },
    {
      identity: '(x & c) | (x & d) = x & (c | d)',
      apply: (g, a, b) => joinMasks(g, a, b),
    },
    {
      identity: '(y | (x & c)) | (x & d) = y | (x & (c | d))',
      apply: (g, a, b) => {
        if (!has(a, 'or')) return undefined;
        const joined = joinMasks(g, arg1(a), b);
        return joined === undefined ? undefined : g.make('or', arg0(a), joined);
      },
    },
    {
      identity: '(x | c) | d = x | (c | d)',
      apply: (g, a, b) =>
        isC(b) && withConst(a, 'or') ? g.make('or', arg0(a), g.constant(arg1(a).imm | b.imm)) : undefined,
    },
  ],
  xor: [
    { identity: 'x ^ x = 0', apply: (g, a, b) => (a === b ? g.constant(0n) : undefined) },
    { identity: 'x ^ 0 = x', apply: (_, a, b) => (is(b, 0n) ? a : undefined) },
    {
      identity: '(x ^ c) ^ d = x ^ (c ^ d)',
      apply: (g, a, b) =>
        isC(b) && withConst(a, 'xor') ? g.make('xor', arg0(a), g.constant(arg1(a).imm ^ b.imm)) : undefined,
    },
    {
      identity: '(x ^ y) ^ y = x',
      apply: (_, a, b) => (has(a, 'xor') ? (arg1(a) === b ? arg0(a) : arg0(a) === b ? arg1(a) : undefined) : undefined),
    },
  ],
};
