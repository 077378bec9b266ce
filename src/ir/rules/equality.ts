/** Equality: what is done to both sides of it is taken back. */
import { opTable } from '../ops.js';
import { isPlace, mask32, mask64 } from '../value.js';
import { boundsOf } from './bounds.js';
import { arg0, arg1, has, is, isC, type RuleTable, split, withConst } from './rule.js';

/** Rules of `eq`. */
export const equalityRules: RuleTable = {
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
      // Offsets that are added to an address before it is compared with 0 stand on this side.
      identity: '(a == c) = 0 if a is the address of something and c < 2^16',
      apply: (g, a, b) =>
        isC(b) && b.imm < 0x10000n && (isPlace(a.op) || has(a, 'element')) ? g.constant(0n) : undefined,
    },
    {
      identity: '(x + c == x + d) = (c == d)',
      apply: (g, a, b) => {
        const [x, c] = split(a);
        const [y, d] = split(b);
        return x === y ? g.constant(c === d ? 1n : 0n) : undefined;
      },
    },
    {
      identity: '(x + c == d) = (x == d - c)',
      apply: (g, a, b) =>
        isC(b) && withConst(a, 'add') ? g.make('eq', arg0(a), g.constant(b.imm - arg1(a).imm)) : undefined,
    },
    {
      identity: '(x +32 c == d) = (x & M32 == (d - c) & M32) if d <= M32',
      apply: (g, a, b) =>
        isC(b) && b.imm <= mask32 && withConst(a, 'add32')
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
};
