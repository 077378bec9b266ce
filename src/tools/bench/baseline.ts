/**
 * What `bench/baseline.json` and `bench/latest.json` hold, and when a run is worse than its baseline: when the 95 %
 * confidence intervals of a figure, then and now, lie apart by more than two runs of the same code do. Nanoseconds say
 * something on the machine that they were measured on; elsewhere ratios alone are compared.
 */
import { cpus, release } from 'node:os';
import { bootstrap, type Interval, type Rounds, summarize } from '../../judge/speed/index.js';

/** Where figures were made; two are the same machine if every field is equal. */
export interface BenchMachine {
  readonly processor: string;
  readonly cores: number;
  readonly system: string;
  readonly node: string;
}

/** 95 % confidence intervals; null where an engine was not measured, or in fewer than three rounds. */
export interface Intervals {
  /** Nanoseconds a packet. */
  readonly interp_ns: Interval | null;
  readonly wasm_ns: Interval | null;
  /**
   * wasm / interp, and wasm / kernel net: the upper end of the latter is null where the kernel's net figure may be 0.
   */
  readonly wasm_per_interp: Interval | null;
  readonly wasm_per_kernel: readonly [number, number | null] | null;
}

/** `bench/baseline.json` and `bench/latest.json`. */
export interface BenchFile<Row extends BenchEntry = BenchEntry> {
  readonly machine: BenchMachine;
  readonly suite: readonly Row[];
}

/** What is compared of a row. */
export interface BenchEntry {
  readonly name: string;
  readonly intervals: Intervals;
}

/** As it lies in the repository: an interval on one line, as the formatter of sources wants it. */
export function formatBenchFile(file: BenchFile): string {
  const text = JSON.stringify(file, null, 2);
  const oneLine = (_: string, body: string): string => `[${body.replace(/,\s+/g, ', ')}]`;
  return `${text.replace(/\[\s+([^[\]{}]+?)\s+\]/g, oneLine)}\n`;
}

/** False for what earlier versions wrote, which had neither machine nor intervals. */
export function isBenchFile(file: Partial<BenchFile>): file is BenchFile {
  return file.machine !== undefined && file.suite?.every((entry: Partial<BenchEntry>) => entry.intervals) === true;
}

/**
 * Ends of intervals may be so far apart, relatively: code lies elsewhere in the next process, and runs so much slower.
 */
const drift = 0.05;
/** And so far, in nanoseconds: what the clock of a short program resolves. */
const driftNs = 0.3;

/** The machine at hand. */
export function thisMachine(): BenchMachine {
  const [first] = cpus();
  return {
    processor: first?.model.trim() ?? 'unknown',
    cores: cpus().length,
    system: `${process.platform} ${release()}`,
    node: process.version,
  };
}

/** One line, all that tells machines apart. */
export function describeMachine({ processor, cores, system, node }: BenchMachine): string {
  return `${processor}, ${cores} cores, ${system}, node ${node}`;
}

/** Do nanoseconds of one say something about the other? */
export function isSameMachine(a: BenchMachine, b: BenchMachine): boolean {
  return describeMachine(a) === describeMachine(b);
}

const significant = (value: number): number => Number(value.toPrecision(4));
const rounded = (interval: Interval | undefined): Interval | null =>
  interval === undefined ? null : [significant(interval[0]), significant(interval[1])];

/** Intervals of one program's rounds. */
export function intervalsOf({ interp, wasm, kernel }: Rounds): Intervals {
  const medianOf = (list: readonly number[], drawn: readonly number[]): number =>
    summarize(drawn.map((round) => list[round] as number)).median;
  const both = Math.min(interp.length, wasm.length);
  const beside = kernel === undefined ? 0 : Math.min(wasm.length, kernel.loaded.length);
  const net = (drawn: readonly number[]): number =>
    kernel === undefined ? 0 : medianOf(kernel.loaded, drawn) - medianOf(kernel.unloaded, drawn);
  // Of kernel / wasm, which is bounded where the kernel's net figure is next to nothing, or below.
  const inverse = rounded(bootstrap(beside, (drawn) => net(drawn) / medianOf(wasm, drawn)));
  return {
    interp_ns: rounded(bootstrap(interp.length, (drawn) => medianOf(interp, drawn))),
    wasm_ns: rounded(bootstrap(wasm.length, (drawn) => medianOf(wasm, drawn))),
    wasm_per_interp: rounded(bootstrap(both, (drawn) => medianOf(wasm, drawn) / medianOf(interp, drawn))),
    wasm_per_kernel:
      inverse === null || inverse[1] <= 0
        ? null
        : [significant(1 / inverse[1]), inverse[0] <= 0 ? null : significant(1 / inverse[0])],
  };
}

interface Compared {
  readonly title: string;
  readonly unit: string;
  /** Machine-bound: says nothing on another one. */
  readonly absolute: boolean;
  readonly of: (intervals: Intervals) => readonly [number, number | null] | null;
}

const compared: readonly Compared[] = [
  { title: 'wasm', unit: ' ns', absolute: true, of: ({ wasm_ns }) => wasm_ns },
  { title: 'interp', unit: ' ns', absolute: true, of: ({ interp_ns }) => interp_ns },
  { title: 'wasm / interp', unit: '', absolute: false, of: ({ wasm_per_interp }) => wasm_per_interp },
  { title: 'wasm / kernel', unit: '', absolute: false, of: ({ wasm_per_kernel }) => wasm_per_kernel },
];

const show = ([low, high]: readonly [number, number | null], unit: string): string =>
  high === null ? `above ${low}${unit}` : `${low} to ${high}${unit}`;

/** Figures that are worse than the baseline's, a line each, with both intervals. */
export function regressions(now: BenchFile, baseline: BenchFile): string[] {
  const same = isSameMachine(now.machine, baseline.machine);
  return now.suite.flatMap(({ name, intervals }) => {
    const old = baseline.suite.find((entry) => entry.name === name);
    if (old === undefined) return [];
    return compared.flatMap(({ title, unit, absolute, of }) => {
      const [before, after] = [of(old.intervals), of(intervals)];
      if ((absolute && !same) || before === null || after === null || before[1] === null) return [];
      const allowed = before[1] * (1 + drift) + (absolute ? driftNs : 0);
      return after[0] > allowed ? [`${name}: ${title} ${show(after, unit)}, was ${show(before, unit)}`] : [];
    });
  });
}
