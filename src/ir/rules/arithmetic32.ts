/** Operations on low halves. */
import { mask32, type Value } from '../value.js';
import { arg0, arg1, has, isC, type Rule, type RuleTable, withConst } from './rule.js';

const truncation: readonly Rule[] = [
  {
    identity: 'f32(x & c, y) = f32(x, y) if c covers M32',
    apply: (g, a, b, op) => {
      const strip = (v: Value): Value => (withConst(v, 'and') && (arg1(v).imm & mask32) === mask32 ? arg0(v) : v);
      const x = strip(a);
      const y = strip(b);
      return x === a && y === b ? undefined : g.make(op, x, y);
    },
  },
];

/** Rules of operations that see low halves alone: masks in front of them go. */
export const arithmetic32Rules: RuleTable = {
  add32: [
    ...truncation,
    {
      identity: 'x +32 y = x + y if it cannot carry out',
      apply: (g, a, b) => (a.ones + b.ones <= mask32 ? g.add(a, b) : undefined),
    },
    {
      identity: 'x +32 0 = x & M32',
      apply: (g, a, b) => (isC(b) && (b.imm & mask32) === 0n ? g.and(a, g.constant(mask32)) : undefined),
    },
    {
      identity: '(x + c) +32 d = x +32 (c + d)',
      apply: (g, a, b) =>
        isC(b) && (withConst(a, 'add32') || withConst(a, 'add'))
          ? g.make('add32', arg0(a), g.constant((arg1(a).imm + b.imm) & mask32))
          : isC(b) && b.imm > mask32
            ? g.make('add32', a, g.constant(b.imm & mask32))
            : undefined,
    },
  ],
  sub32: [
    ...truncation,
    { identity: 'x -32 x = 0', apply: (g, a, b) => (a === b ? g.constant(0n) : undefined) },
    {
      identity: 'x -32 c = x +32 (-c)',
      apply: (g, a, b) => (isC(b) ? g.make('add32', a, g.constant(-b.imm & mask32)) : undefined),
    },
    {
      identity: 'ptr(x) -32 ptr(y) = x -32 y',
      apply: (g, a, b) => (has(a, 'ptr') && has(b, 'ptr') ? g.make('sub32', arg0(a), arg0(b)) : undefined),
    },
    {
      identity: 'x -32 0 = x & M32, (x + y) -32 x = y & M32',
      apply: (g, a, b) =>
        has(a, 'add') || has(a, 'add32')
          ? arg0(a) === b
            ? g.and(arg1(a), g.constant(mask32))
            : arg1(a) === b
              ? g.and(arg0(a), g.constant(mask32))
              : undefined
          : undefined,
    },
  ],
  mul32: [
    ...truncation,
    {
      identity: 'x *32 y = x * y if it fits',
      apply: (g, a, b) => (a.ones * b.ones <= mask32 ? g.make('mul', a, b) : undefined),
    },
    {
      identity: 'x *32 2^c = x <<32 c',
      apply: (g, a, b) => {
        if (!isC(b) || b.imm === 0n || b.imm > mask32 || (b.imm & (b.imm - 1n)) !== 0n) return undefined;
        return g.make('shl32', a, g.constant(BigInt(b.imm.toString(2).length - 1)));
      },
    },
  ],
  shl32: [
    {
      identity: 'x <<32 0 = x & M32',
      apply: (g, a, b) => (isC(b) && (b.imm & 31n) === 0n ? g.and(a, g.constant(mask32)) : undefined),
    },
    {
      identity: 'x <<32 c = x << c if it fits',
      apply: (g, a, b) =>
        isC(b) && a.ones << (b.imm & 31n) <= mask32 ? g.make('shl', a, g.constant(b.imm & 31n)) : undefined,
    },
    {
      identity: '(x & d) <<32 c = x <<32 c if d covers what stays',
      apply: (g, a, b) =>
        isC(b) && withConst(a, 'and') && (((mask32 & ~arg1(a).imm) << (b.imm & 31n)) & mask32) === 0n
          ? g.make('shl32', arg0(a), b)
          : undefined,
    },
  ],
  sar32: [
    {
      identity: 'x s>>32 c = x >> c if x is not negative',
      apply: (g, a, b) => (isC(b) && a.ones <= 0x7fff_ffffn ? g.make('shr', a, g.constant(b.imm & 31n)) : undefined),
    },
  ],
};
