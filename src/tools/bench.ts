/**
 * `npm run bench [-- --check] [--write-baseline] [--rounds N] [--engine LIST] [--only NAME]`: the speed suite, a row
 * each, and `bench/latest.json`. With --check, exit 1 if a figure is worse than that in `bench/baseline.json`: by
 * confidence intervals, on another machine than the baseline's by those of ratios alone (bench/baseline.ts).
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { exitCodes, InputError, UsageError } from '../base/index.js';
import {
  formatRatio,
  measureSpeed,
  ratioOf,
  type Speed,
  type SuiteEntry,
  standardPacket,
  suite,
} from '../judge/speed/index.js';
import { Bpf } from '../linux/index.js';
import { readObject } from '../object/index.js';
import { verdictName } from '../platform/index.js';
import { formatTable } from '../text/index.js';
import { loadMaps, parseMapsFile } from '../vm/index.js';
import {
  type BenchEntry,
  type BenchFile,
  compareBench,
  describeMachine,
  formatBenchFile,
  intervalsOf,
  isSameMachine,
  mend,
  readBenchFile,
  thisMachine,
} from './bench/baseline.js';
import { negativeIf, numberFlag, runTool, systemErrorCode } from './tool.js';

const usage = 'npm run bench [-- --check] [--write-baseline] [--rounds N] [--engine interp,wasm,kernel] [--only NAME]';

/**
 * A row of `bench/latest.json` and `bench/baseline.json`. Times are nanoseconds a run, medians over the rounds; null
 * where an engine was not asked or could not run the program.
 */
interface Row extends BenchEntry {
  /** By engine: the reference interpreter, compiled to WebAssembly, and Linux less what its empty program takes. */
  readonly interp_ns: number | null;
  readonly wasm_ns: number | null;
  readonly kernel_ns: number | null;
  /** wasm / kernel net. */
  readonly ratio: number | null;
  /** Two standard errors of the kernel's net figure, and what its empty program takes. */
  readonly kernel_noise_ns: number | null;
  readonly kernel_empty_ns: number | null;
  /** Net on a busy processor, and wasm in relation to that. */
  readonly kernel_busy_ns: number | null;
  readonly busy_ratio: number | null;
  /** False: the net figure is below its noise, and the ratio is that to the noise, a lower bound. */
  readonly resolved: boolean;
  /** The program changes its packet, which is put back for every run. */
  readonly restored: boolean;
}

/**
 * Measures one entry of the suite, with its own packet and map contents where it names some. `turn`: seconds that an
 * engine has before the next one gets the processor, so that a disturbance meets all of them.
 */
function run(entry: SuiteEntry, bpf: Bpf | undefined, engines: readonly string[], rounds: number): Speed {
  const object = readObject(readFileSync(entry.object), { name: entry.object });
  const packet = entry.packet === undefined ? standardPacket() : packetOf(entry.packet.capture, entry.packet.index);
  const { maps } = entry;
  const contents = maps === undefined ? undefined : parseMapsFile(readFileSync(maps, 'utf8'), maps);
  const fill =
    contents === undefined
      ? entry.fill
      : (machine: Parameters<typeof loadMaps>[0]) => loadMaps(machine, contents, maps);
  return measureSpeed({ object, program: entry.program, packet, fill }, { engines, bpf, rounds, turn: 0.04 });
}

/** Packet of a classic pcap file, little-endian, as the examples' are. */
function packetOf(capture: string, index: number): Uint8Array {
  const bytes = readFileSync(capture);
  let at = 24;
  for (let i = 0; i < index; i++) at += 16 + bytes.readUInt32LE(at + 8);
  return new Uint8Array(bytes.subarray(at + 16, at + 16 + bytes.readUInt32LE(at + 8)));
}

/** Two decimals are what the clock resolves; more would make every run of the file a change. */
function round(value: number | undefined): number | null {
  return value === undefined ? null : Math.round(value * 100) / 100;
}

/** The row as it is kept; a figure that is missing is null, since JSON has no undefined. */
function rowOf(entry: SuiteEntry, speed: Speed): Row {
  const { interp, wasm, kernel, kernelBusy } = speed;
  const ratio = ratioOf(speed, speed.kernel);
  return {
    name: entry.name,
    interp_ns: round(interp?.median),
    wasm_ns: round(wasm?.median),
    kernel_ns: round(kernel?.median),
    ratio: round(ratio?.value),
    kernel_noise_ns: round(kernel?.noise),
    kernel_empty_ns: round(kernel?.empty),
    kernel_busy_ns: round(kernelBusy?.median),
    busy_ratio: round(ratioOf(speed, kernelBusy)?.value),
    resolved: ratio?.isBound === false,
    restored: speed.restored,
    intervals: intervalsOf(speed.rounds),
  };
}

/** Of ratios: the mean that does not depend on which side is called the numerator. */
function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

const engineNames = ['interp', 'wasm', 'kernel'];
const baselineFile = join('bench', 'baseline.json');

/** The engines that `--engine` names; throws UsageError for another one. */
function enginesOf(list: string): readonly string[] {
  const engines = list.split(',');
  const unknown = engines.find((engine) => !engineNames.includes(engine));
  if (unknown === undefined) return engines;
  throw new UsageError(`no engine \`${unknown}\``, {}, `engines: ${engineNames.join(', ')}`);
}

/** Read before anything is measured: a baseline that can't be read is told at once. */
function openBaseline(): BenchFile {
  try {
    return readBenchFile(readFileSync(baselineFile, 'utf8'), baselineFile);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === undefined) throw error;
    throw new InputError(`the baseline can't be read (${code})`, { file: baselineFile }, mend);
  }
}

/** Prints how this run stands to the baseline; the exit code. `part`: rows were chosen by `--only`. */
function check(latest: BenchFile, baseline: BenchFile, part: boolean): number {
  console.log(`baseline made on ${describeMachine(baseline.machine)}`);
  if (!isSameMachine(latest.machine, baseline.machine))
    console.log(`here: ${describeMachine(latest.machine)}; ratios alone are compared`);
  const { compared, worse, left } = compareBench(latest, baseline, part);
  for (const line of left) console.log(`not compared: ${line}`);
  for (const line of worse) console.log(`regression: ${line}`);
  if (compared === 0)
    throw new InputError('the baseline has nothing that was measured now', { file: baselineFile }, mend);
  console.log(`${compared} figures compared, ${worse.length} worse`);
  return negativeIf(worse.length);
}

await runTool(
  usage,
  {
    check: { type: 'boolean' },
    'write-baseline': { type: 'boolean' },
    rounds: { type: 'string' },
    engine: { type: 'string' },
    only: { type: 'string' },
  },
  (_operands, flags) => {
    const engines = enginesOf(String(flags['engine'] ?? engineNames.join(',')));
    const rounds = numberFlag(flags, 'rounds', 9);
    const part = flags['only'] !== undefined;
    if (part && flags['write-baseline'] === true)
      throw new UsageError('a baseline has the whole suite', {}, 'leave out `--only` or `--write-baseline`');
    if (rounds < 3 && flags['check'] === true)
      throw new UsageError('confidence intervals take three rounds', {}, '`--rounds 3` or more');
    const baseline = flags['check'] === true ? openBaseline() : undefined;
    const bpf = engines.includes('kernel') ? Bpf.tryOpen() : undefined;
    if (bpf === undefined && engines.includes('kernel'))
      console.error('the kernel cannot be asked here: no figure for it');
    const chosen = suite.filter(({ name }) => flags['only'] === undefined || name.includes(String(flags['only'])));
    if (chosen.length === 0)
      throw new UsageError(`no row has \`${flags['only']}\` in its name`, {}, suite.map(({ name }) => name).join(', '));
    const rows: Row[] = [];
    const cells = chosen.map((entry) => {
      const speed = run(entry, bpf, engines, rounds);
      const row = rowOf(entry, speed);
      const ratio = ratioOf(speed, speed.kernel);
      rows.push(row);
      const verdicts = [...new Set(Object.values(speed.verdicts).map(verdictName))].join(' / ');
      // Median and half of what lies between the quartiles.
      const spread = (name: 'interp' | 'wasm' | 'kernel'): string | undefined => {
        const figure = speed[name];
        return figure === undefined ? undefined : `${figure.median.toFixed(1)} ± ${figure.spread.toFixed(1)}`;
      };
      for (const note of speed.notes) console.error(`${entry.name}: ${note}`);
      const faster =
        row.interp_ns === null || row.wasm_ns === null ? undefined : Math.round(row.interp_ns / row.wasm_ns);
      return [
        entry.name,
        spread('interp'),
        spread('wasm'),
        spread('kernel'),
        ratio === undefined ? undefined : formatRatio(ratio),
        row.kernel_busy_ns?.toFixed(1),
        row.busy_ratio?.toFixed(2),
        faster,
        speed.compileMs.toFixed(1),
        speed.codeBytes,
        verdicts,
      ];
    });
    const titles = [
      'program',
      'interp (ns)',
      'wasm (ns)',
      'kernel net (ns)',
      'wasm / kernel',
      'busy (ns)',
      'wasm / busy',
      'interp / wasm',
      'compile (ms)',
      'code (B)',
      'verdict',
    ];
    console.log(
      formatTable(
        titles.map((title, i) => ({ title, align: i > 0 && i < 10 ? ('right' as const) : ('left' as const) })),
        cells,
      ),
    );
    const ratios = rows.flatMap(({ ratio }) => (ratio === null ? [] : [ratio]));
    const speedups = rows.flatMap(({ interp_ns, wasm_ns }) =>
      interp_ns === null || wasm_ns === null ? [] : [interp_ns / wasm_ns],
    );
    if (ratios.length > 0)
      console.log(
        `geometric mean wasm / kernel: ${geometricMean(ratios).toFixed(2)}, worst ${Math.max(...ratios).toFixed(2)}`,
      );
    const busy = rows.flatMap(({ busy_ratio }) => (busy_ratio === null ? [] : [busy_ratio]));
    if (busy.length > 0)
      console.log(
        `geometric mean wasm / busy: ${geometricMean(busy).toFixed(2)}, worst ${Math.max(...busy).toFixed(2)}`,
      );
    if (speedups.length > 0) console.log(`geometric mean interp / wasm: ${geometricMean(speedups).toFixed(0)}`);
    const latest: BenchFile<Row> = { machine: thisMachine(), suite: rows };
    const text = formatBenchFile(latest);
    // A part of the suite is not what others are to be compared with.
    if (!part) writeFileSync(join('bench', 'latest.json'), text);
    if (flags['write-baseline'] === true) writeFileSync(baselineFile, text);
    return baseline === undefined ? exitCodes.ok : check(latest, baseline, part);
  },
);
