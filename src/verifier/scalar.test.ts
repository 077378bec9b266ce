import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rounds } from '../../test/support/effort.js';
import { op } from '../isa/index.js';
import { branchTaken, negate, refine } from './branch.js';
import { constScalar, joinScalars, type Scalar, unknownScalar } from './scalar.js';
import { aluScalars, signExtend, swapBytes, truncate } from './scalar-alu.js';
import { u64Max } from './tnum.js';

const wrap = (x: bigint): bigint => BigInt.asUintN(64, x);
const s64 = (x: bigint): bigint => BigInt.asIntN(64, x);
const s32 = (x: bigint): bigint => BigInt.asIntN(32, x);

/** Values at which ranges break. */
const edges = [0n, 1n, 2n, 0x7fn, 0x80n, 0xffffn, 0x7fff_ffffn, 0x8000_0000n, 0xffff_ffffn, 0x1_0000_0000n].flatMap(
  (x) => [x, wrap(-x)],
);
const value = fc.oneof(
  fc.constantFrom(...edges, (1n << 63n) - 1n, 1n << 63n),
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
  fc.bigInt({ min: 0n, max: 300n }),
);
const values = fc.array(value, { minLength: 1, maxLength: 5 });

/** The least that can be known of some values: all views of their join, as `sync` leaves them. */
function describing(some: readonly bigint[]): Scalar {
  return some.map(constScalar).reduce(joinScalars).clone().sync();
}

const concrete: readonly (readonly [number, (x: bigint, y: bigint) => bigint])[] = [
  [op.ADD, (x, y) => x + y],
  [op.SUB, (x, y) => x - y],
  [op.MUL, (x, y) => x * y],
  [op.AND, (x, y) => x & y],
  [op.OR, (x, y) => x | y],
  [op.XOR, (x, y) => x ^ y],
  [op.NEG, (x) => -x],
];

const shifts: readonly (readonly [number, (x: bigint, by: bigint, bits: number) => bigint])[] = [
  [op.LSH, (x, by) => x << by],
  [op.RSH, (x, by) => x >> by],
  [op.ARSH, (x, by, bits) => BigInt.asIntN(bits, x) >> by],
];

const comparisons: readonly (readonly [number, (x: bigint, y: bigint, sx: bigint, sy: bigint) => boolean])[] = [
  [op.JEQ, (x, y) => x === y],
  [op.JNE, (x, y) => x !== y],
  [op.JGT, (x, y) => x > y],
  [op.JGE, (x, y) => x >= y],
  [op.JLT, (x, y) => x < y],
  [op.JLE, (x, y) => x <= y],
  [op.JSGT, (_, __, x, y) => x > y],
  [op.JSGE, (_, __, x, y) => x >= y],
  [op.JSLT, (_, __, x, y) => x < y],
  [op.JSLE, (_, __, x, y) => x <= y],
  [op.JSET, (x, y) => (x & y) !== 0n],
];

const runs = { numRuns: rounds(1500) };

describe('scalars', () => {
  it('still hold every value after their views taught each other', () => {
    fc.assert(
      fc.property(values, (some) => some.every((x) => describing(some).contains(x))),
      runs,
    );
  });

  it('hold every result of an operation, in 64 and in 32 bits', () => {
    fc.assert(
      fc.property(values, values, fc.constantFrom(...concrete), (a, b, [code, meaning]) => {
        const wide = aluScalars(code, false, describing(a), describing(b));
        const narrow = aluScalars(code, true, describing(a), describing(b));
        return a.every((x) =>
          b.every((y) => wide.contains(wrap(meaning(x, y))) && narrow.contains(BigInt.asUintN(32, meaning(x, y)))),
        );
      }),
      runs,
    );
  });

  it('hold every result of a shift by a constant', () => {
    fc.assert(
      fc.property(values, fc.bigInt({ min: 0n, max: 63n }), fc.constantFrom(...shifts), (a, by, [code, meaning]) => {
        const wide = aluScalars(code, false, describing(a), constScalar(by));
        const narrow = aluScalars(code, true, describing(a), constScalar(by & 31n));
        return a.every(
          (x) =>
            wide.contains(wrap(meaning(x, by, 64))) &&
            narrow.contains(BigInt.asUintN(32, meaning(BigInt.asUintN(32, x), by & 31n, 32))),
        );
      }),
      runs,
    );
  });

  it('hold what truncation, sign extension and byte swaps leave', () => {
    fc.assert(
      fc.property(values, fc.constantFrom(1, 2, 4), (a, bytes) => {
        const known = describing(a);
        return a.every((x) => {
          const low = BigInt.asUintN(bytes * 8, x);
          const swapped = Array.from({ length: bytes }, (_, i) => (low >> BigInt(8 * i)) & 0xffn).reduce(
            (r, byte) => (r << 8n) | byte,
            0n,
          );
          return (
            truncate(known, bytes).contains(low) &&
            signExtend(known, bytes).contains(wrap(BigInt.asIntN(bytes * 8, x))) &&
            swapBytes(known, bytes, true).contains(swapped)
          );
        });
      }),
      runs,
    );
  });

  it('decide a comparison only if all values agree, and keep every value that a branch lets through', () => {
    fc.assert(
      fc.property(values, values, fc.constantFrom(...comparisons), fc.boolean(), (a, b, [code, meaning], is32) => {
        const known = [describing(a), describing(b)] as const;
        const taken = branchTaken(code, is32, ...known);
        for (const x of a) {
          for (const y of b) {
            const [ux, uy] = is32 ? [BigInt.asUintN(32, x), BigInt.asUintN(32, y)] : [x, y];
            const [sx, sy] = is32 ? [s32(x), s32(y)] : [s64(x), s64(y)];
            const holds = meaning(ux, uy, sx, sy);
            if (taken !== undefined && taken !== holds) return false;
            const [p, q] = refine(holds ? code : negate(code), is32, ...known);
            if (!p.contains(x) || !q.contains(y)) return false;
          }
        }
        return true;
      }),
      runs,
    );
  });

  it('are told apart in a comparison though they are the same object, unless it is of a register with itself', () => {
    for (const is32 of [false, true]) {
      const most = is32 ? 0xffff_ffffn : u64Max;
      const [less, more] = refine(op.JLT, is32, unknownScalar, unknownScalar);
      expect([less.contains(0n), less.contains(most), more.contains(0n), more.contains(most)]).toEqual([
        true,
        false,
        false,
        true,
      ]);
      const [self, again] = refine(op.JLT, is32, unknownScalar, undefined);
      expect([self.contains(0n), again.contains(most)]).toEqual([false, false]);
    }
  });

  it('join to something that covers both', () => {
    fc.assert(
      fc.property(values, values, (a, b) => {
        const join = joinScalars(describing(a), describing(b));
        return join.covers(describing(a)) && join.covers(describing(b));
      }),
      runs,
    );
  });

  it('know a constant in every view', () => {
    const scalar = constScalar(wrap(-2n));
    expect([scalar.umin, scalar.smin, scalar.u32min, scalar.s32min]).toEqual([wrap(-2n), -2n, 0xffff_fffe, -2]);
  });

  it('are not negative where the lower half is not, up to the least that 32 bits have', () => {
    const scalar = unknownScalar.clone();
    Object.assign(scalar, { smin: -0x8000_0000n, smax: 0x7fff_ffffn, s32min: 0 });
    expect(scalar.sync()).toMatchObject({ smin: 0n, umax: 0x7fff_ffffn });
  });

  it('keep the negative piece of a signed 32-bit range where the unsigned one leaves no other', () => {
    const scalar = unknownScalar.clone();
    Object.assign(scalar, { s32min: -5, s32max: 10, u32min: 20, u32max: 0xffff_fffe });
    expect(scalar.sync()).toMatchObject({ s32min: -5, s32max: -2, u32min: 0xffff_fffb });
  });
});
