/**
 * `jitnic run --engine kernel`: the capture through the running kernel (BPF_PROG_TEST_RUN), with the object as our
 * loader brings it in. There is no card, and time, randomness and CPU are the kernel's own.
 */
import { type ExitCode, exitCodes, UsageError } from '../base/index.js';
import { calledHelper, isTailCall } from '../code/index.js';
import { Bpf, fitsTestRun, KernelRunner, testRunBytes } from '../linux/index.js';
import type { ObjectSpec, ProgramSpec } from '../object/index.js';
import {
  type Environment,
  errno,
  errnoName,
  mapFlags,
  readableMaps,
  type VerdictName,
  verdictName,
  verdictNames,
} from '../platform/index.js';
import { formatNumber, formatShare, formatTable, jsonText } from '../text/index.js';
import {
  type DumpedEntry,
  type DumpedMaps,
  dumpEntry,
  encodeEntry,
  encodeKey,
  findMap,
  isAbsent,
  MapStore,
  type MapsFile,
} from '../vm/index.js';
import { openCaptureFile } from './capture-input.js';
import { CaptureOutput } from './capture-output.js';
import { milliseconds } from './clock.js';
import type { Io } from './command.js';
import { writeOutput } from './files.js';
import { globalsText, gotten } from './global-flags.js';
import { turn, untilInterrupt } from './interrupt.js';
import { turnEvery } from './run-packets.js';
import { hostRunJson } from './run-report.js';
import { Steps } from './steps.js';

/** What of `run`'s flags the kernel can follow. */
export interface KernelRunOptions {
  readonly read: string;
  readonly write: string | undefined;
  /** Packets at most. */
  readonly limit: number;
  readonly maps: MapsFile | undefined;
  readonly ingressIfindex: number | undefined;
  /** Print what the maps hold at the end. */
  readonly printMaps: boolean;
  /** Write it to this file. */
  readonly mapsOut: string | undefined;
  /** Global variables to print. */
  readonly get: readonly string[] | undefined;
}

/**
 * Loads the object and runs the capture packet by packet; prints the summary and returns the exit code. Throws what
 * loading throws, and UsageError for an entry of a map that the kernel refuses.
 */
export async function runOnKernel(
  object: ObjectSpec,
  program: ProgramSpec,
  options: KernelRunOptions,
  io: Io,
): Promise<ExitCode> {
  const runner = new KernelRunner(Bpf.open(), object, program.name);
  try {
    if (options.maps !== undefined) fillMaps(runner, object, options.maps);
    const verdicts: Record<VerdictName, number> = { ABORTED: 0, DROP: 0, PASS: 0, TX: 0, REDIRECT: 0 };
    const input = await openCaptureFile(options.read, io);
    const interrupt = io.catchInterrupt();
    const output =
      options.write === undefined ? undefined : await CaptureOutput.open(options.write, io, { otherwise: 'pcapng' });
    let packets = 0;
    let leftOut = 0;
    let nanoseconds = 0n;
    noteEnvironment(object, program, io);
    const start = milliseconds();
    const cpuStart = process.cpuUsage();
    let lastTurn = start;
    for await (const packet of untilInterrupt(input.packets(), interrupt)) {
      if (!fitsTestRun(packet.data.length, program)) {
        leftOut++;
        continue;
      }
      const outcome = runner.run({ data: packet.data, ingressIfindex: options.ingressIfindex });
      packets++;
      // What the kernel measured, without the system call around it.
      nanoseconds += BigInt(outcome.duration);
      const verdict = verdictName(outcome.verdict);
      verdicts[verdict]++;
      if (output !== undefined && verdict !== 'ABORTED' && verdict !== 'DROP') {
        output.writer.write({ data: outcome.data, time: packet.time, comments: [verdict] });
        await output.flush();
      }
      if (packets >= options.limit) break;
      if (milliseconds() - lastTurn > turnEvery) {
        await turn();
        lastTurn = milliseconds();
      }
    }
    const { user, system } = process.cpuUsage(cpuStart);
    const time = { seconds: (milliseconds() - start) / 1000, cpuSeconds: (user + system) / 1e6 };
    const steps = new Steps(io, interrupt.requested);
    await output?.close();
    if (input.damage !== undefined) io.info(`${options.read}: ${input.damage}`);
    if (leftOut > 0) {
      const longest = program.frags ? testRunBytes.frags : testRunBytes.linear;
      io.info(
        `${options.read}: ${formatNumber(leftOut)} packets are not of ${testRunBytes.least} to ${formatNumber(longest)} bytes and were left out`,
      );
    }
    const { mapsOut } = options;
    const maps = options.printMaps || mapsOut !== undefined ? dumpKernelMaps(runner, object) : undefined;
    if (mapsOut !== undefined) await writeOutput(mapsOut, jsonText(maps, true), io);
    const globals = gotten(
      object,
      options.get === undefined ? {} : { get: options.get },
      (map) => [...runner.entries(map)][0]?.value ?? new Uint8Array(0),
    );
    if (io.flags.json) {
      const run = { object: object.name, program: program.name, packets, verdicts, time };
      io.json('jitnic.run/1', {
        ...hostRunJson({ engine: 'kernel', ...run }),
        undeliverable: leftOut,
        run_time_ns: nanoseconds,
        ...(globals === undefined ? {} : { globals }),
        ...steps.json(),
        ...(options.printMaps ? maps : {}),
      });
    } else if (options.write !== '-' && mapsOut !== '-') {
      const rows = verdictNames.map((name) => [name, verdicts[name], formatShare(verdicts[name], packets)]);
      io.out(`${io.style.bold(program.name)}: ${formatNumber(packets)} packets on the running kernel\n\n`);
      io.out(
        formatTable(
          [{ title: 'verdict' }, { title: 'packets' }, { title: 'share', align: 'right' }],
          rows,
          '',
          io.width,
        ),
      );
      if (globals !== undefined) io.out(`\n${globalsText(globals)}`);
      if (options.printMaps) io.out(`\n${jsonText(maps, true)}`);
      io.out(steps.text());
    }
    return steps.exitCode ?? exitCodes.ok;
  } finally {
    runner.close();
  }
}

/**
 * What the kernel's maps hold, formatted as ours are. Types that hold descriptors or empty by reading
 * are left out.
 */
function dumpKernelMaps(runner: KernelRunner, object: ObjectSpec): DumpedMaps {
  const store = new MapStore(object, runner.cpus);
  const contents = store.maps
    .filter(({ spec }) => readableMaps.has(spec.type))
    .map((map): [string, readonly DumpedEntry[]] => {
      const entries = [...runner.entries(map.index)];
      return [map.spec.name, entries.map(({ key, value }) => dumpEntry(store, map, key, value, true))];
    });
  return { maps: Object.fromEntries(contents) };
}

/**
 * What a program may ask for of which the kernel's answers are its own, so that a run there need not repeat one here.
 */
const ownAnswers: Readonly<Partial<Record<Environment, string>>> = {
  clock: 'the clock',
  random: 'random numbers',
  cpu: 'the number of the CPU',
  node: 'the number of the CPU',
};

/** What a program, or one that it may tail-call, reads that differs from run to run on the kernel. */
export function ownAnswersOf(object: ObjectSpec, program: ProgramSpec): string[] {
  const tailCalls = program.insns.some(isTailCall);
  const programs = tailCalls ? object.programs : [program];
  const read = new Set<string>();
  for (const { insns } of programs) {
    for (const insn of insns) {
      const asks = calledHelper(insn)?.asks;
      const what = asks === undefined ? undefined : ownAnswers[asks];
      if (what !== undefined) read.add(what);
    }
  }
  return [...read];
}

/** Says so where there is any. */
function noteEnvironment(object: ObjectSpec, program: ProgramSpec, io: Io): void {
  const read = ownAnswersOf(object, program);
  if (read.length === 0) return;
  const words = read.join(', ').replace(/, ([^,]*)$/, ' and $1');
  io.info(`${program.name}: reads ${words}, which are the kernel's own: verdicts need not be those of another run`);
}

/** The maps themselves tell what the entries of a map file are in bytes. */
function fillMaps(runner: KernelRunner, object: ObjectSpec, contents: MapsFile): void {
  const store = new MapStore(object, runner.cpus);
  for (const [name, entries] of Object.entries(contents.maps)) {
    const map = findMap(store, name);
    for (const entry of entries) {
      const isGone = isAbsent(entry);
      const { key, value } = isGone
        ? { key: encodeKey(store, map, entry.key), value: undefined }
        : encodeEntry(store, map, entry);
      // Dumps have the program's constants too, which are frozen.
      if (map.spec.init?.kind === 'data' && (map.spec.flags & mapFlags.rdonlyProg) !== 0) continue;
      const status =
        value === undefined
          ? runner.remove(map.index, key)
          : runner.update(map.index, key, runner.kernel.translate(map.spec, value));
      if (status < 0 && (!isGone || status !== -errno.ENOENT))
        throw new UsageError(
          `the kernel refuses an entry of map \`${name}\` with ${errnoName(status)}`,
          {},
          'interfaces have to exist on this host',
        );
    }
  }
}
