import { describe, expect, it } from 'vitest';
import { CellIndex } from './map-index.js';
import { MapBench } from './maps/testing.js';

describe('the way back from an address', () => {
  it.each([1, 2, 3, 5, 8])('finds the element among those of %d maps, and nothing before or behind them', (count) => {
    const bench = new MapBench({ cpus: 2 });
    for (let i = 0; i < count; i++) {
      const type = (['array', 'percpu_array', 'hash'] as const)[i % 3] ?? 'array';
      bench.make({ type, name: `m${i}`, valueSize: 12, maxEntries: 3 });
    }
    const index = new CellIndex(bench.maps);
    const starts = bench.maps.flatMap(({ index: map, spec }) =>
      [0, 1, 2].map((element) => {
        const cpu = spec.type === 'percpu_array' ? element % 2 : undefined;
        const cell = { map, part: 'value', element, cpu } as const;
        const start = index.startOf(cell);
        for (const within of [0, 11]) expect(index.cellAt(start + within)).toEqual(cell);
        return start;
      }),
    );
    expect(index.cellAt(Math.min(...starts) - 1)).toBeUndefined();
    expect(index.cellAt(0xffff_fff0)).toBeUndefined();
  });
});
