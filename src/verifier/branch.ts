/**
 * Comparisons of two numbers: whether the outcome is known beforehand, and what each outcome teaches about the two
 * (is_scalar_branch_taken and regs_refine_cond_op in the kernel). The opcode is the operation only: `op.JEQ`,
 * `op.JSLT`, ...
 */
import { op } from '../isa/index.js';
import { greater, lesser, type Scalar, s32Max, s32Min, s64Max, s64Min, u32Max } from './scalar.js';
import { tnumIntersect, tnumSubreg, tnumWithSubreg, u64Max } from './tnum.js';

/** `if !(a & b)`: what remains when `JSET` does not jump. Not an opcode of its own. */
const notSet = 0x48;

const negations: Readonly<Record<number, number>> = {
  [op.JEQ]: op.JNE,
  [op.JNE]: op.JEQ,
  [op.JGT]: op.JLE,
  [op.JGE]: op.JLT,
  [op.JLT]: op.JGE,
  [op.JLE]: op.JGT,
  [op.JSGT]: op.JSLE,
  [op.JSGE]: op.JSLT,
  [op.JSLT]: op.JSGE,
  [op.JSLE]: op.JSGT,
  [op.JSET]: notSet,
};

/** The condition that holds when `code` does not jump. */
export function negate(code: number): number {
  return negations[code] ?? code;
}

const flips: Readonly<Record<number, number>> = {
  [op.JGT]: op.JLT,
  [op.JGE]: op.JLE,
  [op.JLT]: op.JGT,
  [op.JLE]: op.JGE,
  [op.JSGT]: op.JSLT,
  [op.JSGE]: op.JSLE,
  [op.JSLT]: op.JSGT,
  [op.JSLE]: op.JSGE,
};

/** The same comparison with its operands exchanged. */
export function flip(code: number): number {
  return flips[code] ?? code;
}

const low = (x: bigint): number => Number(x & 0xffff_ffffn);

/** Is the number, or its low half, one number alone? */
function isConst(a: Scalar, is32: boolean): boolean {
  return is32 ? low(a.mask) === 0 : a.isConst;
}

/** Ends of a range in either width: 64-bit ones are bigints, 32-bit ones numbers, and JavaScript compares both. */
interface Bounds {
  readonly umin: bigint | number;
  readonly umax: bigint | number;
  readonly smin: bigint | number;
  readonly smax: bigint | number;
}

/** The ranges of the low half. */
function bounds32(a: Scalar): Bounds {
  return { umin: a.u32min, umax: a.u32max, smin: a.s32min, smax: a.s32max };
}

/** Can the two never be equal? */
function disjoint(a: Scalar, b: Scalar, is32: boolean): boolean {
  const known = is32 ? ~(low(a.mask) | low(b.mask)) & (low(a.value) ^ low(b.value)) : 0;
  if (known !== 0) return true;
  if (a.u32min > b.u32max || a.u32max < b.u32min || a.s32min > b.s32max || a.s32max < b.s32min) return true;
  if (is32) return false;
  if ((~(a.mask | b.mask) & (a.value ^ b.value)) !== 0n) return true;
  return a.umin > b.umax || a.umax < b.umin || a.smin > b.smax || a.smax < b.smin;
}

/**
 * Outcome of `a & b != 0`, where one of them is a constant: true if a bit of it is known to be set in the other,
 * false if none can be (is_scalar_branch_taken).
 */
function setTaken(a: Scalar, b: Scalar, is32: boolean): boolean | undefined {
  const [x, k] = isConst(b, is32) ? [a, b] : [b, a];
  if (!isConst(k, is32)) return undefined;
  const bits = is32 ? k.value & 0xffff_ffffn : k.value;
  if ((x.value & bits) !== 0n) return true;
  if (((x.value | x.mask) & bits) === 0n) return false;
  return undefined;
}

/** Outcome of `if a code b` if all values of `a` and `b` give the same one, else undefined. */
export function branchTaken(code: number, is32: boolean, a: Scalar, b: Scalar): boolean | undefined {
  switch (code) {
    case op.JEQ:
    case op.JNE: {
      const same = isConst(a, is32) && isConst(b, is32) && (is32 ? low(a.value) === low(b.value) : a.value === b.value);
      if (same) return code === op.JEQ;
      if (disjoint(a, b, is32)) return code === op.JNE;
      return undefined;
    }
    case op.JSET:
      return setTaken(a, b, is32);
    default: {
      const x: Bounds = is32 ? bounds32(a) : a;
      const y: Bounds = is32 ? bounds32(b) : b;
      return orderTaken(code, x, y);
    }
  }
}

/** Outcome of a comparison by size: known where the ranges do not overlap, or touch at the end that decides. */
function orderTaken(code: number, x: Bounds, y: Bounds): boolean | undefined {
  switch (code) {
    case op.JGT:
      return x.umin > y.umax ? true : x.umax <= y.umin ? false : undefined;
    case op.JGE:
      return x.umin >= y.umax ? true : x.umax < y.umin ? false : undefined;
    case op.JLT:
      return x.umax < y.umin ? true : x.umin >= y.umax ? false : undefined;
    case op.JLE:
      return x.umax <= y.umin ? true : x.umin > y.umax ? false : undefined;
    case op.JSGT:
      return x.smin > y.smax ? true : x.smax <= y.smin ? false : undefined;
    case op.JSGE:
      return x.smin >= y.smax ? true : x.smax < y.smin ? false : undefined;
    case op.JSLT:
      return x.smax < y.smin ? true : x.smin >= y.smax ? false : undefined;
    case op.JSLE:
      return x.smax <= y.smin ? true : x.smin > y.smax ? false : undefined;
    default:
      return undefined;
  }
}

/**
 * Narrows `a` and `b` by `a code b` being true. Writes into both, which must be fresh copies; either may end up
 * empty, which says that the branch cannot be taken.
 */
function narrow(code: number, is32: boolean, a: Scalar, b: Scalar): void {
  switch (code) {
    case op.JGT:
    case op.JGE:
    case op.JSGT:
    case op.JSGE:
      narrow(flip(code), is32, b, a);
      return;
    case op.JEQ:
      narrowEqual(is32, a, b);
      return;
    case op.JNE:
      if (isConst(b, is32)) narrowUnequal(is32, a, b.value);
      else if (isConst(a, is32)) narrowUnequal(is32, b, a.value);
      return;
    case op.JSET:
    case notSet:
      if (isConst(b, is32)) narrowBits(code, is32, a, b.value);
      else if (isConst(a, is32)) narrowBits(code, is32, b, a.value);
      return;
    case op.JLE:
    case op.JLT:
      narrowUnsigned(code === op.JLT ? 1 : 0, is32, a, b);
      return;
    case op.JSLE:
    case op.JSLT:
      narrowSigned(code === op.JSLT ? 1 : 0, is32, a, b);
  }
}

/**
 * Equal numbers lie in both ranges and have the known bits of both (regs_refine_cond_op). 32-bit equality says
 * nothing of upper halves.
 */
function narrowEqual(is32: boolean, a: Scalar, b: Scalar): void {
  a.u32min = b.u32min = Math.max(a.u32min, b.u32min);
  a.u32max = b.u32max = Math.min(a.u32max, b.u32max);
  a.s32min = b.s32min = Math.max(a.s32min, b.s32min);
  a.s32max = b.s32max = Math.min(a.s32max, b.s32max);
  if (is32) {
    const subreg = tnumIntersect(tnumSubreg(a), tnumSubreg(b));
    a.setTnum(tnumWithSubreg(a, subreg));
    b.setTnum(tnumWithSubreg(b, subreg));
    return;
  }
  a.umin = b.umin = greater(a.umin, b.umin);
  a.umax = b.umax = lesser(a.umax, b.umax);
  a.smin = b.smin = greater(a.smin, b.smin);
  a.smax = b.smax = lesser(a.smax, b.smax);
  const both = tnumIntersect(a, b);
  a.setTnum(both);
  b.setTnum(both);
}

/** A bound that is exactly the excluded value moves by one. */
function narrowUnequal(is32: boolean, a: Scalar, value: bigint): void {
  if (is32) {
    const unsigned = low(value);
    const signed = unsigned | 0;
    if (a.u32min === unsigned && unsigned !== u32Max) a.u32min++;
    if (a.u32max === unsigned && unsigned !== 0) a.u32max--;
    if (a.s32min === signed && signed !== s32Max) a.s32min++;
    if (a.s32max === signed && signed !== s32Min) a.s32max--;
    return;
  }
  const signed = BigInt.asIntN(64, value);
  if (a.umin === value && value !== u64Max) a.umin += 1n;
  if (a.umax === value && value !== 0n) a.umax -= 1n;
  if (a.smin === signed && signed !== s64Max) a.smin += 1n;
  if (a.smax === signed && signed !== s64Min) a.smax -= 1n;
}

/** `a & value` is not 0, or is 0: then all bits of `value` are clear in `a`. */
function narrowBits(code: number, is32: boolean, a: Scalar, value: bigint): void {
  const bits = is32 ? value & 0xffff_ffffn : value;
  if (code === notSet) {
    // Linux forgets the ranges, which may contradict the bits where the branch is dead.
    a.unbound64();
    a.unbound32();
    a.setTnum({ value: a.value & ~bits & u64Max, mask: a.mask & ~bits & u64Max });
    return;
  }
  // Some bit of several is set: that teaches nothing about any one of them.
  if (bits === 0n || (bits & (bits - 1n)) !== 0n) return;
  a.setTnum({ value: a.value | bits, mask: a.mask & ~bits & u64Max });
}

/** `a + gap <= b`, unsigned. */
function narrowUnsigned(gap: 0 | 1, is32: boolean, a: Scalar, b: Scalar): void {
  if (is32) {
    a.u32max = Math.min(a.u32max, Math.max(b.u32max - gap, 0));
    b.u32min = Math.max(b.u32min, Math.min(a.u32min + gap, u32Max));
    return;
  }
  const step = BigInt(gap);
  const most = b.umax - step;
  const least = a.umin + step;
  if (most >= 0n && most < a.umax) a.umax = most;
  if (least <= u64Max && least > b.umin) b.umin = least;
}

/** `a + gap <= b`, signed. */
function narrowSigned(gap: 0 | 1, is32: boolean, a: Scalar, b: Scalar): void {
  if (is32) {
    a.s32max = Math.min(a.s32max, Math.max(b.s32max - gap, s32Min));
    b.s32min = Math.max(b.s32min, Math.min(a.s32min + gap, s32Max));
    return;
  }
  const step = BigInt(gap);
  const most = b.smax - step;
  const least = a.smin + step;
  if (most >= s64Min && most < a.smax) a.smax = most;
  if (least <= s64Max && least > b.smin) b.smin = least;
}

/**
 * What `a` and `b` are once `a code b` is known to hold. An empty range means that it cannot hold. `b` absent: a
 * register is compared with itself, and narrows itself; Linux does not ask whether that makes sense. (That two
 * operands are one object says nothing: ranges are shared.)
 */
export function refine(code: number, is32: boolean, a: Scalar, b: Scalar | undefined): readonly [Scalar, Scalar] {
  const x = a.clone();
  const y = b === undefined ? x : b.clone();
  narrow(code, is32, x, y);
  return [x.sync(), y.sync()];
}
