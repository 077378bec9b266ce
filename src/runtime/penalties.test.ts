import { describe, expect, it } from 'vitest';
import { SideExit } from '../nic/index.js';
import { Penalties } from './penalties.js';

/** Misses until the next recording is allowed, counting the one that is; at most `limit`. */
function missesUntilAdmitted(penalties: Penalties, exit: SideExit, limit = 100_000): number {
  for (let misses = 1; misses <= limit; misses++) if (penalties.admits(exit)) return misses;
  return Number.POSITIVE_INFINITY;
}

function evictMany(penalties: Penalties, times: number, packets: number): void {
  for (let i = 0; i < times; i++) penalties.evicted(packets);
}

class Place extends SideExit {
  override parent(): undefined {
    return undefined;
  }
}

describe('penalties', () => {
  it('record the first miss at once, or as late as the hot loop says', () => {
    expect(missesUntilAdmitted(new Penalties(1), new Place())).toBe(1);
    expect(missesUntilAdmitted(new Penalties(5), new Place())).toBe(5);
  });

  it('wait 2^n - 1 misses after the n-th failure', () => {
    const penalties = new Penalties(1);
    const exit = new Place();
    penalties.admits(exit);
    for (let n = 1; n <= 6; n++) {
      penalties.failed(exit);
      expect(missesUntilAdmitted(penalties, exit)).toBe(2 ** n);
    }
  });

  it('give a place up after fourteen failures in a row, and no other place', () => {
    const penalties = new Penalties(1);
    const exit = new Place();
    for (let n = 0; n < 14; n++) penalties.failed(exit);
    expect(penalties.blacklisted).toBe(1);
    expect(missesUntilAdmitted(penalties, exit)).toBe(Number.POSITIVE_INFINITY);
    expect(missesUntilAdmitted(penalties, new Place())).toBe(1);
  });

  it('forget failures after one success', () => {
    const penalties = new Penalties(1);
    const exit = new Place();
    for (let n = 0; n < 10; n++) penalties.failed(exit);
    penalties.succeeded(exit);
    expect(missesUntilAdmitted(penalties, exit)).toBe(1);
    penalties.failed(exit);
    expect(missesUntilAdmitted(penalties, exit)).toBe(2);
  });
});

describe('traces that leave before they pay', () => {
  /** Misses for each of the next recordings, each from a place of its own. */
  const intervals = (penalties: Penalties, n: number): number[] => {
    const exit = new Place();
    return Array.from({ length: n }, () => missesUntilAdmitted(penalties, exit));
  };

  it('are of no concern before 128 evictions', () => {
    const penalties = new Penalties(1);
    evictMany(penalties, 127, 1);
    expect(intervals(penalties, 3)).toEqual([1, 1, 1]);
    expect(penalties.thrashed).toBe(0);
  });

  it('make recordings rarer step by step, down to one in 256', () => {
    const penalties = new Penalties(1);
    evictMany(penalties, 128, 1);
    expect(intervals(penalties, 3)).toEqual([1, 2, 2]);
    expect(penalties.thrashed).toBe(2);
    evictMany(penalties, 16, 1);
    expect(intervals(penalties, 3)).toEqual([2, 4, 4]);
    evictMany(penalties, 32 * 100, 1);
    expect(intervals(penalties, 3).at(-1)).toBe(256);
  });

  it('are no reason to record less once traces pay again', () => {
    const penalties = new Penalties(1);
    evictMany(penalties, 128 + 16 * 10, 1);
    evictMany(penalties, 32 * 100, 1000);
    intervals(penalties, 1);
    expect(intervals(penalties, 3)).toEqual([1, 1, 1]);
  });

  it('never happen where each decides many packets', () => {
    const penalties = new Penalties(1);
    evictMany(penalties, 5000, 16);
    expect(intervals(penalties, 3)).toEqual([1, 1, 1]);
  });
});
