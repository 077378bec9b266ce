import { describe, expect, it } from 'vitest';
import { Prng } from '../../packet/index.js';
import { nfp4000 } from '../cards/nfp.js';
import { type MapMemory, mapMemories, type PlacedMap, placeMaps, waitsAt } from './placement.js';

const memories: readonly MapMemory[] = [
  { name: 'near', size: 100, read: 10, shared: 40 },
  { name: 'middle', size: 1000, read: 50, shared: 60 },
  { name: 'far', size: 1_000_000, read: 300, shared: 300 },
];

const map = (name: string, bytes: number, accesses: number, rest: Partial<PlacedMap> = {}): PlacedMap => {
  return { name, bytes, accesses, isWritten: false, elements: [], elementBytes: 0, ...rest };
};

/** All placements, without leaving any out. */
function least(maps: readonly PlacedMap[], of: readonly MapMemory[]): number {
  let best = Number.POSITIVE_INFINITY;
  const left = of.map(({ size }) => size);
  const descend = (i: number, waits: number): void => {
    const here = maps[i];
    if (here === undefined) {
      best = Math.min(best, waits);
      return;
    }
    for (const memory of of.keys()) {
      if (here.bytes > (left[memory] ?? 0)) continue;
      left[memory] = (left[memory] ?? 0) - here.bytes;
      descend(i + 1, waits + waitsAt(here, of, { memory, hot: undefined }));
      left[memory] = (left[memory] ?? 0) + here.bytes;
    }
  };
  descend(0, 0);
  return best;
}

describe('placement of maps', () => {
  it('puts what is used most for its size nearest, and all where there is room', () => {
    const placed = placeMaps([map('big', 900, 3), map('small', 90, 2), map('huge', 5000, 9)], memories);
    expect(placed?.places.map(({ memory }) => memory)).toEqual([1, 0, 2]);
    expect(placed?.isOptimal).toBe(true);
  });

  it('keeps a map that is written where the others reach it soonest', () => {
    const islands: readonly MapMemory[] = [
      { name: 'island', size: 100, read: 10, shared: 90 },
      { name: 'all', size: 1000, read: 50, shared: 50 },
    ];
    const at = (isWritten: boolean): number | undefined =>
      placeMaps([map('m', 50, 1, { isWritten })], islands)?.places[0]?.memory;
    expect([at(false), at(true)]).toEqual([0, 1]);
  });

  it('puts the elements that are used most near, where they are worth the question', () => {
    const elements = [0.5, 0.3, 0.1, ...Array.from({ length: 97 }, () => 0.1 / 97)];
    const skewed = map('flows', 5000, 2, { elements, elementBytes: 50 });
    const even = { ...skewed, elements: Array.from({ length: 100 }, () => 0.01) };
    expect(placeMaps([skewed], memories)?.places[0]).toEqual({ memory: 2, hot: { memory: 1, elements: 16 } });
    expect(
      placeMaps(
        [even],
        memories.filter(({ name }) => name !== 'middle'),
      )?.places[0]?.hot,
    ).toBeUndefined();
    expect(waitsAt(skewed, memories, { memory: 2, hot: { memory: 0, elements: 1 } })).toBeCloseTo(2 * (10 + 0.5 * 300));
  });

  const random = new Prng(11);
  const instance = (count: number): readonly PlacedMap[] =>
    Array.from({ length: count }, (_, i) =>
      map(`m${i}`, 5 + random.below(400), random.below(60) / 10, { isWritten: random.below(2) === 0 }),
    );

  it('finds the optimum', () => {
    for (let round = 0; round < 30; round++) {
      const maps = instance(9);
      const placed = placeMaps(maps, memories);
      expect(placed?.isOptimal).toBe(true);
      expect(placed?.waits).toBeCloseTo(least(maps, memories), 6);
    }
  });

  it('comes within 2 % of it where the search is cut short', () => {
    let worst = 0;
    let cut = 0;
    for (let round = 0; round < 20; round++) {
      const maps = instance(30);
      const wanted = placeMaps(maps, memories, 5_000_000);
      const early = placeMaps(maps, memories, 5000);
      expect(wanted?.isOptimal).toBe(true);
      if (early?.isOptimal === false) cut++;
      worst = Math.max(worst, (early?.waits ?? Number.POSITIVE_INFINITY) / (wanted?.waits ?? 1) - 1);
    }
    expect(cut).toBeGreaterThan(0);
    expect(worst).toBeLessThan(0.02);
  });

  it('knows what fits in no way', () => {
    expect(placeMaps([map('m', 2_000_000, 1)], memories)).toBeUndefined();
  });

  it('knows the memories of a card, nearest first', () => {
    expect(mapMemories(nfp4000).map(({ name }) => name)).toEqual(['cls', 'ctm', 'imem', 'emem']);
  });
});
