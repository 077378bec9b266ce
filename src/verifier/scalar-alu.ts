/**
 * Arithmetic on what is known of numbers. For each operation: given all values that the operands may have, a {@link
 * Scalar} that holds every result. Rules follow Linux 6.18 (scalar_min_max_* in kernel/bpf/verifier.c), so that the
 * same programs pass.
 *
 * An operation is computed in 64 bits and in 32 bits at once; a 32-bit instruction then keeps the low half and
 * zero-extends it.
 */
import { op } from '../isa/index.js';
import {
  constScalar,
  greater,
  lesser,
  Scalar,
  s32Max,
  s32Min,
  s64Max,
  s64Min,
  u32Max,
  unknownScalar,
} from './scalar.js';
import {
  tnumAdd,
  tnumAnd,
  tnumCast,
  tnumMul,
  tnumNeg,
  tnumOr,
  tnumSar,
  tnumShl,
  tnumShr,
  tnumSub,
  tnumSwap,
  tnumXor,
  u64Max,
} from './tnum.js';

const wrap = (x: bigint): bigint => BigInt.asUintN(64, x);
const asS64 = (x: bigint): bigint => BigInt.asIntN(64, x);

const fitsS64 = (x: bigint): boolean => x >= s64Min && x <= s64Max;
const fitsS32 = (x: number): boolean => x >= s32Min && x <= s32Max;

/** The low half zero-extended: what every 32-bit instruction leaves in its register. */
export function zeroExtend(a: Scalar): Scalar {
  if (a.umax <= 0xffff_ffffn) return a;
  const r = new Scalar();
  r.setTnum(tnumCast(a, 4));
  r.umin = BigInt(a.u32min);
  r.umax = BigInt(a.u32max);
  if (a.s32min >= 0) {
    r.smin = BigInt(a.s32min);
    r.smax = BigInt(a.s32max);
  } else {
    r.smin = 0n;
    r.smax = 0xffff_ffffn;
  }
  r.u32min = a.u32min;
  r.u32max = a.u32max;
  r.s32min = a.s32min;
  r.s32max = a.s32max;
  return r.sync();
}

/** The low `bytes` bytes, zero-extended: a narrow load of a wider known value. */
export function truncate(a: Scalar, bytes: number): Scalar {
  if (bytes === 8 || a.umax < 1n << BigInt(bytes * 8)) return a;
  if (bytes === 4) return zeroExtend(a);
  const r = new Scalar();
  r.setTnum(tnumCast(a, bytes));
  const mask = (1n << BigInt(bytes * 8)) - 1n;
  if ((a.umin & ~mask) === (a.umax & ~mask)) {
    r.umin = a.umin & mask;
    r.umax = a.umax & mask;
  } else {
    r.umin = 0n;
    r.umax = mask;
  }
  r.smin = r.umin;
  r.smax = r.umax;
  return r.sync();
}

/** The low `bytes` (1, 2, 4) bytes, sign-extended to 64 bits. */
export function signExtend(a: Scalar, bytes: number): Scalar {
  const bits = bytes * 8;
  if (a.isConst) return constScalar(BigInt.asIntN(bits, a.value));
  const lowest = -(1n << BigInt(bits - 1));
  const highest = (1n << BigInt(bits - 1)) - 1n;
  const r = new Scalar();
  r.smin = lowest;
  r.smax = highest;
  // One aligned block of values: the extremes keep their order if both ends sign-extend in order.
  if (a.smin >> BigInt(bits) === a.smax >> BigInt(bits)) {
    const first = BigInt.asIntN(bits, a.smin);
    const last = BigInt.asIntN(bits, a.smax);
    if (first >= 0n === last >= 0n) {
      r.smin = lesser(first, last);
      r.smax = first < last ? last : first;
    }
  }
  r.s32min = Number(r.smin);
  r.s32max = Number(r.smax);
  return r.sync();
}

/** Sign-extends within the low half (`w1 = (s8)w2`) and zero-extends that. */
export function signExtend32(a: Scalar, bytes: number): Scalar {
  return zeroExtend(signExtend(a, bytes));
}

/**
 * The low `bytes` bytes (2, 4, 8), in reverse order if `swaps`, zero-extended. Of numbers that are swapped only what
 * is known bit by bit survives.
 */
export function swapBytes(a: Scalar, bytes: number, swaps: boolean): Scalar {
  if (!swaps) return truncate(a, bytes);
  const r = new Scalar();
  r.setTnum(tnumSwap(tnumCast(a, bytes), bytes));
  return r.sync();
}

/**
 * The 32-bit half of {@link addScalars}; numbers of a double are exact here, so wrapping shows as being out of range.
 */
function add32(r: Scalar, a: Scalar, b: Scalar): void {
  const smin = a.s32min + b.s32min;
  const smax = a.s32max + b.s32max;
  if (fitsS32(smin) && fitsS32(smax)) {
    r.s32min = smin;
    r.s32max = smax;
  }
  const umin = a.u32min + b.u32min;
  const umax = a.u32max + b.u32max;
  // Both ends wrap or neither does: the range stays one piece.
  if (umin > u32Max === umax > u32Max) {
    r.u32min = umin >>> 0;
    r.u32max = umax >>> 0;
  }
}

/** The 64-bit half. */
function add64(r: Scalar, a: Scalar, b: Scalar): void {
  const smin = a.smin + b.smin;
  const smax = a.smax + b.smax;
  if (fitsS64(smin) && fitsS64(smax)) {
    r.smin = smin;
    r.smax = smax;
  }
  const umin = a.umin + b.umin;
  const umax = a.umax + b.umax;
  if (umin > u64Max === umax > u64Max) {
    r.umin = wrap(umin);
    r.umax = wrap(umax);
  }
}

/**
 * `dst + src` in all views (scalar_min_max_add): a range survives if neither end wraps, or if both do; otherwise only
 * the bits say something.
 */
export function addScalars(a: Scalar, b: Scalar): Scalar {
  if (a.isConst && b.isConst) return constScalar(a.value + b.value);
  if (b.isConst && b.value === 0n) return a;
  const r = new Scalar();
  add32(r, a, b);
  add64(r, a, b);
  r.setTnum(tnumAdd(a, b));
  return r.sync();
}

/**
 * `dst - src` in all views (scalar_min_max_sub); a minimum comes from the least minuend and the greatest subtrahend.
 */
export function subScalars(a: Scalar, b: Scalar): Scalar {
  if (a.isConst && b.isConst) return constScalar(a.value - b.value);
  const r = new Scalar();
  const smin32 = a.s32min - b.s32max;
  const smax32 = a.s32max - b.s32min;
  if (fitsS32(smin32) && fitsS32(smax32)) {
    r.s32min = smin32;
    r.s32max = smax32;
  }
  const umin32 = a.u32min - b.u32max;
  const umax32 = a.u32max - b.u32min;
  if (umin32 < 0 === umax32 < 0) {
    r.u32min = umin32 >>> 0;
    r.u32max = umax32 >>> 0;
  }
  const smin = a.smin - b.smax;
  const smax = a.smax - b.smin;
  if (fitsS64(smin) && fitsS64(smax)) {
    r.smin = smin;
    r.smax = smax;
  }
  const umin = a.umin - b.umax;
  const umax = a.umax - b.umin;
  if (umin < 0n === umax < 0n) {
    r.umin = wrap(umin);
    r.umax = wrap(umax);
  }
  r.setTnum(tnumSub(a, b));
  return r.sync();
}

/**
 * `a * b` (scalar_min_max_mul). Unsigned: the ends multiply, if the greatest product does not wrap. Signed: one of
 * the four products of ends is the least and one the greatest, if none overflows.
 */
function mulScalars(a: Scalar, b: Scalar): Scalar {
  if (a.isConst && b.isConst) return constScalar(a.value * b.value);
  const r = new Scalar();
  const umax32 = BigInt(a.u32max) * BigInt(b.u32max);
  if (umax32 <= 0xffff_ffffn) {
    r.u32min = a.u32min * b.u32min;
    r.u32max = Number(umax32);
  }
  const corners32 = [
    BigInt(a.s32min) * BigInt(b.s32min),
    BigInt(a.s32min) * BigInt(b.s32max),
    BigInt(a.s32max) * BigInt(b.s32min),
    BigInt(a.s32max) * BigInt(b.s32max),
  ].map(Number);
  if (corners32.every(fitsS32)) {
    r.s32min = Math.min(...corners32);
    r.s32max = Math.max(...corners32);
  }
  const umax = a.umax * b.umax;
  if (umax <= u64Max) {
    r.umin = a.umin * b.umin;
    r.umax = umax;
  }
  const corners = [a.smin * b.smin, a.smin * b.smax, a.smax * b.smin, a.smax * b.smax];
  if (corners.every(fitsS64)) {
    r.smin = corners.reduce((least, x) => lesser(x, least));
    r.smax = corners.reduce((most, x) => greater(x, most));
  }
  r.setTnum(tnumMul(a, b));
  return r.sync();
}

/** Signed bounds of a bitwise result from its unsigned ones, where these do not cross the sign bit. */
function signedFromUnsigned(r: Scalar): void {
  if (asS64(r.umin) <= asS64(r.umax)) {
    r.smin = asS64(r.umin);
    r.smax = asS64(r.umax);
  }
  if ((r.u32min | 0) <= (r.u32max | 0)) {
    r.s32min = r.u32min | 0;
    r.s32max = r.u32max | 0;
  }
}

/** `a & b` (scalar_min_max_and). */
function andScalars(a: Scalar, b: Scalar): Scalar {
  if (a.isConst && b.isConst) return constScalar(a.value & b.value);
  const r = new Scalar();
  r.setTnum(tnumAnd(a, b));
  // Bits only go away: no more than either operand.
  r.umin = r.value;
  r.umax = lesser(a.umax, b.umax);
  r.u32min = Number(r.value & 0xffff_ffffn);
  r.u32max = Math.min(a.u32max, b.u32max);
  signedFromUnsigned(r);
  return r.sync();
}

/** `a | b` (scalar_min_max_or). */
function orScalars(a: Scalar, b: Scalar): Scalar {
  if (a.isConst && b.isConst) return constScalar(a.value | b.value);
  const r = new Scalar();
  r.setTnum(tnumOr(a, b));
  // Bits only come: no less than either operand.
  r.umin = greater(a.umin, b.umin);
  r.umax = r.value | r.mask;
  r.u32min = Math.max(a.u32min, b.u32min);
  r.u32max = Number((r.value | r.mask) & 0xffff_ffffn);
  signedFromUnsigned(r);
  return r.sync();
}

/** `a ^ b` (scalar_min_max_xor): the bits say all that the bounds could. */
function xorScalars(a: Scalar, b: Scalar): Scalar {
  if (a.isConst && b.isConst) return constScalar(a.value ^ b.value);
  const r = new Scalar();
  r.setTnum(tnumXor(a, b));
  r.umin = r.value;
  r.umax = r.value | r.mask;
  r.u32min = Number(r.value & 0xffff_ffffn);
  r.u32max = Number((r.value | r.mask) & 0xffff_ffffn);
  signedFromUnsigned(r);
  return r.sync();
}

/**
 * `a << by` (scalar_min_max_lsh). The unsigned range survives if no bit of its maximum leaves; the signed one only in
 * the case that compilers write for sign extension.
 */
function shl64(a: Scalar, by: number): Scalar {
  const n = BigInt(by);
  if (a.isConst) return constScalar(a.value << n);
  const r = new Scalar();
  if (by === 32) {
    // `r <<= 32` starts the usual sign extension of a 32-bit value: its signed range survives.
    r.smin = BigInt(a.s32min) << 32n;
    r.smax = BigInt(a.s32max) << 32n;
  }
  if (a.umax <= 1n << (63n - n)) {
    r.umin = a.umin << n;
    r.umax = wrap(a.umax << n);
  }
  r.setTnum(tnumShl(a, by));
  return r.sync();
}

/** `a << by` within the low half (scalar32_min_max_lsh). */
function shl32(a: Scalar, by: number): Scalar {
  const r = new Scalar();
  if (a.u32max <= 2 ** (31 - by)) {
    r.u32min = a.u32min * 2 ** by;
    r.u32max = a.u32max * 2 ** by;
  }
  r.setTnum(tnumCast(tnumShl(tnumCast(a, 4), by), 4));
  return zeroExtendLow(r);
}

/**
 * `a >> by`, unsigned (scalar_min_max_rsh). The result is not negative, which `sync` sees by itself unless `by` is 0.
 */
function shr64(a: Scalar, by: number): Scalar {
  const n = BigInt(by);
  const r = new Scalar();
  r.setTnum(tnumShr(a, by));
  r.umin = a.umin >> n;
  r.umax = a.umax >> n;
  return r.sync();
}

/** `a >> by` within the low half (scalar32_min_max_rsh). */
function shr32(a: Scalar, by: number): Scalar {
  const r = new Scalar();
  r.setTnum(tnumShr(tnumCast(a, 4), by));
  r.u32min = a.u32min >>> by;
  r.u32max = a.u32max >>> by;
  return zeroExtendLow(r);
}

/** `a >> by`, signed (scalar_min_max_arsh): monotone, so the ends shift; unsigned bounds come back by `sync`. */
function sar64(a: Scalar, by: number): Scalar {
  const n = BigInt(by);
  const r = new Scalar();
  r.smin = a.smin >> n;
  r.smax = a.smax >> n;
  r.setTnum(tnumSar(a, by, 64));
  return r.sync();
}

/** `a >> by` within the low half, signed (scalar32_min_max_arsh). */
function sar32(a: Scalar, by: number): Scalar {
  const r = new Scalar();
  r.s32min = a.s32min >> by;
  r.s32max = a.s32max >> by;
  r.setTnum(tnumSar(a, by, 32));
  return zeroExtendLow(r);
}

/** Completes a result whose 32-bit bounds and (zero-extended) tnum are set. */
function zeroExtendLow(r: Scalar): Scalar {
  r.umin = BigInt(r.u32min);
  r.umax = BigInt(r.u32max);
  return r.sync();
}

/** A shift by a known amount; by an unknown one nothing is known of the result, as in Linux. */
function shift(code: number, is32: boolean, a: Scalar, b: Scalar): Scalar {
  const width = is32 ? 32 : 64;
  // Only a constant shift within the width has a computable result.
  if (!b.isConst || b.value >= BigInt(width)) return unknownScalar;
  const by = Number(b.value);
  switch (code) {
    case op.LSH:
      return is32 ? shl32(a, by) : shl64(a, by);
    case op.RSH:
      return is32 ? shr32(a, by) : shr64(a, by);
    default:
      return is32 ? sar32(a, by) : sar64(a, by);
  }
}

/**
 * Result of `a op b` for an ALU opcode (`op.ADD`, ...). Division, modulo and shifts by an unknown amount yield
 * "unknown", even in 32 bits, as in Linux 6.18. `is32`: a 32-bit instruction, whose result is zero-extended.
 */
export function aluScalars(code: number, is32: boolean, a: Scalar, b: Scalar): Scalar {
  switch (code) {
    case op.ADD:
      return narrow(addScalars(a, b), is32);
    case op.SUB:
      return narrow(subScalars(a, b), is32);
    case op.MUL:
      return narrow(mulScalars(a, b), is32);
    case op.AND:
      return narrow(andScalars(a, b), is32);
    case op.OR:
      return narrow(orScalars(a, b), is32);
    case op.XOR:
      return narrow(xorScalars(a, b), is32);
    case op.NEG:
      return narrow(negScalar(a), is32);
    case op.LSH:
    case op.RSH:
    case op.ARSH:
      return shift(code, is32, a, b);
    default:
      return unknownScalar;
  }
}

/** What is left of a 64-bit result in a 32-bit instruction. */
function narrow(r: Scalar, is32: boolean): Scalar {
  return is32 ? zeroExtend(r) : r;
}

/** `-a`: Linux takes it for 0 - a, but has better bits for it (tnum_neg). */
function negScalar(a: Scalar): Scalar {
  const r = subScalars(constScalar(0n), a);
  if (r.isConst) return r;
  const better = r.clone();
  better.setTnum(tnumNeg(a));
  return better.sync();
}
