import { describe, expect, it } from 'vitest';
import {
  type Tnum,
  tnumAdd,
  tnumAnd,
  tnumCast,
  tnumContains,
  tnumIn,
  tnumIntersect,
  tnumMul,
  tnumNeg,
  tnumOr,
  tnumRange,
  tnumSar,
  tnumShl,
  tnumShr,
  tnumSub,
  tnumSwap,
  tnumUnion,
  tnumXor,
} from './tnum.js';

const bits = 4;
const size = 1n << BigInt(bits);

/** Every tnum of four bits. */
function allTnums(): Tnum[] {
  const all: Tnum[] = [];
  for (let mask = 0n; mask < size; mask++) {
    for (let value = 0n; value < size; value++) if ((value & mask) === 0n) all.push({ value, mask });
  }
  return all;
}

function members(t: Tnum): bigint[] {
  const found: bigint[] = [];
  for (let x = 0n; x < size; x++) if (tnumContains(t, x)) found.push(x);
  return found;
}

const tnums = allTnums();
const wrap = (x: bigint): bigint => BigInt.asUintN(64, x);

/** Checks every pair of tnums and every pair of their members. */
function expectSound(abstract: (a: Tnum, b: Tnum) => Tnum, concrete: (a: bigint, b: bigint) => bigint): void {
  for (const a of tnums) {
    for (const b of tnums) {
      const result = abstract(a, b);
      expect(result.value & result.mask).toBe(0n);
      for (const x of members(a)) {
        for (const y of members(b)) {
          if (!tnumContains(result, wrap(concrete(x, y)))) {
            throw new Error(`${x} and ${y}: not in ${result.value}/${result.mask}`);
          }
        }
      }
    }
  }
}

describe('tnum operators hold every result, for all operands of four bits', () => {
  it('add', () => expectSound(tnumAdd, (x, y) => x + y));
  it('sub', () => expectSound(tnumSub, (x, y) => x - y));
  it('mul', () => expectSound(tnumMul, (x, y) => x * y));
  it('and', () => expectSound(tnumAnd, (x, y) => x & y));
  it('or', () => expectSound(tnumOr, (x, y) => x | y));
  it('xor', () => expectSound(tnumXor, (x, y) => x ^ y));
  it('union', () => {
    expectSound(tnumUnion, (x) => x);
    expectSound(tnumUnion, (_, y) => y);
  });
  it('shifts and negation', () => {
    for (const a of tnums) {
      for (const x of members(a)) {
        for (let by = 0; by < 64; by += 7) {
          const n = BigInt(by);
          expect(tnumContains(tnumShl(a, by), wrap(x << n))).toBe(true);
          expect(tnumContains(tnumShr(a, by), x >> n)).toBe(true);
          const high = tnumShl(a, 60);
          expect(tnumContains(tnumSar(high, by, 64), wrap(BigInt.asIntN(64, x << 60n) >> n))).toBe(true);
        }
        expect(tnumContains(tnumNeg(a), wrap(-x))).toBe(true);
      }
    }
  });
});

describe('tnums', () => {
  it('intersect to exactly the common members', () => {
    for (const a of tnums) {
      for (const b of tnums) {
        const common = members(a).filter((x) => tnumContains(b, x));
        if (common.length > 0) expect(members(tnumIntersect(a, b))).toEqual(common);
      }
    }
  });

  it('know when one holds another', () => {
    for (const a of tnums) {
      for (const b of tnums) expect(tnumIn(a, b)).toBe(members(b).every((x) => tnumContains(a, x)));
    }
  });

  it('cover ranges', () => {
    for (let min = 0n; min < 64n; min++) {
      for (let max = min; max < 64n; max++) {
        const t = tnumRange(min, max);
        for (let x = min; x <= max; x++) if (!tnumContains(t, x)) throw new Error(`${x} is not in [${min}, ${max}]`);
      }
    }
  });

  it('swap and cast bytes', () => {
    expect(tnumSwap({ value: 0x0100n, mask: 0x00ffn }, 2)).toEqual({ value: 0x0001n, mask: 0xff00n });
    expect(tnumCast({ value: 0x1234n, mask: 0xf0000n }, 2)).toEqual({ value: 0x1234n, mask: 0n });
  });
});
