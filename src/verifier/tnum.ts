/**
 * Tristate numbers: what is known of each bit of a 64-bit value. A bit is known (its value stands in `value`, its
 * `mask` bit is 0) or unknown (`mask` 1, `value` 0). So `value & mask = 0` always, and the numbers described are
 * `value
 * | s` for every subset s of `mask`. Both halves are unsigned 64-bit bigints. (Kernel: kernel/bpf/tnum.c. Soundness
 * and optimality of add and sub: Vishwanathan et al., "Sound, Precise, and Fast Abstract Interpretation with Tristate
 * Numbers", CGO 2022.)
 */

/** Bits that are known (kernel/bpf/tnum.c): where `mask` is 0, the bit is that of `value`. */
export interface Tnum {
  readonly value: bigint;
  readonly mask: bigint;
}

/** All 64 bits: the mask of a number of which nothing is known. */
export const u64Max = 0xffff_ffff_ffff_ffffn;
const u32Mask = 0xffff_ffffn;

const wrap = (x: bigint): bigint => BigInt.asUintN(64, x);

/** Any number: no bit is known. */
export const tnumUnknown: Tnum = { value: 0n, mask: u64Max };

/** The number `value` (mod 2^64) and no other: all bits are known. */
export function tnumConst(value: bigint): Tnum {
  return { value: wrap(value), mask: 0n };
}

/** Smallest tnum that holds every number from `min` to `max` (unsigned): the common leading bits are known. */
export function tnumRange(min: bigint, max: bigint): Tnum {
  const differing = min ^ max;
  if (differing === 0n) return { value: min, mask: 0n };
  const bits = BigInt(bitLength(differing));
  if (bits > 63n) return tnumUnknown;
  const mask = (1n << bits) - 1n;
  return { value: min & ~mask & u64Max, mask };
}

/** Number of bits up to and including the highest set one. */
export function bitLength(x: bigint): number {
  const high = Number(x >> 32n);
  return high !== 0 ? 64 - Math.clz32(high) : 32 - Math.clz32(Number(x & u32Mask));
}

/**
 * Sums of a number of each, mod 2^64 (tnum_add). Sound and optimal (the paper proves both): no tnum with fewer
 * unknown bits holds all of them. The smallest sum (`values`) and the greatest (`masks + values`) differ in just
 * those bits into which a carry may come or not.
 */
export function tnumAdd(a: Tnum, b: Tnum): Tnum {
  const masks = a.mask + b.mask;
  const values = a.value + b.value;
  // A bit of the sum is unknown if an operand's is, or if a carry into it may or may not happen.
  const carries = (masks + values) ^ values;
  const mask = wrap(carries | a.mask | b.mask);
  return { value: wrap(values) & ~mask & u64Max, mask };
}

/**
 * Differences, mod 2^64 (tnum_sub); optimal as the sum is. Borrows are found as carries are: the greatest difference
 * takes all of `a` and least of `b`, the least the other way round.
 */
export function tnumSub(a: Tnum, b: Tnum): Tnum {
  const difference = a.value - b.value;
  const borrows = (difference + a.mask) ^ (difference - b.mask);
  const mask = wrap(borrows | a.mask | b.mask);
  return { value: wrap(difference) & ~mask & u64Max, mask };
}

/** The negatives of its numbers, mod 2^64: 0 - a. */
export function tnumNeg(a: Tnum): Tnum {
  return tnumSub({ value: 0n, mask: 0n }, a);
}

/** Bit by bit: a result bit is 1 where both are, 0 where either is known to be 0, and unknown else (tnum_and). */
export function tnumAnd(a: Tnum, b: Tnum): Tnum {
  const value = a.value & b.value;
  return { value, mask: (a.value | a.mask) & (b.value | b.mask) & ~value };
}

/** Bit by bit: 1 where either is known to be, unknown where neither is and one is unknown (tnum_or). */
export function tnumOr(a: Tnum, b: Tnum): Tnum {
  const value = a.value | b.value;
  return { value, mask: (a.mask | b.mask) & ~value };
}

/** Bit by bit: known where both are (tnum_xor). */
export function tnumXor(a: Tnum, b: Tnum): Tnum {
  const mask = a.mask | b.mask;
  return { value: (a.value ^ b.value) & ~mask, mask };
}

/** Shift-and-add over the bits of `a`; an unknown bit joins the two sums that it may lead to. */
export function tnumMul(a: Tnum, b: Tnum): Tnum {
  let sum: Tnum = { value: 0n, mask: 0n };
  let { value, mask } = a;
  let term = b;
  while (value !== 0n || mask !== 0n) {
    if ((value & 1n) === 1n) sum = tnumAdd(sum, term);
    else if ((mask & 1n) === 1n) sum = tnumUnion(sum, tnumAdd(sum, term));
    value >>= 1n;
    mask >>= 1n;
    term = tnumShl(term, 1);
  }
  return sum;
}

/** Shifted left by `by` (0 to 63) bits; zeros, which are known, come in from the right. */
export function tnumShl(a: Tnum, by: number): Tnum {
  const n = BigInt(by);
  return { value: wrap(a.value << n), mask: wrap(a.mask << n) };
}

/** Shifted right by `by` (0 to 63) bits; known zeros come in from the left. */
export function tnumShr(a: Tnum, by: number): Tnum {
  const n = BigInt(by);
  return { value: a.value >> n, mask: a.mask >> n };
}

/** Arithmetic shift right within `bits` (32 or 64); with 32 only the low half is shifted and kept. */
export function tnumSar(a: Tnum, by: number, bits: 32 | 64): Tnum {
  const n = BigInt(by);
  return {
    value: BigInt.asUintN(bits, BigInt.asIntN(bits, a.value) >> n),
    mask: BigInt.asUintN(bits, BigInt.asIntN(bits, a.mask) >> n),
  };
}

/**
 * Numbers that both describe. A bit on which they contradict each other takes `a | b`; the caller's ranges show the
 * conflict.
 */
export function tnumIntersect(a: Tnum, b: Tnum): Tnum {
  const mask = a.mask & b.mask;
  return { value: (a.value | b.value) & ~mask, mask };
}

/**
 * The smallest number of `t` above `z`; the greatest of all where none is. A number of `t` is its value plus a subset
 * of its mask, so this counts up by one within the mask: a carry runs through the bits outside of it.
 */
export function tnumNext(t: Tnum, z: bigint): bigint {
  const greatest = t.value | t.mask;
  if (z >= greatest) return greatest;
  if (z < t.value) return t.value;
  const distance = z - t.value;
  const below = (1n << BigInt(bitLength(distance & ~t.mask))) - 1n;
  const filled = distance | below | (~t.mask & u64Max);
  return t.value | ((filled + 1n) & t.mask);
}

/** Smallest tnum that holds both. */
export function tnumUnion(a: Tnum, b: Tnum): Tnum {
  const mask = a.mask | b.mask | (a.value ^ b.value);
  return { value: a.value & b.value & ~mask, mask };
}

/** Is every number of `b` one of `a`? */
export function tnumIn(a: Tnum, b: Tnum): boolean {
  if ((b.mask & ~a.mask) !== 0n) return false;
  return a.value === (b.value & ~a.mask);
}

/** Zero-extends the low `bytes` bytes. */
export function tnumCast(a: Tnum, bytes: number): Tnum {
  return { value: BigInt.asUintN(bytes * 8, a.value), mask: BigInt.asUintN(bytes * 8, a.mask) };
}

/** The low `bytes` bytes in reverse order. */
export function tnumSwap(a: Tnum, bytes: number): Tnum {
  return { value: reverseBytes(a.value, bytes), mask: reverseBytes(a.mask, bytes) };
}

function reverseBytes(x: bigint, bytes: number): bigint {
  let rest = x;
  let reversed = 0n;
  for (let i = 0; i < bytes; i++) {
    reversed = (reversed << 8n) | (rest & 0xffn);
    rest >>= 8n;
  }
  return reversed;
}

/** The low half, zero-extended: what a 32-bit register of it holds (tnum_subreg). */
export function tnumSubreg(a: Tnum): Tnum {
  return { value: a.value & u32Mask, mask: a.mask & u32Mask };
}

/** `a` with the low half of `low` in place of its own (tnum_with_subreg): how a fact about w0 goes into r0. */
export function tnumWithSubreg(a: Tnum, low: Tnum): Tnum {
  return {
    value: ((a.value >> 32n) << 32n) | (low.value & u32Mask),
    mask: ((a.mask >> 32n) << 32n) | (low.mask & u32Mask),
  };
}

/** Are all numbers multiples of `size` (a power of two)? */
export function tnumIsAligned(a: Tnum, size: number): boolean {
  return ((a.value | a.mask) & BigInt(size - 1)) === 0n;
}

/** Is `x` (unsigned) one of its numbers: do all known bits agree? */
export function tnumContains(a: Tnum, x: bigint): boolean {
  return (x & ~a.mask & u64Max) === a.value;
}
