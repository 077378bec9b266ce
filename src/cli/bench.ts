/** `jitnic bench`: the speed of the engines on one program and one packet, side by side. */
import { decodeUtf8, exitCodes, InputError, UsageError, UserError } from '../base/index.js';
import { type Figure, formatRatio, measureSpeed, type Ratio, ratioOf, type Speed } from '../judge/speed/index.js';
import { Bpf } from '../linux/index.js';
import { verdictName } from '../platform/index.js';
import { formatTable } from '../text/index.js';
import { loadMaps, type Machine, parseMapsFile } from '../vm/index.js';
import { openCaptureFile } from './capture-input.js';
import { type CliCommand, defineCommand, type Io } from './command.js';
import { readInput } from './files.js';
import { declareOpt, type OptFlags, settingsOf } from './opt-flags.js';
import { chooseProgram, declareReading, openProgramFile, type ReadingFlags } from './program-file.js';

interface Options extends OptFlags, ReadingFlags {
  read: string;
  engine: string;
  packet: string;
  rounds: string;
  /** A map file (docs/maps.md); without it maps start as the object makes them. */
  mapsIn?: string;
}

/** Engines in the order of the table; `--engine` takes a list of them. */
const engineNames = ['interp', 'wasm', 'kernel'];

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
      .requiredOption('-r, --read <capture>', 'capture that the packet is taken from')
      .option('--packet <n>', 'which packet of the capture, from 0', '0')
      .option('--engine <list>', `engines: ${engineNames.join(', ')}`, engineNames.join(','))
      .option('--maps-in <file>', 'map contents to start with')
      .option('--rounds <n>', 'turns of each engine', '9');
  },
  run: async ([path, name], options, io) => {
    const engines = options.engine.split(',');
    for (const engine of engines) {
      if (!engineNames.includes(engine))
        throw new UsageError(`no engine \`${engine}\``, {}, `engines: ${engineNames.join(', ')}`);
    }
    const rounds = count(options.rounds, '--rounds');
    const settings = settingsOf(options);
    const object = await openProgramFile(path ?? '', io, options);
    const program = chooseProgram(object, name);
    const index = Number(options.packet);
    if (!Number.isSafeInteger(index) || index < 0) throw new UsageError(`--packet ${options.packet} is not a number`);
    const packet = await packetAt(options.read, index, io);
    const { mapsIn } = options;
    const contents = mapsIn === undefined ? undefined : parseMapsFile(decodeUtf8(await readInput(mapsIn, io)), mapsIn);
    const fill = contents === undefined ? undefined : (machine: Machine): void => loadMaps(machine, contents, mapsIn);
    // What only the kernel was asked for has no answer without it; beside other engines its row is missing.
    const bpf = engines.includes('kernel') ? openKernel(engines.length > 1, io) : undefined;
    // `turn`: seconds that an engine has before the next one runs. Engines take turns so that a clock that slows down,
    // or another process, meets all of them.
    const speed = io.breakable('measuring', () =>
      measureSpeed({ object, program: program.name, packet, fill }, { engines, bpf, rounds, turn: 0.05, settings }),
    );
    for (const note of speed.notes) io.info(note);
    const rows = engineNames.flatMap((engine) => {
      const figure = speed[engine as 'interp' | 'wasm' | 'kernel'];
      return figure === undefined ? [] : [{ engine, figure }];
    });
    if (rows.length === 0) throw new InputError(`${program.name} was not measured: no engine ran it`, { file: path });
    if (io.flags.json) {
      io.json('jitnic.bench/1', {
        program: program.name,
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
        // False where the kernel's figure is below its noise: then the ratio is a lower bound.
        resolved: ratioOf(speed, speed.kernel)?.isBound === false,
        restored: speed.restored,
        compile_ms: speed.compileMs,
        code_bytes: speed.codeBytes,
      });
      return exitCodes.ok;
    }
    const columns = ['engine', 'ns a packet', 'spread', 'ratio to kernel', 'verdict'].map((title, i) => ({
      title,
      align: i > 0 && i < 4 ? ('right' as const) : ('left' as const),
    }));
    const cells = rows.map(({ engine, figure }) => [
      engine,
      fixed(figure, 'median'),
      `± ${fixed(figure, 'spread')}`,
      formatted(ratioTo(figure, speed.kernel)),
      verdictName(speed.verdicts[engine] ?? 0),
    ]);
    io.out(`${program.name}, packet ${index} of ${packet.length} B\n${formatTable(columns, cells, '', io.width)}`);
    for (const line of remarks(speed)) io.out(`${line}\n`);
    if (speed.wasm !== undefined) io.out(`compiled in ${speed.compileMs.toFixed(1)} ms to ${speed.codeBytes} B\n`);
    return exitCodes.ok;
  },
});

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
