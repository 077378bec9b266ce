import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  type BenchFile,
  compareBench,
  describeMachine,
  formatBenchFile,
  type Intervals,
  intervalsOf,
  readBenchFile,
  thisMachine,
} from './baseline.js';

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

const regressions = (now: BenchFile, baseline: BenchFile): readonly string[] => compareBench(now, baseline).worse;

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
    expect(formatBenchFile(readBenchFile(text, 'baseline.json'))).toBe(text);
  });

  it('says what it did not compare', () => {
    const [one, two] = [file(10), file(10)];
    const renamed = (from: BenchFile, name: string): BenchFile => ({
      ...from,
      suite: from.suite.map((row) => ({ ...row, name })),
    });
    expect(compareBench(one, two)).toEqual({ compared: 4, worse: [], left: [] });
    expect(compareBench(renamed(one, 'new'), two)).toEqual({
      compared: 0,
      worse: [],
      left: ['new: the baseline has no such row', 'nat: a row of the baseline that was not run'],
    });
    expect(compareBench(renamed(one, 'new'), two, true).left).toHaveLength(1);
    const without = (from: BenchFile, figures: Partial<Intervals>): BenchFile => ({
      ...from,
      suite: from.suite.map((row) => ({ ...row, intervals: { ...row.intervals, ...figures } })),
    });
    const noKernel = without(one, { wasm_per_kernel: null });
    expect(compareBench(noKernel, two).left).toEqual(['nat: wasm / kernel not measured now']);
    expect(compareBench(two, noKernel).left).toEqual(['nat: wasm / kernel not measured for the baseline']);
    expect(compareBench(two, without(one, { wasm_per_kernel: [0.2, null] })).left).toEqual([
      'nat: wasm / kernel has no upper end in the baseline',
    ]);
  });

  it('is read, or the place of the mistake is told', () => {
    const good = JSON.parse(formatBenchFile(file(10))) as { machine: object; suite: { intervals: object }[] };
    const refused = (value: unknown): string => {
      try {
        readBenchFile(typeof value === 'string' ? value : JSON.stringify(value), 'b.json');
      } catch (error) {
        return (error as { format(): string }).format().split('\n')[0] ?? '';
      }
      return 'read';
    };
    const [row] = good.suite;
    const interval = (wasm_ns: unknown): unknown => ({
      ...good,
      suite: [{ ...row, intervals: { ...row?.intervals, wasm_ns } }],
    });
    expect(
      [
        good,
        '{"machine":',
        'null',
        [],
        { ...good, machine: undefined },
        { ...good, machine: { ...good.machine, cores: 'two' } },
        { ...good, suite: {} },
        { ...good, suite: [null] },
        { ...good, suite: [row, row] },
        { ...good, suite: [{ name: 'nat' }] },
        interval([2, 1]),
        interval([2]),
        interval(['1', '2']),
        interval([2, null]),
      ].map(refused),
    ).toEqual([
      'read',
      'b.json: this is no JSON',
      'b.json: `machine.processor` is no text',
      'b.json: `machine.processor` is no text',
      'b.json: `machine.processor` is no text',
      'b.json: `machine.cores` is no whole number',
      'b.json: `suite` is no list',
      'b.json: `suite[0].name` is no text',
      'b.json: there are two rows `nat`',
      'b.json: row `nat`: `intervals.interp_ns` is no interval',
      'b.json: row `nat`: `intervals.wasm_ns` is no interval',
      'b.json: row `nat`: `intervals.wasm_ns` is no interval',
      'b.json: row `nat`: `intervals.wasm_ns` is no interval',
      'b.json: row `nat`: `intervals.wasm_ns` is no interval',
    ]);
  });

  it('has intervals that are the same each time and hold the median', () => {
    const [low, high] = intervalsOf({ interp: [], wasm: around(10), kernel: undefined }).wasm_ns ?? [0, 0];
    expect(intervalsOf({ interp: [], wasm: around(10), kernel: undefined }).wasm_ns).toEqual([low, high]);
    expect(low).toBeLessThanOrEqual(10);
    expect(high).toBeGreaterThanOrEqual(10);
    expect(high - low).toBeLessThan(0.5);
  });
});
