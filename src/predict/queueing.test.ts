import { expect, test } from 'vitest';
import { lowerBound } from './lower-bound.js';
import { acceptedAhead, leastOf, lossProbability, queueLatency } from './queueing.js';

/** Probabilities of 0 to N packets in M/M/1/N, from its balance equations. */
function states(load: number, places: number): number[] {
  const weights = Array.from({ length: places + 1 }, (_, n) => load ** n);
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / sum);
}

test('loss and waiting are those of the balance equations', () => {
  for (const load of [0.1, 0.5, 0.9, 1, 1.3])
    for (const places of [1, 2, 5, 20]) {
      const p = states(load, places);
      const full = p[places] as number;
      expect(lossProbability(load, places)).toBeCloseTo(full, 10);
      const ahead = p.slice(0, places).reduce((sum, each, n) => sum + n * each, 0) / (1 - full);
      expect(acceptedAhead(load, places)).toBeCloseTo(ahead, 9);
      expect(queueLatency(load, places, 100)).toBeCloseTo(100 * (1 + ahead), 6);
    }
});

test('an empty queue keeps nobody waiting and loses nothing', () => {
  expect(lossProbability(0, 8)).toBe(0);
  expect(acceptedAhead(0, 8)).toBe(0);
});

test('throughput is that of the part that lets least through', () => {
  expect(leastOf({ compute: 30e6, link: 55.96e6, memory: 24e6 })).toEqual({ part: 'memory', rate: 24e6 });
});

test('a lower bound is that of processors, or of the memory that is asked most for what it has', () => {
  const card = { cores: 60, clock: 800e6, memories: { emem: 100e6, imem: 500e6 } };
  expect(lowerBound({ cycles: 1000, accesses: {} }, card)).toEqual({ limit: 'processors', rate: 48e6 });
  expect(lowerBound({ cycles: 1000, accesses: { emem: 4, imem: 4 } }, card)).toEqual({ limit: 'emem', rate: 25e6 });
  expect(lowerBound({ cycles: 1000, accesses: { unknown: 4 } }, card).limit).toBe('processors');
});
