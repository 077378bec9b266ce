/**
 * What is known of a number: its bits (a tnum) and the range that it lies in, seen four ways (64 and 32 bits, signed
 * and unsigned). Each view says something that the others cannot, and each teaches the others: `sync` lets them, in
 * the order in which Linux does, so that the same facts come out (reg_bounds_sync in kernel/bpf/verifier.c).
 *
 * 64-bit bounds are bigints, 32-bit ones numbers (signed ones as int32, unsigned ones as uint32). A Scalar is written
 * only by the function that makes it, before anyone else holds it; from then on it is a value and is shared freely.
 * `sync` may leave an empty range (a minimum above its maximum) when the operands contradict each other: that value
 * cannot occur.
 */
import { type Tnum, tnumCast, tnumContains, tnumIntersect, tnumNext, tnumRange, tnumUnknown, u64Max } from './tnum.js';

/**
 * Ends of the four ranges: signed ones of 64 and 32 bits, and the unsigned ones of 32 bits. That of 64 is {@link
 * u64Max}.
 */
/** Bounds of the types that the verifier's ranges are kept in. */
export const s64Min: bigint = -(1n << 63n);
/** See {@link s64Min}. */
export const s64Max: bigint = (1n << 63n) - 1n;
/** See {@link s64Min}. */
export const s32Min = -0x8000_0000;
/** See {@link s64Min}. */
export const s32Max = 0x7fff_ffff;
/** See {@link s64Min}. */
export const u32Max = 0xffff_ffff;

/** The lesser of two bigints, which Math.min does not take. */
export function lesser(a: bigint, b: bigint): bigint {
  if (a < b) return a;
  return b;
}

/** The greater of two bigints. */
export function greater(a: bigint, b: bigint): bigint {
  if (a > b) return a;
  return b;
}

const asS64 = (x: bigint): bigint => BigInt.asIntN(64, x);
const low32 = (x: bigint): number => Number(BigInt.asUintN(32, x));

/** What is known of a number: its bits, and its bounds signed and unsigned, in 64 and in 32 bits. */
export class Scalar {
  value = 0n;
  mask: bigint = u64Max;
  smin: bigint = s64Min;
  smax: bigint = s64Max;
  umin = 0n;
  umax: bigint = u64Max;
  s32min: number = s32Min;
  s32max: number = s32Max;
  u32min = 0;
  u32max: number = u32Max;

  /** The bits alone; a Scalar is a tnum that knows more. */
  get tnum(): Tnum {
    return this;
  }

  /** All bits are known. (The bounds may not agree: see {@link isExact}.) */
  get isConst(): boolean {
    return this.mask === 0n;
  }

  /** True if the unsigned 64-bit range says everything: the other views follow from it. */
  get isPlainRange(): boolean {
    const plain = new Scalar();
    plain.umin = this.umin;
    plain.umax = this.umax;
    return this.covers(plain.sync());
  }

  /** A copy that its maker may write to before anyone else holds it. */
  clone(): Scalar {
    const copy = new Scalar();
    copy.value = this.value;
    copy.mask = this.mask;
    copy.smin = this.smin;
    copy.smax = this.smax;
    copy.umin = this.umin;
    copy.umax = this.umax;
    copy.s32min = this.s32min;
    copy.s32max = this.s32max;
    copy.u32min = this.u32min;
    copy.u32max = this.u32max;
    return copy;
  }

  /** Takes over bits and leaves the bounds: `sync` has to follow. */
  setTnum(t: Tnum): void {
    this.value = t.value;
    this.mask = t.mask;
  }

  /** Forgets the 64-bit bounds (not the tnum). */
  unbound64(): void {
    this.smin = s64Min;
    this.smax = s64Max;
    this.umin = 0n;
    this.umax = u64Max;
  }

  /**
   * Forgets the 32-bit bounds (not the tnum), as after an operation that says nothing of them
   * (__mark_reg32_unbounded).
   */
  unbound32(): void {
    this.s32min = s32Min;
    this.s32max = s32Max;
    this.u32min = 0;
    this.u32max = u32Max;
  }

  /** True when a minimum exceeds its maximum or the tnum contradicts the range: no value is described. */
  get isEmpty(): boolean {
    return (
      this.umin > this.umax ||
      this.smin > this.smax ||
      this.u32min > this.u32max ||
      this.s32min > this.s32max ||
      this.contradictsBits
    );
  }

  /**
   * Its bits alone, every bound forgotten: what Linux goes on with where a branch contradicted what was known before
   * it.
   */
  bitsOnly(): Scalar {
    const bits = new Scalar();
    bits.setTnum(this);
    return bits;
  }

  /**
   * Does the constant that the bits tell stand in the 64-bit bounds too? Not so behind a branch that cannot be taken.
   */
  get isExact(): boolean {
    return this.mask === 0n && this.smin === this.smax && this.umin === this.umax;
  }

  /** Known bits, of the whole or of the low half, that no bound agrees with. */
  private get contradictsBits(): boolean {
    if (this.mask === 0n) {
      const signed = asS64(this.value);
      const { umin, umax, smin, smax } = this;
      if (umin !== this.value || umax !== this.value || smin !== signed || smax !== signed) return true;
    }
    if (low32(this.mask) !== 0) return false;
    const low = low32(this.value);
    const { u32min, u32max, s32min, s32max } = this;
    return u32min !== low || u32max !== low || s32min !== (low | 0) || s32max !== (low | 0);
  }

  /** Lets all views learn from each other. Returns itself. */
  sync(): this {
    if (this.mask === 0n && this.umin === this.value && this.umax === this.value) {
      // Already a constant in the view that matters most: nothing to deduce but the other views.
      const signed = asS64(this.value);
      if (this.smin <= signed && signed <= this.smax) {
        this.become(this.value);
        return this;
      }
    }
    this.boundsFromTnum();
    // Linux deduces three times; a round that teaches nothing would only be repeated.
    for (let round = 0; round < 3; round++) if (!this.deduce()) break;
    this.tnumFromBounds();
    this.boundsFromTnum();
    return this;
  }

  /** Makes this the constant `value` (unsigned). */
  become(value: bigint): void {
    const signed = asS64(value);
    const low = low32(value);
    this.value = value;
    this.mask = 0n;
    this.umin = value;
    this.umax = value;
    this.smin = signed;
    this.smax = signed;
    this.u32min = low;
    this.u32max = low;
    this.s32min = low | 0;
    this.s32max = low | 0;
  }

  /**
   * Bits to bounds (__update_reg_bounds): the least number has unknown bits 0 (the sign bit 1, if signed), the
   * greatest the other way round. Bounds only ever get tighter.
   */
  private boundsFromTnum(): void {
    const { value, mask } = this;
    const lowValue = low32(value);
    const lowMask = low32(mask);
    // Signed 32 bits: an unknown sign bit is 1 in the least value and 0 in the greatest.
    const least32 = lowValue | (lowMask & s32Min);
    const greatest32 = lowValue | (lowMask & s32Max);
    if (least32 > this.s32min) this.s32min = least32;
    if (greatest32 < this.s32max) this.s32max = greatest32;
    if (lowValue > this.u32min) this.u32min = lowValue;
    const high32 = (lowValue | lowMask) >>> 0;
    if (high32 < this.u32max) this.u32max = high32;
    const least = asS64(value | (mask & (1n << 63n)));
    const greatest = asS64(value | (mask & s64Max));
    if (least > this.smin) this.smin = least;
    if (greatest < this.smax) this.smax = greatest;
    if (value > this.umin) this.umin = value;
    const high = value | mask;
    if (high < this.umax) this.umax = high;
    if (mask !== 0n || this.umin !== value) this.learnOnlyCommon();
  }

  /** Where the unsigned range and the bits have one number in common, it is that number. */
  private learnOnlyCommon(): void {
    const { umin, umax, value, mask } = this;
    // The numbers that differ in an unknown bit lie closer together than the range is wide.
    if (mask !== 0n && umax - umin >= mask) return;
    const next = tnumNext(this, umin);
    if (tnumContains(this, umin)) {
      if (next > umax) this.become(umin);
    } else if (next === (value | mask) || (next <= umax && tnumNext(this, next) > umax)) {
      this.become(next);
    }
  }

  /** Bounds to bits (__reg_bound_offset): the leading bits that minimum and maximum have in common are known. */
  private tnumFromBounds(): void {
    // Bounds that contradict each other leave bits of no meaning, but Linux decides later branches by exactly these.
    const whole = tnumIntersect(this, tnumRange(this.umin, this.umax));
    const low = tnumIntersect(tnumCast(whole, 4), tnumRange(BigInt(this.u32min), BigInt(this.u32max)));
    this.value = ((whole.value >> 32n) << 32n) | low.value;
    this.mask = ((whole.mask >> 32n) << 32n) | low.mask;
  }

  /** One round of mutual deduction. Returns whether any bound moved. */
  private deduce(): boolean {
    const { umin, umax, smin, smax, u32min, u32max, s32min, s32max } = this;
    this.deduce32();
    this.deduce64();
    this.deduceMixed();
    return (
      u32min !== this.u32min ||
      u32max !== this.u32max ||
      s32min !== this.s32min ||
      s32max !== this.s32max ||
      umin !== this.umin ||
      umax !== this.umax ||
      smin !== this.smin ||
      smax !== this.smax
    );
  }

  /** Takes an unsigned 32-bit range in where it is tighter. */
  private learnU32(min: number, max: number): void {
    if (min > this.u32min) this.u32min = min;
    if (max < this.u32max) this.u32max = max;
  }

  /** Takes a signed 32-bit range in where it is tighter. */
  private learnS32(min: number, max: number): void {
    if (min > this.s32min) this.s32min = min;
    if (max < this.s32max) this.s32max = max;
  }

  /**
   * What the 64-bit ranges say of the low half (__reg32_deduce_bounds). A range of 64-bit numbers is a range of low
   * halves only if the upper half does not move, or steps once where the low half, signed, goes on counting.
   */
  private deduce32(): void {
    const ulow = low32(this.umin);
    const uhigh = low32(this.umax);
    const uminTop = this.umin >> 32n;
    const umaxTop = this.umax >> 32n;
    if (uminTop === umaxTop) {
      // Same upper half throughout: the low half is a range of its own.
      this.learnU32(ulow, uhigh);
      if ((ulow | 0) <= (uhigh | 0)) this.learnS32(ulow | 0, uhigh | 0);
    }
    const slow = low32(this.smin);
    const shigh = low32(this.smax);
    const sminTop = this.smin >> 32n;
    const smaxTop = this.smax >> 32n;
    if (sminTop === smaxTop) {
      if (slow <= shigh) this.learnU32(slow, shigh);
      if ((slow | 0) <= (shigh | 0)) this.learnS32(slow | 0, shigh | 0);
    }
    // The upper half steps by one while the lower half goes from negative to non-negative: the low half, signed, is
    // one range.
    if (BigInt.asUintN(32, uminTop + 1n) === umaxTop && (ulow | 0) < 0 && (uhigh | 0) >= 0)
      this.learnS32(ulow | 0, uhigh | 0);
    if (BigInt.asUintN(32, sminTop + 1n) === BigInt.asUintN(32, smaxTop) && (slow | 0) < 0 && (shigh | 0) >= 0) {
      this.learnS32(slow | 0, shigh | 0);
    }
    if ((this.u32min | 0) <= (this.u32max | 0)) this.learnS32(this.u32min | 0, this.u32max | 0);
    this.deduceSigns32();
  }

  /** The signed and the unsigned 32-bit range teach each other, as in {@link deduce64}. */
  private deduceSigns32(): void {
    const sminUnsigned = this.s32min >>> 0;
    const smaxUnsigned = this.s32max >>> 0;
    if (sminUnsigned <= smaxUnsigned) {
      this.learnU32(sminUnsigned, smaxUnsigned);
    } else if (this.u32max < sminUnsigned) {
      this.s32min = this.u32min | 0;
      if (smaxUnsigned < this.u32max) this.u32max = smaxUnsigned;
    } else if (smaxUnsigned < this.u32min) {
      this.s32max = this.u32max | 0;
      if (sminUnsigned > this.u32min) this.u32min = sminUnsigned;
    }
  }

  /**
   * The signed and the unsigned 64-bit range teach each other (__reg64_deduce_bounds). A range that does not cross
   * the border of the other reading (2^63, or 0) is one in both; one that does meets the other range in one of its
   * two pieces, if the other range leaves room for no more.
   */
  private deduce64(): void {
    const uminSigned = asS64(this.umin);
    const umaxSigned = asS64(this.umax);
    if (uminSigned <= umaxSigned) {
      if (uminSigned > this.smin) this.smin = uminSigned;
      if (umaxSigned < this.smax) this.smax = umaxSigned;
    }
    const sminUnsigned = BigInt.asUintN(64, this.smin);
    const smaxUnsigned = BigInt.asUintN(64, this.smax);
    if (sminUnsigned <= smaxUnsigned) {
      if (sminUnsigned > this.umin) this.umin = sminUnsigned;
      if (smaxUnsigned < this.umax) this.umax = smaxUnsigned;
    } else if (this.umax < sminUnsigned) {
      // The signed range wraps around the unsigned one; the unsigned range meets only its non-negative piece,
      this.smin = uminSigned;
      if (smaxUnsigned < this.umax) this.umax = smaxUnsigned;
    } else if (smaxUnsigned < this.umin) {
      // or only its negative piece.
      this.smax = umaxSigned;
      if (sminUnsigned > this.umin) this.umin = sminUnsigned;
    }
  }

  /**
   * What a 32-bit range says of the whole (__reg_deduce_mixed_bounds): under the same upper halves the low half can
   * be no less than its own minimum.
   */
  private deduceMixed(): void {
    const u32lo = BigInt(this.u32min);
    const u32hi = BigInt(this.u32max);
    const umin = ((this.umin >> 32n) << 32n) | u32lo;
    const umax = ((this.umax >> 32n) << 32n) | u32hi;
    if (umin > this.umin) this.umin = umin;
    if (umax < this.umax) this.umax = umax;
    const smin = ((this.smin >> 32n) << 32n) | u32lo;
    const smax = ((this.smax >> 32n) << 32n) | u32hi;
    if (smin > this.smin) this.smin = smin;
    if (smax < this.smax) this.smax = smax;
    // The upper half is all ones or all zeros, and a non-negative lower half leaves only zeros.
    if (this.s32min >= 0 && this.smin >= BigInt(s32Min) && this.smax <= BigInt(s32Max)) {
      // Linux takes the 32-bit range as it is, even where the 64-bit one knew more.
      this.umin = this.smin = BigInt(this.s32min);
      this.umax = this.smax = BigInt(this.s32max);
      this.setTnum(tnumIntersect(this, tnumRange(this.umin, this.umax)));
    }
  }

  /** Does `x` (unsigned 64-bit) satisfy every view? */
  contains(x: bigint): boolean {
    const signed = asS64(x);
    const low = low32(x);
    return (
      tnumContains(this, x) &&
      x >= this.umin &&
      x <= this.umax &&
      signed >= this.smin &&
      signed <= this.smax &&
      low >= this.u32min &&
      low <= this.u32max &&
      (low | 0) >= this.s32min &&
      (low | 0) <= this.s32max
    );
  }

  /** Is every value of `inner` described by this one, in every view? */
  covers(inner: Scalar): boolean {
    return (
      this === inner ||
      (this.umin <= inner.umin &&
        this.umax >= inner.umax &&
        this.smin <= inner.smin &&
        this.smax >= inner.smax &&
        this.u32min <= inner.u32min &&
        this.u32max >= inner.u32max &&
        this.s32min <= inner.s32min &&
        this.s32max >= inner.s32max &&
        (inner.mask & ~this.mask) === 0n &&
        this.value === (inner.value & ~this.mask))
    );
  }

  /** The same bits and bounds in every view. */
  equals(other: Scalar): boolean {
    return (
      this === other ||
      (this.value === other.value &&
        this.mask === other.mask &&
        this.umin === other.umin &&
        this.umax === other.umax &&
        this.smin === other.smin &&
        this.smax === other.smax &&
        this.u32min === other.u32min &&
        this.u32max === other.u32max &&
        this.s32min === other.s32min &&
        this.s32max === other.s32max)
    );
  }
}

/** Nothing is known. */
export const unknownScalar: Scalar = new Scalar();

/** Constants that were asked for; those of a program's instructions come up again and again. */
const consts = new Map<bigint, Scalar>();
/** Constants remembered: as many as the instructions of a large program have. */
const keptConsts = 4096;

/** The constant `value`, taken modulo 2^64. */
export function constScalar(value: bigint): Scalar {
  const wrapped = BigInt.asUintN(64, value);
  const cached = consts.get(wrapped);
  if (cached !== undefined) return cached;
  const scalar = new Scalar();
  scalar.become(wrapped);
  if (consts.size < keptConsts) consts.set(wrapped, scalar);
  return scalar;
}

export const zeroScalar: Scalar = constScalar(0n);

function zeroExtended(bytes: number): Scalar {
  const scalar = new Scalar();
  scalar.setTnum(tnumCast(tnumUnknown, bytes));
  return scalar.sync();
}

const loaded: Readonly<Record<number, Scalar>> = {
  1: zeroExtended(1),
  2: zeroExtended(2),
  4: zeroExtended(4),
  8: unknownScalar,
};

/** What a zero-extending load of `bytes` (1, 2, 4, 8) unknown bytes yields. */
export function loadedScalar(bytes: number): Scalar {
  return loaded[bytes] ?? unknownScalar;
}

/** The signed range [min, max]. */
export function signedRange(min: bigint, max: bigint): Scalar {
  const scalar = new Scalar();
  scalar.smin = min;
  scalar.smax = max;
  return scalar.sync();
}

/** Smallest description of both: what a merge of two paths knows. */
export function joinScalars(a: Scalar, b: Scalar): Scalar {
  if (a === b || a.covers(b)) return a;
  const join = new Scalar();
  const differing = a.mask | b.mask | (a.value ^ b.value);
  join.value = a.value & ~differing & u64Max;
  join.mask = differing;
  join.umin = lesser(a.umin, b.umin);
  join.umax = greater(a.umax, b.umax);
  join.smin = lesser(a.smin, b.smin);
  join.smax = greater(a.smax, b.smax);
  join.u32min = Math.min(a.u32min, b.u32min);
  join.u32max = Math.max(a.u32max, b.u32max);
  join.s32min = Math.min(a.s32min, b.s32min);
  join.s32max = Math.max(a.s32max, b.s32max);
  return join;
}
