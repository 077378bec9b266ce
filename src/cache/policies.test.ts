import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rounds } from '../../test/support/effort.js';
import { BeladyPolicy } from './belady.js';
import { boundHits } from './bound.js';
import { onlinePolicies, policies } from './policies.js';
import type { PolicyRow } from './policy.js';
import { hitsOf, policyNamed, referenceOf } from './testing.js';
import { exhaustiveOptimum, models } from './testing-models.js';

/** Belady's MIN as textbooks have it: every page comes in. */
const paging: PolicyRow = { ...policyNamed('belady'), create: (options) => new BeladyPolicy(options, false) };

const misses = (keys: readonly number[], traces: number, policy: PolicyRow): number =>
  hitsOf(referenceOf(keys), { capacity: { traces }, policy }).filter((hit) => !hit).length;

const keysOf = (most: number, length: number): fc.Arbitrary<number[]> =>
  fc.array(fc.nat(most), { minLength: 1, maxLength: length });

/** Long enough for all that a policy remembers of what it evicted to be full and to be forgotten. */
const requests = fc.array(fc.nat(12), { minLength: 60, maxLength: 120 });

describe('published examples', () => {
  // Silberschatz, Galvin and Gagne, Operating System Concepts, section "Page replacement".
  const silberschatz = [7, 0, 1, 2, 0, 3, 0, 4, 2, 3, 0, 3, 2, 1, 2, 0, 1, 7, 0, 1];

  it('Silberschatz: three frames, 15 faults with FIFO, 12 with LRU, 9 with the optimum', () => {
    expect(misses(silberschatz, 3, policyNamed('fifo'))).toBe(15);
    expect(misses(silberschatz, 3, policyNamed('lru'))).toBe(12);
    expect(misses(silberschatz, 3, paging)).toBe(9);
  });

  // Belady, Nelson and Shedler, "An anomaly in space-time characteristics of certain programs", CACM 12(6), 1969.
  it("Belady's anomaly: FIFO misses 9 times with three frames and 10 times with four", () => {
    const anomaly = [1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5];
    expect([3, 4].map((frames) => misses(anomaly, frames, policyNamed('fifo')))).toEqual([9, 10]);
  });

  // Stallings, Operating Systems, figure "Behavior of four page replacement algorithms": faults once the frames are
  // filled.
  it('Stallings: three frames, 3 faults with the optimum, 4 with LRU, 6 with FIFO, 5 with CLOCK', () => {
    const stallings = [2, 3, 2, 1, 5, 2, 4, 5, 3, 2, 5, 2];
    const faults = (policy: PolicyRow): number => misses(stallings, 3, policy) - 3;
    expect([paging, ...['lru', 'fifo', 'clock'].map(policyNamed)].map(faults)).toEqual([3, 4, 6, 5]);
  });
});

describe('examples worked by hand (their papers have none)', () => {
  const contents = (name: string, traces: number, keys: readonly number[], probe: readonly number[]): number[] =>
    // Who is in: a key asked for next would hit.
    probe.filter((key) =>
      hitsOf(referenceOf([...keys, key]), { capacity: { traces }, policy: policyNamed(name) }).at(-1),
    );

  it('LFU evicts the least used, and of equals the one that was used before the other', () => {
    expect(contents('lfu', 3, [1, 1, 2, 2, 3, 4], [1, 2, 3, 4])).toEqual([1, 2, 4]);
    expect(contents('lfu', 2, [1, 2, 3], [1, 2, 3])).toEqual([2, 3]);
  });

  it('SIEVE: the hand spares what was hit, in place, and goes on from where it evicted', () => {
    // Queue 3 2 1 (oldest last), 1 marked: the hand clears it and evicts 2; the next victim is 3, although 1 is older.
    expect(contents('sieve', 3, [1, 2, 3, 1, 4], [1, 2, 3, 4])).toEqual([1, 3, 4]);
    expect(contents('sieve', 3, [1, 2, 3, 1, 4, 5], [1, 2, 3, 4, 5])).toEqual([1, 4, 5]);
  });

  it('S3-FIFO: a path taken once leaves the small queue first; one that comes back goes to the main queue', () => {
    // 1 was hit twice in the small queue and moves on; 2 goes, 3 to 10 stay.
    expect(contents('s3-fifo', 10, [1, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], [1, 2, 3])).toEqual([1, 3]);
    // 2 is a ghost: asked for again it is in the main queue, and outlives all that is new.
    const scan = Array.from({ length: 30 }, (_, i) => 100 + i);
    expect(contents('s3-fifo', 10, [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 2, ...scan], [2, 3])).toEqual([2]);
  });

  it('S3-FIFO: the small queue is gone through to its end though what moved on made it smaller than its share', () => {
    const sizes = [1, 8, 0, 22];
    const hits = hitsOf(
      referenceOf([3, 3, 0, 3, 1, 0], (key) => sizes[key] as number),
      { capacity: { bits: 25 }, policy: policyNamed('s3-fifo') },
    );
    expect(hits).toEqual([false, true, false, true, false, false]);
  });

  it('ARC: a scan passes through T1 and leaves what was used twice alone', () => {
    expect(contents('arc', 4, [1, 1, 2, 2, 10, 11, 12, 13, 14, 15], [1, 2, 14, 15, 13])).toEqual([1, 2, 14, 15]);
  });

  it('ARC: with its ghosts it has twice as many keys as the cache; then the oldest that was used twice is forgotten', () => {
    // 0 finds ghosts of 4 (used once) and 1 (used twice): 1 is forgotten. So 1 is new when it comes again, and 4 goes.
    const keys = [1, 4, 1, 2, 2, 3, 3, 0, 4, 1, 4];
    const hits = hitsOf(referenceOf(keys), { capacity: { traces: 2 }, policy: policyNamed('arc') });
    expect(hits.map(Number)).toEqual([0, 0, 1, 0, 1, 0, 1, 0, 0, 0, 0]);
  });

  it('W-TinyLFU: what was asked for once does not replace what is asked for often', () => {
    const warm = [1, 2, 3, 1, 2, 3, 1, 2, 3];
    expect(contents('w-tinylfu', 4, [...warm, 10, 11, 12, 13], [1, 2, 3, 13, 12])).toEqual([1, 2, 3, 13]);
  });

  it('Belady: the newcomer stays out if all others are needed sooner', () => {
    const keys = [1, 2, 1, 2, 1];
    expect(hitsOf(referenceOf(keys), { capacity: { traces: 1 }, policy: policyNamed('belady') })).toEqual([
      false,
      false,
      true,
      false,
      true,
    ]);
    expect(misses(keys, 1, paging)).toBe(5);
  });
});

describe('every policy does what its model does', () => {
  const cases = Object.entries(models);

  it('has a model for each that a card can have', () => {
    expect(cases.map(([name]) => name).sort()).toEqual(onlinePolicies.map(({ name }) => name).sort());
  });

  it.each(cases)('%s, with traces counted', (name, make) => {
    fc.assert(
      fc.property(requests, fc.integer({ min: 1, max: 12 }), (keys, traces) => {
        const model = make(traces, () => 1, traces);
        const expected = keys.map((key) => model.ask(key));
        expect(hitsOf(referenceOf(keys), { capacity: { traces }, policy: policyNamed(name) })).toEqual(expected);
      }),
      { numRuns: rounds(100) },
    );
  });

  it.each(cases.filter(([name]) => name !== 'arc'))('%s, with match bits counted', (name, make) => {
    const sizeOf = (key: number): number => 1 + ((key * 7) % 30);
    fc.assert(
      fc.property(requests, fc.integer({ min: 1, max: 120 }), (keys, bits) => {
        const model = make(bits, sizeOf, Math.ceil(bits / 256));
        const expected = keys.map((key) => model.ask(key));
        expect(hitsOf(referenceOf(keys, sizeOf), { capacity: { bits }, policy: policyNamed(name) })).toEqual(expected);
      }),
      { numRuns: rounds(100) },
    );
  });
});

describe('the optimum', () => {
  it('is the best that there is, with and without bypass', () => {
    fc.assert(
      fc.property(keysOf(5, 14), fc.integer({ min: 1, max: 4 }), (keys, traces) => {
        const count = (policy: PolicyRow): number => keys.length - misses(keys, traces, policy);
        expect(count(policyNamed('belady'))).toBe(exhaustiveOptimum(keys, traces));
        expect(count(paging)).toBe(exhaustiveOptimum(keys, traces, undefined, false));
      }),
      { numRuns: rounds(100) },
    );
  });

  it('is never below any other policy', () => {
    fc.assert(
      fc.property(keysOf(20, 300), fc.integer({ min: 1, max: 12 }), (keys, traces) => {
        const best = misses(keys, traces, policyNamed('belady'));
        for (const policy of policies) expect(misses(keys, traces, policy)).toBeGreaterThanOrEqual(best);
      }),
    );
  });

  it('is bounded from above where traces differ in size, and the bound is not below the best', () => {
    const sizeOf = (key: number): number => 1 + ((key * 3) % 7);
    fc.assert(
      fc.property(keysOf(5, 14), fc.integer({ min: 1, max: 16 }), (keys, bits) => {
        const reference = referenceOf(keys, sizeOf);
        const best = exhaustiveOptimum(keys, bits, sizeOf);
        expect(boundHits(reference, bits)).toBeGreaterThanOrEqual(best);
        for (const policy of policies) {
          const hits = hitsOf(reference, { capacity: { bits }, policy }).filter((hit) => hit).length;
          expect(hits).toBeLessThanOrEqual(best);
        }
      }),
      { numRuns: rounds(100) },
    );
  });
});
