/**
 * `jitnic run --engine kernel`: the capture through the running kernel (BPF_PROG_TEST_RUN), with the object as our
 * loader brings it in. There is no card, and time, randomness and CPU are the kernel's own.
 */
import { type ExitCode, exitCodes, UsageError } from '../base/index.js';
import { Bpf, fitsTestRun, KernelRunner, testRunBytes } from '../linux/index.js';
import type { ObjectSpec, ProgramSpec } from '../object/index.js';
import { errnoName, mapFlags, type VerdictName, verdictName, verdictNames } from '../platform/index.js';
import { formatNumber, formatShare, formatTable, jsonText } from '../text/index.js';
import {
  type DumpedEntry,
  type DumpedMaps,
  dumpEntry,
  encodeEntry,
  findMap,
  Machine,
  type MapsFile,
} from '../vm/index.js';
import { openCaptureFile } from './capture-input.js';
import { CaptureOutput } from './capture-output.js';
import type { Io } from './command.js';
import { writeOutput } from './files.js';
import { untilInterrupt } from './interrupt.js';
import { turnEvery } from './run-packets.js';

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
}

/** Types whose values are descriptors, or that empty by reading. */
const unreadable: ReadonlySet<string> = new Set([
  'prog_array',
  'perf_event_array',
  'array_of_maps',
  'hash_of_maps',
  'xskmap',
  'sockmap',
  'sockhash',
  'queue',
  'stack',
  'ringbuf',
  'user_ringbuf',
  'bloom_filter',
]);

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
      options.write === undefined ? undefined : await CaptureOutput.open(options.write, io, { format: 'pcapng' });
    let packets = 0;
    let leftOut = 0;
    let nanoseconds = 0;
    let turn = performance.now();
    for await (const packet of untilInterrupt(input.packets(), interrupt)) {
      if (!fitsTestRun(packet.data.length, program)) {
        leftOut++;
        continue;
      }
      const outcome = runner.run({ data: packet.data, ingressIfindex: options.ingressIfindex });
      packets++;
      nanoseconds += outcome.duration;
      const verdict = verdictName(outcome.verdict);
      verdicts[verdict]++;
      if (output !== undefined && verdict !== 'ABORTED' && verdict !== 'DROP') {
        output.writer.write({ data: outcome.data, time: packet.time, comments: [verdict] });
        await output.flush();
      }
      if (packets >= options.limit) break;
      if (performance.now() - turn > turnEvery) {
        await new Promise((done) => setImmediate(done));
        turn = performance.now();
      }
    }
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
    if (io.flags.json) {
      io.json('jitnic.run/1', {
        engine: 'kernel',
        program: program.name,
        packets,
        verdicts,
        left_out: leftOut,
        run_time_ns: nanoseconds,
        ...(options.printMaps ? maps : {}),
      });
    } else if (options.write !== '-' && mapsOut !== '-') {
      const rows = verdictNames.map((name) => [name, verdicts[name], formatShare(verdicts[name], packets)]);
      io.out(`${io.style.bold(program.name)}: ${formatNumber(packets)} packets on the running kernel\n\n`);
      io.out(formatTable([{ title: 'verdict' }, { title: 'packets' }, { title: 'share', align: 'right' }], rows));
      if (options.printMaps) io.out(`\n${jsonText(maps, true)}`);
    }
    return interrupt.requested ? exitCodes.interrupted : exitCodes.ok;
  } finally {
    runner.close();
  }
}

/**
 * What the kernel's maps hold, formatted as a machine formats its own. Types that hold descriptors or empty by reading
 * are left out.
 */
function dumpKernelMaps(runner: KernelRunner, object: ObjectSpec): DumpedMaps {
  const machine = new Machine(object, { cpus: runner.cpus });
  const contents = machine.maps
    .filter(({ spec }) => !unreadable.has(spec.type))
    .map((map): [string, readonly DumpedEntry[]] => {
      const entries = [...runner.entries(map.index)];
      return [map.spec.name, entries.map(({ key, value }) => dumpEntry(machine, map, key, value, true))];
    });
  return { maps: Object.fromEntries(contents) };
}

/** A machine tells what the entries of a map file are in bytes. */
function fillMaps(runner: KernelRunner, object: ObjectSpec, contents: MapsFile): void {
  const machine = new Machine(object, { cpus: runner.cpus });
  for (const [name, entries] of Object.entries(contents.maps)) {
    const map = findMap(machine, name);
    for (const entry of entries) {
      const { key, value } = encodeEntry(machine, map, entry);
      // Dumps have the program's constants too, which are frozen.
      if (map.spec.init?.kind === 'data' && (map.spec.flags & mapFlags.rdonlyProg) !== 0) continue;
      const status = runner.update(map.index, key, runner.kernel.translate(map.spec, value));
      if (status < 0)
        throw new UsageError(
          `the kernel refuses an entry of map \`${name}\` with ${errnoName(status)}`,
          {},
          'interfaces have to exist on this host',
        );
    }
  }
}
