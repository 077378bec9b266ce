/** `jitnic bench`: the speed of the engines on one program, on a capture or on one packet of it, side by side. */
import { decodeUtf8, type ExitCode, exitCodes, InputError, UsageError, UserError } from '../base/index.js';
import {
  type Figure,
  formatRatio,
  measureSpeed,
  type Ratio,
  ratioOf,
  type Speed,
  summarize,
} from '../judge/speed/index.js';
import { Bpf, fitsTestRun } from '../linux/index.js';
import type { ObjectSpec, ProgramSpec } from '../object/index.js';
import type { Settings } from '../opt/index.js';
import { verdictName } from '../platform/index.js';
import type { Arrival } from '../runtime/index.js';
import { type Cell, type Column, count as counted, formatTable, wholeNumber } from '../text/index.js';
import { Verdicts } from '../verifier/index.js';
import { loadMaps, type Machine, parseMapsFile } from '../vm/index.js';
import { captureEngines, measureCapture } from './bench-capture.js';
import { openCaptureFile, readPackets } from './capture-input.js';
import { type CliCommand, defineCommand, type Io } from './command.js';
import { readInput } from './files.js';
import { declareOpt, type OptFlags, settingsOf } from './opt-flags.js';
import { chooseProgram, declareReading, openProgramFile, type ReadingFlags } from './program-file.js';

interface Options extends OptFlags, ReadingFlags {
  read: string;
  engine?: string;
  packet?: string;
  rounds: string;
  /** A map file (docs/maps.md); without it maps start as the object makes them. */
  mapsIn?: string;
}

/** Engines in the order of the table; `--engine` takes a list of them. */
const engineNames = ['interp', 'wasm', 'coverage', 'trace', 'kernel'];
/** Those that run whole captures only. */
const wholeOnly: readonly string[] = ['coverage', 'trace'];

/** Packets of a capture that the kernel is asked about: each takes it a second. */
const kernelSample = 6;

/**
 * Exit 3 where no engine ran the program, 4 where only the kernel was to and cannot be asked. JSON:
 * `jitnic.bench/1`.
 */
export const command: CliCommand = defineCommand<Options>({
  declare: (command) => {
    declareReading(command);
    declareOpt(command);
    command
      .argument('<file>', 'object file, .c or .s')
      .argument('[prog]', 'program or section')
      .requiredOption('-r, --read <capture>', 'capture whose packets are run')
      .option('--packet <n>', 'this packet of the capture alone, from 0, again and again')
      .option(
        '--engine <list>',
        `engines: ${engineNames.join(', ')} (default: all but coverage, which is wasm that counts; with --packet not trace)`,
      )
      .option('--maps-in <file>', 'map contents to start with')
      .option('--rounds <n>', 'turns of each engine', '9');
  },
  run: async ([path, name], options, io) => {
    const engines =
      options.engine?.split(',') ??
      engineNames.filter((engine) => engine !== 'coverage' && (engine !== 'trace' || options.packet === undefined));
    for (const engine of engines) {
      if (!engineNames.includes(engine))
        throw new UsageError(`no engine \`${engine}\``, {}, `engines: ${engineNames.join(', ')}`);
    }
    const whole = engines.find((engine) => wholeOnly.includes(engine));
    if (options.packet !== undefined && whole !== undefined)
      throw new UsageError(`\`--engine ${whole}\` runs whole captures`, {}, 'leave out `--packet`');
    const rounds = count(options.rounds, '--rounds');
    const settings = settingsOf(options);
    const object = await openProgramFile(path ?? '', io, options);
    const program = chooseProgram(object, name);
    const { mapsIn } = options;
    const contents = mapsIn === undefined ? undefined : parseMapsFile(decodeUtf8(await readInput(mapsIn, io)), mapsIn);
    const fill = contents === undefined ? undefined : (machine: Machine): void => loadMaps(machine, contents, mapsIn);
    // What only the kernel was asked for has no answer without it; beside other engines its row is missing.
    const bpf = engines.includes('kernel') ? openKernel(engines.length > 1, io) : undefined;
    const bench: Bench = { path: path ?? '', object, program, fill, engines, bpf, rounds, settings };
    if (options.packet === undefined) return benchCapture(bench, await packetsOf(options.read, io), io);
    const index = wholeNumber('--packet', options.packet, 0) ?? 0;
    return benchPacket(bench, index, await packetAt(options.read, index, io), io);
  },
});

/** What is measured. */
interface Bench {
  readonly path: string;
  readonly object: ObjectSpec;
  readonly program: ProgramSpec;
  readonly fill: ((machine: Machine) => void) | undefined;
  readonly engines: readonly string[];
  readonly bpf: Bpf | undefined;
  readonly rounds: number;
  readonly settings: Settings;
}

const notMeasured = ({ path, program }: Bench): InputError =>
  new InputError(`${program.name} was not measured: no engine ran it`, { file: path });

/**
 * One packet again and again. `turn`: seconds that an engine has before the next one runs. Engines take turns so that
 * a clock that slows down, or another process, meets all of them.
 */
function speedOf({ object, program, fill, engines, bpf, rounds, settings }: Bench, packet: Uint8Array): Speed {
  return measureSpeed({ object, program: program.name, packet, fill }, { engines, bpf, rounds, turn: 0.05, settings });
}

async function benchPacket(bench: Bench, index: number, packet: Uint8Array, io: Io): Promise<ExitCode> {
  const { program } = bench;
  const speed = await io.work('measuring', () => speedOf(bench, packet));
  for (const note of speed.notes) io.info(note);
  const rows = (['interp', 'wasm', 'kernel'] as const).flatMap((engine) => {
    const figure = speed[engine];
    return figure === undefined ? [] : [{ engine, figure }];
  });
  if (rows.length === 0) throw notMeasured(bench);
  if (io.flags.json) {
    io.json('jitnic.bench/1', {
      program: program.name,
      packets: 1,
      packet_bytes: packet.length,
      engines: rows.map(({ engine, figure }) => ({
        engine,
        ns: figure.median,
        spread_ns: figure.spread,
        ratio: ratioTo(figure, speed.kernel)?.value ?? null,
        verdict: verdictName(speed.verdicts[engine] ?? 0),
      })),
      kernel_noise_ns: speed.kernel?.noise ?? null,
      kernel_empty_ns: speed.kernel?.empty ?? null,
      kernel_busy_ns: speed.kernelBusy?.median ?? null,
      resolved: ratioOf(speed, speed.kernel)?.isBound === false,
      restored: speed.restored,
      compile_ms: speed.compileMs,
      code_bytes: speed.codeBytes,
    });
    return exitCodes.ok;
  }
  const cells = rows.map(({ engine, figure }) => [
    engine,
    fixed(figure, 'median'),
    `± ${fixed(figure, 'spread')}`,
    formatted(ratioTo(figure, speed.kernel)),
    verdictName(speed.verdicts[engine] ?? 0),
  ]);
  const table = formatTable(columnsNamed('verdict'), cells, '', io.width);
  io.out(`${program.name}, packet ${index} of ${packet.length} B\n${table}`);
  for (const line of remarks(speed)) io.out(`${line}\n`);
  if (speed.wasm !== undefined) io.out(`compiled in ${speed.compileMs.toFixed(1)} ms to ${speed.codeBytes} B\n`);
  return exitCodes.ok;
}

function columnsNamed(last: string): readonly Column[] {
  return ['engine', 'ns a packet', 'spread', 'ratio to kernel', last].map((title, i) => ({
    title,
    align: i > 0 && i < 4 ? ('right' as const) : ('left' as const),
  }));
}

/**
 * The whole capture, packet after packet. The kernel's test run takes one packet: its figure is the mean of some that
 * lie evenly in the capture, each alone.
 */
async function benchCapture(bench: Bench, packets: readonly Arrival[], io: Io): Promise<ExitCode> {
  const { object, program, fill, engines, rounds, settings, bpf } = bench;
  const ours = captureEngines.filter((engine) => engines.includes(engine));
  const verdicts = Verdicts.of(object);
  const figures = await io.work('measuring', () =>
    measureCapture({ object, program, packets, fill, options: { settings, verdicts } }, ours, rounds),
  );
  const kernel =
    bpf === undefined ? undefined : await io.work('asking the kernel', () => kernelMean(bench, packets, io));
  if (figures.length === 0 && kernel === undefined) throw notMeasured(bench);
  const rows = figures.map(({ engine, rounds: list, hitRate, verdicts: counts }) => ({
    engine,
    figure: summarize(list),
    hitRate,
    counts,
  }));
  const ratio = ({ median }: Figure): number | undefined => (kernel === undefined ? undefined : median / kernel.ns);
  const differs = new Set(rows.map(({ counts }) => JSON.stringify(counts))).size > 1;
  if (io.flags.json)
    io.json('jitnic.bench/1', {
      program: program.name,
      packets: packets.length,
      engines: [
        ...rows.map(({ engine, figure, hitRate, counts }) => ({
          engine,
          ns: figure.median,
          spread_ns: figure.spread,
          ratio: ratio(figure) ?? null,
          hit_rate: hitRate,
          verdicts: counts,
        })),
        ...(kernel === undefined
          ? []
          : [{ engine: 'kernel', ns: kernel.ns, sampled_packets: kernel.sampled, ratio: 1 }]),
      ],
    });
  else {
    const cells = rows.map(({ engine, figure, hitRate }): Cell[] => [
      engine,
      fixed(figure, 'median'),
      `± ${fixed(figure, 'spread')}`,
      ratio(figure)?.toFixed(2),
      hitRate === undefined ? undefined : `${(100 * hitRate).toFixed(1)} %`,
    ]);
    if (kernel !== undefined) cells.push(['kernel', kernel.ns.toFixed(1), '', '1.00', undefined]);
    io.out(`${program.name}, ${counted(packets.length, 'packet')} in turn, ${counted(rounds, 'round')}\n`);
    io.out(formatTable(columnsNamed('card'), cells, '', io.width));
    if (kernel !== undefined)
      io.out(`kernel: ${counted(kernel.sampled, 'packet')} of the capture, each alone, less an empty program\n`);
  }
  if (!differs) return exitCodes.ok;
  io.info('the engines differ in verdicts: `jitnic run --check` shows where');
  return exitCodes.negative;
}

/** Undefined, and said, where the kernel runs none of the packets. */
function kernelMean(
  bench: Bench,
  packets: readonly Arrival[],
  io: Io,
): { readonly ns: number; readonly sampled: number } | undefined {
  const usable = packets.filter(({ data }) => fitsTestRun(data.length, bench.program));
  const step = Math.max(1, usable.length / kernelSample);
  const times: number[] = [];
  for (let at = 0; at < usable.length && times.length < kernelSample; at += step) {
    const packet = usable[Math.floor(at)]?.data ?? new Uint8Array();
    const { kernel, notes } = speedOf({ ...bench, engines: ['kernel'], rounds: Math.min(bench.rounds, 4) }, packet);
    if (kernel === undefined) {
      for (const note of notes) io.info(note);
      return undefined;
    }
    times.push(Math.max(kernel.median, kernel.noise));
  }
  return times.length === 0
    ? undefined
    : { ns: times.reduce((sum, time) => sum + time, 0) / times.length, sampled: times.length };
}

/** What has to be known to read the table. */
function remarks({ kernel, kernelBusy, restored }: Speed): string[] {
  const lines: string[] = [];
  if (kernel !== undefined) {
    lines.push(
      `kernel: less an empty program of ${kernel.empty.toFixed(1)} ns; noise ${kernel.noise.toFixed(2)} ns, and a figure below it is not told from 0`,
    );
  }
  if (kernelBusy !== undefined) {
    lines.push(
      `kernel on a busy processor, which cannot overlap the program with the test: ${kernelBusy.median.toFixed(1)} ns`,
    );
  }
  if (restored) lines.push('the program changes its packet, which is put back for every run');
  return lines;
}

/** The engine's median in relation to the kernel's net one; undefined where either is missing. */
function ratioTo(figure: Figure, kernel: Speed['kernel']): Ratio | undefined {
  return ratioOf({ wasm: figure }, kernel);
}

function fixed(figure: Figure, key: 'median' | 'spread'): string {
  return figure[key].toFixed(1);
}

function formatted(ratio: Ratio | undefined): string | undefined {
  return ratio === undefined ? undefined : formatRatio(ratio);
}

function count(text: string, flag: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new UsageError(`${flag} ${text} is not a positive number`);
  return value;
}

/** All packets of the capture. Throws InputError where there is none. */
async function packetsOf(path: string, io: Io): Promise<readonly Arrival[]> {
  const packets = await readPackets(path, io);
  if (packets.length > 0) return packets;
  throw new InputError('no Ethernet packet in this capture', { file: path });
}

/** Reads the capture up to the packet; its bytes are a copy, since a batch is good only until the next one is read. */
async function packetAt(path: string, index: number, io: Io): Promise<Uint8Array> {
  let at = 0;
  for await (const packet of (await openCaptureFile(path, io)).packets()) {
    if (at++ === index) return packet.data.slice();
  }
  throw new UsageError(`there is no packet ${index}: ${path} has ${at}`);
}

/** Undefined, and said, when there is no kernel to ask and it may be missing. */
function openKernel(mayBeMissing: boolean, io: Io): Bpf | undefined {
  try {
    return Bpf.open();
  } catch (error) {
    if (!mayBeMissing || !(error instanceof UserError)) throw error;
    io.info(`no figure for the kernel: ${error.message}`);
    return undefined;
  }
}
