import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findAdmission } from './admission.js';
import { hitCurves } from './curves.js';
import { Entry } from './entry.js';
import { FrequencySketch } from './frequency-sketch.js';
import { onlinePolicies, policies } from './policies.js';
import { nextUses } from './reference-string.js';
import { Replacement, type ReplacementOptions } from './replacement.js';
import { simulate } from './simulate.js';
import { beladyDistances, hitsBySize, lruDistances } from './stack-distances.js';
import { hitsOf, policyNamed, referenceOf } from './testing.js';

const keysOf = (most: number, length: number): fc.Arbitrary<number[]> =>
  fc.array(fc.nat(most), { minLength: 1, maxLength: length });

const repeat = (keys: readonly number[], times: number): number[] => Array.from({ length: times }, () => keys).flat();
const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);
const rate = (keys: readonly number[], options: ReplacementOptions): number =>
  simulate(referenceOf(keys), options).hits / keys.length;

describe('all sizes in one pass', () => {
  it('gives what a run for each size gives, for LRU and for the optimum', () => {
    fc.assert(
      fc.property(keysOf(15, 200), fc.integer({ min: 1, max: 20 }), (keys, deepest) => {
        const reference = referenceOf(keys);
        const passes = { lru: lruDistances(reference, deepest), belady: beladyDistances(reference, deepest) };
        for (const [name, counts] of Object.entries(passes)) {
          const policy = policyNamed(name);
          const expected = range(1, deepest).map(
            (traces) => simulate(reference, { capacity: { traces }, policy }).hits,
          );
          expect([...hitsBySize(counts)].slice(1)).toEqual(expected);
        }
      }),
    );
  });

  it('and curves say so for every policy and any order of sizes', () => {
    const reference = referenceOf(repeat([1, 2, 3, 1, 4, 1, 5, 2], 20));
    const sizes = [4, 1, 100, 2];
    for (const { policy, hits } of hitCurves(reference, { sizes, policies })) {
      expect(hits).toEqual(sizes.map((traces) => simulate(reference, { capacity: { traces }, policy }).hits));
    }
  });
});

describe('capacity', () => {
  it.each(onlinePolicies)(
    '$name never holds more traces or match bits than fit, whatever becomes invalid',
    (policy) => {
      const event = fc.record({ key: fc.nat(20), retire: fc.boolean() });
      fc.assert(
        fc.property(fc.array(event, { maxLength: 200 }), fc.integer({ min: 1, max: 8 }), (events, traces) => {
          const inside = new Map<number, Entry>();
          const bits = 60;
          const replacement = new Replacement<Entry>({ capacity: { traces, bits }, policy }, ({ key }) => {
            inside.delete(key);
          });
          for (const { key, retire } of events) {
            const there = inside.get(key);
            if (there !== undefined && retire) {
              replacement.remove(there);
              inside.delete(key);
            } else if (there !== undefined) replacement.hit(there);
            else {
              const entry = new Entry(key, 1 + ((key * 5) % 40));
              if (replacement.missed(entry)) inside.set(key, entry);
            }
            const sum = [...inside.values()].reduce((all, { size }) => all + size, 0);
            expect([replacement.length, replacement.usedBits]).toEqual([inside.size, sum]);
            expect(inside.size <= traces && sum <= bits).toBe(true);
          }
        }),
      );
    },
  );

  it('remembers nothing of what was taken out because it is no longer valid', () => {
    const evicted: number[] = [];
    const replacement = new Replacement<Entry>({ capacity: { traces: 2 }, policy: policyNamed('arc') }, ({ key }) => {
      evicted.push(key);
    });
    replacement.missed(new Entry(2, 1));
    const invalid = new Entry(1, 1);
    replacement.missed(invalid);
    replacement.remove(invalid);
    // As new as it was the first time: the oldest of those that were asked for once goes.
    for (const key of [1, 3]) replacement.missed(new Entry(key, 1));
    expect(evicted).toEqual([2]);
  });

  it('evicts several small traces for a large one, and refuses one that is larger than the cache', () => {
    const evicted: number[] = [];
    const replacement = new Replacement<Entry>({ capacity: { bits: 10 }, policy: policyNamed('fifo') }, ({ key }) => {
      evicted.push(key);
    });
    for (const key of [1, 2, 3]) replacement.missed(new Entry(key, 3));
    expect(replacement.missed(new Entry(4, 7))).toBe(true);
    expect(evicted).toEqual([1, 2]);
    expect(replacement.missed(new Entry(5, 11))).toBe(false);
    expect([replacement.length, replacement.usedBits, replacement.refusals]).toEqual([2, 10, 1]);
  });
});

describe('the frequency sketch', () => {
  it('never says less than there was since the sample began, up to 16', () => {
    fc.assert(
      fc.property(keysOf(30, 99), fc.integer(), (keys, seed) => {
        // A sample is ten requests an entry: none of these ages it.
        const sketch = new FrequencySketch(10, seed);
        for (const key of keys) sketch.add(key);
        for (const key of keys) {
          const times = keys.filter((other) => other === key).length;
          expect(sketch.estimate(key)).toBeGreaterThanOrEqual(Math.min(16, times));
        }
      }),
    );
  });

  it('is exact for a few keys, and forgets', () => {
    const sketch = new FrequencySketch(100, 1);
    for (const key of [7, 7, 7, 8]) sketch.add(key);
    expect([7, 8, 9].map((key) => sketch.estimate(key))).toEqual([3, 1, 0]);
    for (let i = 0; i < 1000; i++) sketch.add(1000);
    expect(sketch.estimate(7)).toBe(1);
    expect(sketch.estimate(8)).toBe(0);
  });
});

describe('admission', () => {
  const attack = (n: number): number[] => range(0, n - 1).flatMap((i) => [i % 4, 1000 + i]);

  it('always: paths that are taken once drive out the others', () => {
    const options = { capacity: { traces: 4 }, policy: policyNamed('lru') };
    expect(rate(attack(500), options)).toBe(0);
  });

  it.each(['doorkeeper', 'tinylfu'])('%s: they do not, and who comes back gets in', (name) => {
    const options = { capacity: { traces: 4 }, policy: policyNamed('lru'), admission: findAdmission(name) };
    expect(rate(attack(500), options)).toBeGreaterThan(0.4);
    // Half of all requests could hit at most.
    expect(rate(repeat([1, 2, 3], 100), options)).toBeGreaterThan(0.95);
  });

  it('doorkeeper: the first request for a path is not enough, the second is', () => {
    const options = { capacity: { traces: 4 }, policy: policyNamed('lru'), admission: findAdmission('doorkeeper') };
    expect(hitsOf(referenceOf([1, 1, 1, 2, 2, 2]), options)).toEqual([false, false, true, false, false, true]);
  });
});

describe('adaptive size', () => {
  const sizeAfter = (keys: readonly number[], price?: number): number =>
    simulate(referenceOf(keys), {
      capacity: {},
      policy: policyNamed('lru'),
      adaptive: { least: 4, most: 64, price },
    }).size;

  it('shrinks to what few paths need', () => {
    expect(sizeAfter(repeat([1, 2, 3], 10_000))).toBe(4);
  });

  it('grows over the cliff of a cycle, and no further', () => {
    const size = sizeAfter(repeat(range(1, 40), 2000));
    expect(size).toBeGreaterThanOrEqual(40);
    expect(size).toBeLessThanOrEqual(45);
  });

  it('does not grow for a cycle that it cannot hold, nor for paths that never come back', () => {
    expect(sizeAfter(repeat(range(1, 400), 300))).toBe(4);
    expect(sizeAfter(range(0, 100_000))).toBe(4);
  });

  it('stays smaller where a place costs more', () => {
    // The k-th path is taken every 2^k packets.
    const keys = range(1, 60_000).map((i) => 31 - Math.clz32(i & -i));
    expect(sizeAfter(keys, 60)).toBeLessThan(sizeAfter(keys, 0.5));
  });

  it.each(policies)('holds its bounds with $name', (policy) => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 80 }), fc.integer({ min: 1, max: 20 }), (paths, stride) => {
        const keys = range(0, 5000).map((i) => ((i * stride) ^ (i >> 4)) % paths);
        const { size } = simulate(referenceOf(keys), { capacity: {}, policy, adaptive: { least: 3, most: 50 } });
        expect(size >= 3 && size <= 50).toBe(true);
      }),
      { numRuns: 20 },
    );
  });
});

describe('the reference string', () => {
  it('counts packets that nothing can decide, and hits none of them', () => {
    const reference = referenceOf([0, 0]);
    reference.add(undefined);
    reference.add(0);
    const { packets, hits, installs } = simulate(reference, { capacity: { traces: 4 }, policy: policyNamed('lru') });
    expect({ packets, hits, installs }).toEqual({ packets: 4, hits: 2, installs: 1 });
    expect([...reference.events]).toEqual([0, 0, -1, 0]);
    expect([...reference.counts()]).toEqual([3]);
    const never = Number.POSITIVE_INFINITY;
    expect([...nextUses(reference)]).toEqual([1, 3, never, never]);
  });
});
