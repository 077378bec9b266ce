/**
 * Algebraic rules: each is an identity that holds for all 64-bit values, stated as its text, and a function that applies it. A rule
 * returns the simpler value or undefined. {@link Graph.make} tries the rules of an operation in order until none applies, so every value
 * is born simplified. Rules see arguments in canonical order: of a commutative operation a constant is the second.
 *
 * Notation of the identities: x, y, z any value; c, d constants; `ones(x)` bits that x can have set; M32 = 0xffffffff.
 */
import type { Graph } from './graph.js';
import { fillRight } from './ones.js';
import { type OpName, opTable } from './ops.js';
import { mask32, mask64, signed, type Value } from './value.js';

export interface Rule {
  readonly identity: string;
  readonly apply: (g: Graph, a: Value, b: Value, op: OpName) => Value | undefined;
}

/** A rule of `select`, which has three arguments. */
export interface SelectRule {
  readonly identity: string;
  readonly apply: (g: Graph, condition: Value, yes: Value, no: Value) => Value | undefined;
}

const isC = (v: Value): boolean => v.op === 'const';
const is = (v: Value, c: bigint): boolean => v.op === 'const' && v.imm === c;
/** First and second argument; only asked of operations that have them. */
const arg0 = (v: Value): Value => v.args[0] as Value;
const arg1 = (v: Value): Value => v.args[1] as Value;
const has = (v: Value, op: OpName): boolean => v.op === op;
const withConst = (v: Value, op: OpName): boolean => v.op === op && isC(arg1(v));

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

export const rules: Partial<Record<OpName, readonly Rule[]>> = {
  ptr: [],
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
  shl: [
    { identity: 'x << 0 = x', apply: (_, a, b) => (isC(b) && (b.imm & 63n) === 0n ? a : undefined) },
    { identity: '0 << x = 0', apply: (_, a) => (is(a, 0n) ? a : undefined) },
    {
      identity: '(x >> c) << c = x & (~0 << c)',
      apply: (g, a, b) =>
        isC(b) && withConst(a, 'shr') && arg1(a).imm === b.imm
          ? g.and(arg0(a), g.constant((mask64 << b.imm) & mask64))
          : undefined,
    },
    {
      identity: '((x >> c) & d) << c = x & (d << c)',
      apply: (g, a, b) =>
        isC(b) && withConst(a, 'and') && withConst(arg0(a), 'shr') && arg1(arg0(a)).imm === b.imm
          ? g.and(arg0(arg0(a)), g.constant(arg1(a).imm << b.imm))
          : undefined,
    },
    {
      identity: '(x << c) << d = x << (c + d) if c + d < 64',
      apply: (g, a, b) =>
        isC(b) && withConst(a, 'shl') && arg1(a).imm + b.imm < 64n
          ? g.make('shl', arg0(a), g.constant(arg1(a).imm + b.imm))
          : undefined,
    },
    {
      identity: '(x & c) << d = x << d if c covers what stays',
      apply: (g, a, b) =>
        isC(b) && withConst(a, 'and') && (((arg0(a).ones & ~arg1(a).imm) << b.imm) & mask64) === 0n
          ? g.make('shl', arg0(a), b)
          : undefined,
    },
  ],
  shr: [
    { identity: 'x >> 0 = x', apply: (_, a, b) => (isC(b) && (b.imm & 63n) === 0n ? a : undefined) },
    {
      identity: 'x >> c = 0 if ones(x) >> c = 0',
      apply: (g, a, b) => (isC(b) && a.ones >> (b.imm & 63n) === 0n ? g.constant(0n) : undefined),
    },
    {
      identity: '(x | y) >> c = y >> c if ones(x) >> c = 0',
      apply: (g, a, b) => {
        if (!isC(b) || !has(a, 'or')) return undefined;
        if (arg0(a).ones >> b.imm === 0n) return g.make('shr', arg1(a), b);
        return arg1(a).ones >> b.imm === 0n ? g.make('shr', arg0(a), b) : undefined;
      },
    },
    {
      identity: '(x << c) >> c = x & (~0 >> c)',
      apply: (g, a, b) =>
        isC(b) && withConst(a, 'shl') && arg1(a).imm === b.imm
          ? g.and(arg0(a), g.constant(mask64 >> b.imm))
          : undefined,
    },
    {
      identity: '(x << c) >> d = x << (c - d) if nothing is lost and c > d',
      apply: (g, a, b) =>
        isC(b) && withConst(a, 'shl') && arg1(a).imm > b.imm && arg0(a).ones << arg1(a).imm <= mask64
          ? g.make('shl', arg0(a), g.constant(arg1(a).imm - b.imm))
          : undefined,
    },
    {
      identity: '(x << c) >> d = (x & (~0 >> c)) >> (d - c) if d > c',
      apply: (g, a, b) =>
        isC(b) && withConst(a, 'shl') && b.imm < 64n && arg1(a).imm < b.imm
          ? g.make('shr', g.and(arg0(a), g.constant(mask64 >> arg1(a).imm)), g.constant(b.imm - arg1(a).imm))
          : undefined,
    },
    {
      identity: '(x >> c) >> d = x >> (c + d) if c + d < 64',
      apply: (g, a, b) =>
        isC(b) && withConst(a, 'shr') && arg1(a).imm + b.imm < 64n
          ? g.make('shr', arg0(a), g.constant(arg1(a).imm + b.imm))
          : undefined,
    },
    {
      identity: '(x & c) >> d = x >> d if c covers what stays',
      apply: (g, a, b) =>
        isC(b) && withConst(a, 'and') && (arg0(a).ones & ~arg1(a).imm) >> b.imm === 0n
          ? g.make('shr', arg0(a), b)
          : undefined,
    },
  ],
  sar: [
    { identity: 'x s>> 0 = x', apply: (_, a, b) => (isC(b) && (b.imm & 63n) === 0n ? a : undefined) },
    {
      identity: 'x s>> y = x >> y if x is not negative',
      apply: (g, a, b) => (a.ones >> 63n === 0n ? g.make('shr', a, b) : undefined),
    },
    {
      identity: '(x << c) s>> c = sext(x)',
      apply: (g, a, b) => {
        if (!isC(b) || !withConst(a, 'shl') || arg1(a).imm !== b.imm) return undefined;
        const op = b.imm === 56n ? 'sext8' : b.imm === 48n ? 'sext16' : b.imm === 32n ? 'sext32' : undefined;
        return op === undefined ? undefined : g.make(op, arg0(a));
      },
    },
  ],
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
  sext8: [{ identity: 'sext8(x) = x if x < 2^7', apply: (_, a) => (a.ones <= 0x7fn ? a : undefined) }],
  sext16: [{ identity: 'sext16(x) = x if x < 2^15', apply: (_, a) => (a.ones <= 0x7fffn ? a : undefined) }],
  sext32: [
    { identity: 'sext32(x) = x if x < 2^31', apply: (_, a) => (a.ones <= 0x7fff_ffffn ? a : undefined) },
    {
      identity: 'sext32(x & M32) = sext32(x), sext32(sextN(x)) = sextN(x)',
      apply: (g, a) =>
        withConst(a, 'and') && (arg1(a).imm & mask32) === mask32
          ? g.make('sext32', arg0(a))
          : a.op === 'sext8' || a.op === 'sext16' || a.op === 'sext32'
            ? a
            : undefined,
    },
  ],
  bswap16: [
    {
      identity: 'bswap16(bswap16(x)) = x & 0xffff',
      apply: (g, a) => (has(a, 'bswap16') ? g.and(arg0(a), g.constant(0xffffn)) : undefined),
    },
    {
      identity: 'bswap16(x & c) = bswap16(x) if c covers 16 bits',
      apply: (g, a) =>
        withConst(a, 'and') && (arg1(a).imm & 0xffffn) === 0xffffn ? g.make('bswap16', arg0(a)) : undefined,
    },
  ],
  bswap32: [
    {
      identity: 'bswap32(bswap32(x)) = x & M32',
      apply: (g, a) => (has(a, 'bswap32') ? g.and(arg0(a), g.constant(mask32)) : undefined),
    },
    {
      identity: 'bswap32(x & c) = bswap32(x) if c covers 32 bits',
      apply: (g, a) =>
        withConst(a, 'and') && (arg1(a).imm & mask32) === mask32 ? g.make('bswap32', arg0(a)) : undefined,
    },
  ],
  bswap64: [{ identity: 'bswap64(bswap64(x)) = x', apply: (_, a) => (has(a, 'bswap64') ? arg0(a) : undefined) }],
  eq: [
    { identity: '(x == x) = 1', apply: (g, a, b) => (a === b ? g.constant(1n) : undefined) },
    {
      identity: '(x == c) = 0 if c is not within ones(x)',
      apply: (g, a, b) => (isC(b) && (b.imm & ~a.ones) !== 0n ? g.constant(0n) : undefined),
    },
    {
      identity: '(ptr(x) == ptr(y)) = (x == y)',
      apply: (g, a, b) => (has(a, 'ptr') && has(b, 'ptr') ? g.make('eq', arg0(a), arg0(b)) : undefined),
    },
    {
      identity: '(ptr(x) == 0) = 0',
      apply: (g, a, b) => (has(a, 'ptr') && is(b, 0n) && boundsOf(arg0(a)) !== undefined ? g.constant(0n) : undefined),
    },
    {
      identity: '(x + c == d) = (x == d - c)',
      apply: (g, a, b) =>
        isC(b) && withConst(a, 'add') ? g.make('eq', arg0(a), g.constant(b.imm - arg1(a).imm)) : undefined,
    },
    {
      identity: '(x +32 c == d) = (x & M32 == (d - c) & M32)',
      apply: (g, a, b) =>
        isC(b) && withConst(a, 'add32')
          ? g.make('eq', g.and(arg0(a), g.constant(mask32)), g.constant((b.imm - arg1(a).imm) & mask32))
          : undefined,
    },
    {
      identity: '(x ^ c == d) = (x == c ^ d)',
      apply: (g, a, b) =>
        isC(b) && withConst(a, 'xor') ? g.make('eq', arg0(a), g.constant(b.imm ^ arg1(a).imm)) : undefined,
    },
    {
      identity: '(x ^ y == 0) = (x == y), (x - y == 0) = (x == y)',
      apply: (g, a, b) => (is(b, 0n) && (has(a, 'xor') || has(a, 'sub')) ? g.make('eq', arg0(a), arg1(a)) : undefined),
    },
    {
      identity: '(x - y == c) = (x == y + c) if x and y are lengths or offsets',
      apply: (g, a, b) => {
        if (!isC(b) || !has(a, 'sub') || is(arg0(a), 0n)) return undefined;
        return isC(arg0(a)) ? g.make('eq', arg1(a), g.constant(arg0(a).imm - b.imm)) : undefined;
      },
    },
    {
      identity: '(bswap(x) == c) = (x & low == bswap(c)) if c lies within the low bits',
      apply: (g, a, b) => {
        const size = a.op === 'bswap16' ? 2 : a.op === 'bswap32' ? 4 : a.op === 'bswap64' ? 8 : 0;
        if (!isC(b) || size === 0) return undefined;
        const low = size === 8 ? mask64 : (1n << BigInt(size * 8)) - 1n;
        if (b.imm > low) return undefined;
        return g.make('eq', g.and(arg0(a), g.constant(low)), g.constant(opTable[a.op].evaluate?.(b.imm, 0n) ?? 0n));
      },
    },
    {
      identity: '(x << c == d) = (x & (~0 >> c) == d >> c) if d has no bit below c',
      apply: (g, a, b) => {
        if (!isC(b) || !withConst(a, 'shl')) return undefined;
        const by = arg1(a).imm & 63n;
        if ((b.imm & ((1n << by) - 1n)) !== 0n) return g.constant(0n);
        return g.make('eq', g.and(arg0(a), g.constant(mask64 >> by)), g.constant(b.imm >> by));
      },
    },
    {
      identity: '(sext(x) == c) = (x & low == c & low) if c is a sign-extended number, else 0',
      apply: (g, a, b) => {
        const bits = a.op === 'sext8' ? 8 : a.op === 'sext16' ? 16 : a.op === 'sext32' ? 32 : 0;
        if (!isC(b) || bits === 0) return undefined;
        if (BigInt.asUintN(64, BigInt.asIntN(bits, b.imm)) !== b.imm) return g.constant(0n);
        const low = (1n << BigInt(bits)) - 1n;
        return g.make('eq', g.and(arg0(a), g.constant(low)), g.constant(b.imm & low));
      },
    },
  ],
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
      apply: (g, a, b) => (is(b, 0n) ? g.make('eq', g.make('shr', a, g.constant(63n)), g.constant(1n)) : undefined),
    },
    {
      identity: '(-1 s< x) = (x >> 63 == 0)',
      apply: (g, a, b) => (is(a, mask64) ? g.make('eq', g.make('shr', b, g.constant(63n)), g.constant(0n)) : undefined),
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
      apply: (g, a, b) => (is(a, 0n) ? g.make('eq', g.make('shr', b, g.constant(63n)), g.constant(0n)) : undefined),
    },
    {
      identity: '(x s<= -1) = (x >> 63 == 1)',
      apply: (g, a, b) => (is(b, mask64) ? g.make('eq', g.make('shr', a, g.constant(63n)), g.constant(1n)) : undefined),
    },
    { identity: '(x s<= x) = 1', apply: (g, a, b) => (a === b ? g.constant(1n) : undefined) },
    {
      identity: '(x s<= y) = (x <= y) if neither is negative',
      apply: (g, a, b) => ((a.ones | b.ones) >> 63n === 0n ? g.make('ule', a, b) : undefined),
    },
    { identity: 'comparison of offsets: constants to one side', apply: (g, a, b) => balance(g, a, b, false) },
  ],
};

/** x & c and x & d, where x itself is x & ~0: together x & (c | d). */
function joinMasks(g: Graph, a: Value, b: Value): Value | undefined {
  const [x, c] = masked(a);
  const [y, d] = masked(b);
  return x === y && (c !== mask64 || d !== mask64) ? g.and(x, g.constant(c | d)) : undefined;
}

function masked(value: Value): readonly [Value, bigint] {
  return withConst(value, 'and') ? [arg0(value), arg1(value).imm] : [value, mask64];
}

export const selectRules: readonly SelectRule[] = [
  { identity: 'select(c, x, x) = x', apply: (_, _c, yes, no) => (yes === no ? yes : undefined) },
  {
    identity: 'select(0, x, y) = y, select(c, x, y) = x if c is not 0',
    apply: (_, c, yes, no) => (isC(c) ? (c.imm !== 0n ? yes : no) : undefined),
  },
  {
    identity: 'select(p, 1, 0) = p if p is 0 or 1',
    apply: (_, c, yes, no) => (is(yes, 1n) && is(no, 0n) && c.ones <= 1n ? c : undefined),
  },
  {
    identity: 'select(p, 0, 1) = (p == 0)',
    apply: (g, c, yes, no) => (is(yes, 0n) && is(no, 1n) ? g.make('eq', c, g.constant(0n)) : undefined),
  },
];

/** Interval of mathematical integers that a value lies in when read as a signed number, or undefined if it may wrap. */
export function boundsOf(value: Value): { readonly lo: bigint; readonly hi: bigint } | undefined {
  if (value.op === 'const') {
    const c = signed(value.imm);
    return { lo: c, hi: c };
  }
  if (value.ones >> 62n === 0n && value.op !== 'add' && value.op !== 'sub')
    return { lo: 0n, hi: fillRight(value.ones) };
  if (value.op === 'add' || value.op === 'sub') {
    const a = boundsOf(arg0(value));
    const b = boundsOf(arg1(value));
    if (a === undefined || b === undefined)
      return value.ones >> 62n === 0n ? { lo: 0n, hi: fillRight(value.ones) } : undefined;
    const lo = value.op === 'add' ? a.lo + b.lo : a.lo - b.hi;
    const hi = value.op === 'add' ? a.hi + b.hi : a.hi - b.lo;
    return lo > -(1n << 62n) && hi < 1n << 62n ? { lo, hi } : undefined;
  }
  return undefined;
}

/** Decides a comparison from the intervals of its arguments. */
function decideByBounds(g: Graph, a: Value, b: Value, strict: boolean, isSigned: boolean): Value | undefined {
  const x = boundsOf(a);
  const y = boundsOf(b);
  if (x === undefined || y === undefined) return undefined;
  if (!isSigned && (x.lo < 0n || y.lo < 0n)) return undefined;
  if (strict ? x.hi < y.lo : x.hi <= y.lo) return g.constant(1n);
  if (strict ? x.lo >= y.hi : x.lo > y.hi) return g.constant(0n);
  return undefined;
}

/**
 * Compares two numbers that are known not to wrap, as packet offsets and lengths are: pointers lose their base, constants go to one
 * side, and the result is an unsigned comparison if both sides stay non-negative. Covers `data + 14 > data_end`, which becomes
 * `len < 14`, and what is left of it after adjust_head. Packet addresses lie far from both ends of the 64-bit space, so a
 * pointer comparison is one of offsets.
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

/** Are they one value, or the same sum of a value and a constant? Equal sums need not be one value: sharing can be off. */
function isSameSum(a: Value, b: Value): boolean {
  const [x, c] = split(a);
  const [y, d] = split(b);
  return x === y && c === d;
}

/** Symbolic part and signed constant part. */
export function splitOffset(value: Value): readonly [Value | undefined, bigint] {
  const [symbol, constant] = split(value);
  if (symbol.op === 'const') return [undefined, signed(symbol.imm) + constant];
  return [symbol, constant];
}

function split(value: Value): readonly [Value, bigint] {
  return withConst(value, 'add') ? [arg0(value), signed(arg1(value).imm)] : [value, 0n];
}
