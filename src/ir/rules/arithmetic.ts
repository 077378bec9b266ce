/** Sums, differences, products and quotients of 64 bits. */
import { arg0, arg1, has, is, isC, type RuleTable, withConst } from './rule.js';

/**
 * Rules of `add`, `sub`, `mul`, `udiv`, `umod`. Constants gather at the outside, where the access that uses an
 * address takes them into its offset.
 */
export const arithmeticRules: RuleTable = {
  add: [
    { identity: 'x + 0 = x', apply: (_, a, b) => (is(b, 0n) ? a : undefined) },
    {
      identity: '(x + c) + d = x + (c + d)',
      apply: (g, a, b) => (isC(b) && withConst(a, 'add') ? g.add(arg0(a), g.constant(arg1(a).imm + b.imm)) : undefined),
    },
    {
      identity: 'ptr(x) + y = ptr(x + y)',
      apply: (g, a, b) =>
        has(a, 'ptr') && !has(b, 'ptr')
          ? g.pointer(g.add(arg0(a), b))
          : has(b, 'ptr') && !has(a, 'ptr')
            ? g.pointer(g.add(arg0(b), a))
            : undefined,
    },
    {
      identity: '(x + c) + y = (x + y) + c',
      apply: (g, a, b) =>
        withConst(a, 'add') && !isC(b)
          ? g.add(g.add(arg0(a), b), arg1(a))
          : withConst(b, 'add') && !isC(a)
            ? g.add(g.add(a, arg0(b)), arg1(b))
            : undefined,
    },
    {
      identity: '(x - y) + y = x',
      apply: (_, a, b) =>
        has(a, 'sub') && arg1(a) === b ? arg0(a) : has(b, 'sub') && arg1(b) === a ? arg0(b) : undefined,
    },
  ],
  sub: [
    { identity: 'x - x = 0', apply: (g, a, b) => (a === b ? g.constant(0n) : undefined) },
    { identity: 'x - c = x + (-c)', apply: (g, a, b) => (isC(b) ? g.add(a, g.constant(-b.imm)) : undefined) },
    {
      identity: 'ptr(x) - ptr(y) = x - y',
      apply: (g, a, b) => (has(a, 'ptr') && has(b, 'ptr') ? g.sub(arg0(a), arg0(b)) : undefined),
    },
    {
      identity: 'ptr(x) - y = ptr(x - y)',
      apply: (g, a, b) => (has(a, 'ptr') && !has(b, 'ptr') ? g.pointer(g.sub(arg0(a), b)) : undefined),
    },
    {
      identity: '(x + y) - x = y',
      apply: (_, a, b) => (has(a, 'add') ? (arg0(a) === b ? arg1(a) : arg1(a) === b ? arg0(a) : undefined) : undefined),
    },
    {
      identity: '(x + c) - y = (x - y) + c',
      apply: (g, a, b) => (withConst(a, 'add') ? g.add(g.sub(arg0(a), b), arg1(a)) : undefined),
    },
    {
      identity: 'x - (y + c) = (x - y) + (-c)',
      apply: (g, a, b) =>
        withConst(b, 'add') && !isC(a) ? g.add(g.sub(a, arg0(b)), g.constant(-arg1(b).imm)) : undefined,
    },
    {
      identity: 'c - (y + d) = (c - d) - y',
      apply: (g, a, b) => (withConst(b, 'add') && isC(a) ? g.sub(g.constant(a.imm - arg1(b).imm), arg0(b)) : undefined),
    },
    {
      identity: 'x - (x - y) = y',
      apply: (_, a, b) => (has(b, 'sub') && arg0(b) === a ? arg1(b) : undefined),
    },
  ],
  mul: [
    { identity: 'x * 0 = 0', apply: (_, _a, b) => (is(b, 0n) ? b : undefined) },
    { identity: 'x * 1 = x', apply: (_, a, b) => (is(b, 1n) ? a : undefined) },
    {
      identity: 'x * 2^c = x << c',
      apply: (g, a, b) => {
        if (!isC(b) || b.imm === 0n || (b.imm & (b.imm - 1n)) !== 0n) return undefined;
        return g.make('shl', a, g.constant(BigInt(b.imm.toString(2).length - 1)));
      },
    },
  ],
  udiv: [
    { identity: 'x / 1 = x', apply: (_, a, b) => (is(b, 1n) ? a : undefined) },
    {
      identity: 'x / 2^c = x >> c',
      apply: (g, a, b) => {
        if (!isC(b) || b.imm === 0n || (b.imm & (b.imm - 1n)) !== 0n) return undefined;
        return g.make('shr', a, g.constant(BigInt(b.imm.toString(2).length - 1)));
      },
    },
  ],
  umod: [
    {
      identity: 'x % 2^c = x & (2^c - 1)',
      apply: (g, a, b) =>
        isC(b) && b.imm !== 0n && (b.imm & (b.imm - 1n)) === 0n ? g.and(a, g.constant(b.imm - 1n)) : undefined,
    },
  ],
};
