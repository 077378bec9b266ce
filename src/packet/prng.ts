/**
 * Pseudo-random numbers for reproducible traffic: xoshiro128** 1.1 by Blackman and Vigna
 * (https://prng.di.unimi.it/xoshiro128starstar.c, public domain), seeded from one number by SplitMix64 (Steele, Lea
 * and Flood, OOPSLA 2014) as its authors advise. 32-bit integer arithmetic only, so every host makes the same
 * sequence.
 */

const mask64 = 0xffff_ffff_ffff_ffffn;

/** One step of SplitMix64: the next state and its output. */
function splitMix(state: bigint): readonly [state: bigint, output: bigint] {
  const next = (state + 0x9e37_79b9_7f4a_7c15n) & mask64;
  let z = next;
  z = ((z ^ (z >> 30n)) * 0xbf58_476d_1ce4_e5b9n) & mask64;
  z = ((z ^ (z >> 27n)) * 0x94d0_49bb_1331_11ebn) & mask64;
  return [next, z ^ (z >> 31n)];
}

const rotateLeft = (x: number, k: number): number => (x << k) | (x >>> (32 - k));

/** A stream of numbers that follows from its seed alone, on every host. Not for secrets. */
export class Prng {
  private s0: number;
  private s1: number;
  private s2: number;
  private s3: number;

  /** @param seed any integer; only its low 64 bits count */
  constructor(seed: number | bigint) {
    const [state, first] = splitMix(BigInt(seed) & mask64);
    const [, second] = splitMix(state);
    this.s0 = Number(first & 0xffff_ffffn) | 0;
    this.s1 = Number(first >> 32n) | 0;
    this.s2 = Number(second & 0xffff_ffffn) | 0;
    this.s3 = Number(second >> 32n) | 0;
  }

  /** 32 random bits as an unsigned number. */
  u32(): number {
    const result = Math.imul(rotateLeft(Math.imul(this.s1, 5), 7), 9);
    const t = this.s1 << 9;
    this.s2 ^= this.s0;
    this.s3 ^= this.s1;
    this.s1 ^= this.s2;
    this.s0 ^= this.s3;
    this.s2 ^= t;
    this.s3 = rotateLeft(this.s3, 11);
    return result >>> 0;
  }

  /** Uniform in [0, 1), 53 bits. */
  float(): number {
    return ((this.u32() >>> 5) * 0x400_0000 + (this.u32() >>> 6)) / 0x20_0000_0000_0000;
  }

  /** Uniform in 0 ... bound - 1, for bounds below 2^32; the bias is below bound / 2^53. */
  below(bound: number): number {
    return Math.floor(this.float() * bound);
  }

  chance(probability: number): boolean {
    return this.float() < probability;
  }

  /** One of a non-empty list. */
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.u32());
  }

  /** Exponential with mean 1. */
  exponential(): number {
    return -Math.log(1 - this.float());
  }

  /** Standard normal, by Marsaglia's polar method (SIAM Review 1964). */
  normal(): number {
    for (;;) {
      const x = 2 * this.float() - 1;
      const y = 2 * this.float() - 1;
      const s = x * x + y * y;
      if (s > 0 && s < 1) return x * Math.sqrt((-2 * Math.log(s)) / s);
    }
  }
}

/**
 * A hash of two 32-bit numbers: the finalizer of MurmurHash3 (Appleby, public domain) over their combination. Gives a
 * flow its properties without a table of flows.
 */
export function mix32(a: number, b: number): number {
  let h = (a ^ Math.imul(b, 0x9e37_79b1)) | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85eb_ca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2_ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
