/**
 * What `bench/baseline.json` and `bench/latest.json` hold, and when a run is worse than its baseline: when the 95 %
 * confidence intervals of a figure, then and now, lie apart by more than two runs of the same code do. Nanoseconds say
 * something on the machine that they were measured on; elsewhere ratios alone are compared.
 */
import { cpus, release } from 'node:os';
import { InputError } from '../../base/index.js';
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

const isEnd = (end: unknown): end is number => typeof end === 'number' && Number.isFinite(end);

/** An interval, or null for a figure that was not measured; of `wasm_per_kernel` the upper end alone may be null too.
 * */
function isInterval(value: unknown, key: string): boolean {
  if (value === null) return true;
  if (!Array.isArray(value) || value.length !== 2 || !isEnd(value[0])) return false;
  return isEnd(value[1]) ? value[0] <= value[1] : value[1] === null && key === 'wasm_per_kernel';
}

const intervalKeys = ['interp_ns', 'wasm_ns', 'wasm_per_interp', 'wasm_per_kernel'] as const;

/** What is not as {@link BenchFile} has it, undefined if all is. */
function mistakeIn(value: unknown): string | undefined {
  const file = (value ?? {}) as Record<'machine' | 'suite', unknown>;
  const machine = (file.machine ?? {}) as Record<keyof BenchMachine, unknown>;
  for (const key of ['processor', 'system', 'node'] as const)
    if (typeof machine[key] !== 'string') return `\`machine.${key}\` is no text`;
  if (!Number.isInteger(machine.cores)) return '`machine.cores` is no whole number';
  if (!Array.isArray(file.suite)) return '`suite` is no list';
  const names = new Set<string>();
  for (const [i, row] of (file.suite as readonly unknown[]).entries()) {
    const { name, intervals } = (row ?? {}) as Partial<BenchEntry>;
    if (typeof name !== 'string') return `\`suite[${i}].name\` is no text`;
    if (names.has(name)) return `there are two rows \`${name}\``;
    names.add(name);
    const wrong = intervalKeys.find((key) => !isInterval(intervals?.[key], key));
    if (wrong !== undefined) return `row \`${name}\`: \`intervals.${wrong}\` is no interval`;
  }
  return undefined;
}

/** Reads what {@link formatBenchFile} wrote. Throws InputError for anything else, earlier versions' files included. */
export function readBenchFile(text: string, path: string): BenchFile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new InputError('this is no JSON', { file: path }, mend);
  }
  const mistake = mistakeIn(value);
  if (mistake !== undefined) throw new InputError(mistake, { file: path }, mend);
  return value as BenchFile;
}

/** What to do about a baseline that can't be read. */
export const mend = '`npm run bench -- --write-baseline` makes it anew';

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

/** What a comparison with the baseline found. */
export interface Comparison {
  /** Figures of both files that were compared. */
  readonly compared: number;
  /** Figures that are worse than the baseline's, a line each, with both intervals. */
  readonly worse: readonly string[];
  /** What was not compared, and why, a line each: a figure nobody looked at is not as good as before. */
  readonly left: readonly string[];
}

/** This run beside the baseline. `chosen`: a part of the suite was run on purpose, so rows may be missing. */
export function compareBench(now: BenchFile, baseline: BenchFile, chosen = false): Comparison {
  const same = isSameMachine(now.machine, baseline.machine);
  const worse: string[] = [];
  const left: string[] = [];
  let count = 0;
  for (const { name, intervals } of now.suite) {
    const old = baseline.suite.find((entry) => entry.name === name);
    if (old === undefined) left.push(`${name}: the baseline has no such row`);
    else
      for (const { title, unit, absolute, of } of compared) {
        if (absolute && !same) continue;
        const [before, after] = [of(old.intervals), of(intervals)];
        if (before === null || after === null || before[1] === null) {
          const side = after === null ? 'not measured now' : 'not measured for the baseline';
          left.push(
            `${name}: ${title} ${after !== null && before !== null ? 'has no upper end in the baseline' : side}`,
          );
          continue;
        }
        count++;
        const allowed = before[1] * (1 + drift) + (absolute ? driftNs : 0);
        if (after[0] > allowed) worse.push(`${name}: ${title} ${show(after, unit)}, was ${show(before, unit)}`);
      }
  }
  if (!chosen)
    for (const { name } of baseline.suite)
      if (!now.suite.some((entry) => entry.name === name)) left.push(`${name}: a row of the baseline that was not run`);
  return { compared: count, worse, left };
}
