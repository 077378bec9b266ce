import { describe, expect, it } from 'vitest';
import {
  flushedThroughput,
  flushProbability,
  largestLoss,
  publishedProbability,
  uniformFlushProbability,
} from './flush-model.js';
import { flushedAsBuilt, flushedByWindows } from './flush-simulation.js';

/** Table 3 of eHDL: cycles lost, distance, Mpps; and what the exact sum yields. */
const table3 = [
  [109, 2, 120, 99],
  [41, 2, 178, 160],
  [59, 3, 91, 76],
  [39, 5, 52, 47],
] as const;

describe('the model of a flushed pipeline', () => {
  it.each(table3)(
    'reproduces eHDL: %i cycles lost, distance %i: %i Mpps, by the exact sum %i',
    (lost, distance, rounded, exact) => {
      expect(Math.abs(flushedThroughput(250, publishedProbability(distance), lost) - rounded)).toBeLessThan(1);
      expect(Math.round(flushedThroughput(250, flushProbability(50_000, distance), lost))).toBe(exact);
    },
  );

  it.each([
    [2, 1.41, 50],
    [3, 3.93, 18.5],
    [4, 7.34, 10.4],
    [5, 11.4, 7],
  ])('at distance %i flushes %f %% of packets, and may lose %f cycles at 148 Mpps', (distance, percent, most) => {
    const probability = flushProbability(50_000, distance);
    expect(100 * probability).toBeCloseTo(percent, 1);
    expect(Math.abs(largestLoss(250, probability, 148) - most)).toBeLessThan(0.15);
  });

  it('knows flows that are all as likely: fewer flushes than of Zipf', () => {
    for (const distance of [2, 3, 4, 5])
      expect(uniformFlushProbability(50_000, distance)).toBeLessThan(flushProbability(50_000, distance));
    expect(uniformFlushProbability(50_000, 5)).toBeCloseTo(0.00025, 6);
  });
});

describe('the simulated pipeline', () => {
  it.each(table3)(
    'that loses %i cycles at distance %i is within 2 %% of the exact formula, counted as that counts',
    (lost, distance) => {
      const exact = flushedThroughput(1, flushProbability(50_000, distance), lost);
      const simulated = flushedByWindows(50_000, distance, lost, 400_000, 11);
      expect(Math.abs(simulated / exact - 1)).toBeLessThan(0.02);
    },
  );

  it('as it is built flushes a packet once, so it is no slower than the formula says', () => {
    for (const [lost, distance] of table3) {
      const exact = flushedThroughput(1, flushProbability(50_000, distance), lost);
      expect(flushedAsBuilt(50_000, distance, lost, 100_000, 11)).toBeGreaterThan(0.98 * exact);
    }
  });
});
