import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type BenchFile, describeMachine, formatBenchFile, intervalsOf, regressions, thisMachine } from './baseline.js';

/** Figures around `middle`, a round each. */
const around = (middle: number): number[] => [0.98, 1.01, 0.99, 1, 1.02, 1, 0.99, 1.01, 1].map((x) => x * middle);

function file(wasm: number, { interp = 100, kernel = 50, node = 'v20.0.0' } = {}): BenchFile {
  const rounds = {
    interp: around(interp),
    wasm: around(wasm),
    kernel: { loaded: around(kernel + 5), unloaded: around(5) },
  };
  return { machine: { ...thisMachine(), node }, suite: [{ name: 'nat', intervals: intervalsOf(rounds) }] };
}

describe('a run beside its baseline', () => {
  it('is not worse for noise', () => {
    expect(regressions(file(10), file(10))).toEqual([]);
    expect(regressions(file(10.2), file(10))).toEqual([]);
    expect(regressions(file(5), file(10))).toEqual([]);
  });

  it('is worse where intervals lie apart, in nanoseconds and in ratios', () => {
    expect(regressions(file(13), file(10)).map((line) => line.split(' 0')[0]?.split(' 1')[0])).toEqual([
      'nat: wasm',
      'nat: wasm / interp',
      'nat: wasm / kernel',
    ]);
    expect(regressions(file(10, { interp: 130 }), file(10))).toHaveLength(1);
  });

  it('is compared by ratios alone on another machine', () => {
    const elsewhere = file(20, { interp: 200, kernel: 100, node: 'v22.0.0' });
    expect(regressions(elsewhere, file(10))).toEqual([]);
    expect(regressions(file(20, { node: 'v22.0.0' }), file(10))).toHaveLength(2);
    expect(describeMachine(elsewhere.machine)).toContain('node v22.0.0');
  });

  it('has no ratio to a kernel whose net figure may be nothing, only its lower end', () => {
    const rounds = {
      interp: [],
      wasm: around(2),
      kernel: { loaded: [5, 6, 5.5, 5, 6], unloaded: [5.4, 5, 6, 5.6, 5] },
    };
    const { interp_ns, wasm_per_interp, wasm_per_kernel } = intervalsOf({ ...rounds, wasm: around(2).slice(0, 5) });
    expect([interp_ns, wasm_per_interp]).toEqual([null, null]);
    expect(wasm_per_kernel?.[0]).toBeGreaterThan(0);
    expect(wasm_per_kernel?.[1]).toBeNull();
  });

  it('is written as it lies in the repository', () => {
    const text = readFileSync(new URL('../../../bench/baseline.json', import.meta.url), 'utf8');
    expect(formatBenchFile(JSON.parse(text) as BenchFile)).toBe(text);
  });

  it('has intervals that are the same each time and hold the median', () => {
    const [low, high] = intervalsOf({ interp: [], wasm: around(10), kernel: undefined }).wasm_ns ?? [0, 0];
    expect(intervalsOf({ interp: [], wasm: around(10), kernel: undefined }).wasm_ns).toEqual([low, high]);
    expect(low).toBeLessThanOrEqual(10);
    expect(high).toBeGreaterThanOrEqual(10);
    expect(high - low).toBeLessThan(0.5);
  });
});
