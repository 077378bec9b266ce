/** Shifts of 64 bits, sign extensions and byte swaps. */
import { mask32, mask64 } from '../value.js';
import { arg0, arg1, has, is, isC, type RuleTable, withConst } from './rule.js';

/** Rules of `shl`, `shr`, `sar`, sign extensions and byte swaps. */
export const shiftRules: RuleTable = {
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
};
