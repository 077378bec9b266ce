/** `jitnic run`: packets through card and host. */
import { resolve } from 'node:path';
import { type ExitCode, UsageError } from '../base/index.js';
import type { Coverage } from '../explore/index.js';
import { type PacketBatch, packetAt, Summarizer } from '../packet/index.js';
import { verdictName } from '../platform/index.js';
import { Timeline } from '../report/timeline.js';
import type { Decided, Session } from '../runtime/index.js';
import { jsonText, wholeNumber } from '../text/index.js';
import { dumpMaps, mapsText } from '../vm/map-json.js';
import { CaptureOutput } from './capture-output.js';
import { type CliCommand, defineCommand, type Io } from './command.js';
import { type CoverageFlags, declareCoverage, wantsCoverage } from './coverage-flags.js';
import type { CoverageLog } from './coverage-output.js';
import { writeOutput } from './files.js';
import { flagName } from './flag-name.js';
import { globalsText, gotten, sectionBytes } from './global-flags.js';
import { packetText } from './packet-text.js';
import { type OutputFlags, OutputLog } from './program-output.js';
import { declareRunFlags, hasCard, openProgram, openSession, readMapsIn } from './run-options.js';
import { type LoopResult, runPackets } from './run-packets.js';
import { defaultShown, exitCodeOf, jobsText, runJsonIn, runTextIn, speedText } from './run-report.js';
import type { TimedResult } from './run-timed.js';
import { Steps } from './steps.js';
import { declareTimed, type TimedFlags, timedFlags } from './timed-flags.js';

interface Options extends TimedFlags, OutputFlags, CoverageFlags {
  readonly write?: string;
  readonly mapsOut?: string;
  readonly jobs?: string;
  readonly maps?: true;
  /** How often `-x` was given. */
  readonly hex?: number;
  readonly report?: string;
}

/** Exit 1 where `--check` finds a difference, 5 where a packet ran out of instructions. JSON: `jitnic.run/1`. */
export const command: CliCommand = defineCommand<Options>({
  declare: (command) => {
    declareRunFlags(command);
    declareTimed(command);
    declareCoverage(command);
    command
      .option(
        '-w, --write <file>',
        'what leaves (PASS, TX, REDIRECT) .pcap has packets alone, anything else (pcapng) their verdicts as comments',
      )
      .option('--jobs <n>', 'threads, each with a share of the flows; implies --engine wasm and --cpus n (default 1)')
      .option('--maps-out <file>', 'contents of maps after the last packet')
      .option('--maps', 'print the contents of maps')
      .option('--report <file>', 'a page about the traces: tree, conditions, code before and after (HTML)')
      .option('--outputs <n>', 'lines and records of the program that are shown (default 12, in JSON 1000)')
      .option(
        '--record-type <map=type>',
        'what records of a ring buffer or perf event array are; may be given several times',
        (word: string, before: readonly string[] | undefined) => [...(before ?? []), word],
      )
      .option('-n', 'addresses as numbers, which they always are here')
      .option(
        '-x, --hex',
        'print each packet with its verdict and bytes, without its link header; -xx with it',
        (_value: string, before: number | undefined) => (before ?? 0) + 1,
      );
  },
  run: async ([file = '-', program], given, io) => {
    const options = withCoverage(given);
    if (options.read === undefined)
      throw new UsageError('no packets: `-r FILE` is missing', {}, 'make some: jitnic gen -w traffic.pcap');
    if (file === '-' && options.read === '-') throw new UsageError('program and capture cannot both come from stdin');
    if ((options.write === '-' || options.mapsOut === '-') && io.flags.json)
      throw new UsageError('two things want stdout');
    if (options.hex && io.flags.json) throw new UsageError('`-x` and `--json` exclude each other');
    if (options.write !== undefined && options.write !== '-' && resolve(options.write) === resolve(options.read)) {
      throw new UsageError(
        `\`-w ${options.write}\` would overwrite the capture that is read`,
        {},
        'write to another file',
      );
    }
    checkTimed(options);
    if (options.engine === 'kernel') return runKernel(file, program, options, io);
    const timeline = options.report === undefined ? undefined : new Timeline();
    if (timeline !== undefined) requireReportable(options);
    const { session, interrupted, time, undeliverable, shares, log, coverageLog, timed, coherent } = await runAll(
      file,
      program,
      options,
      io,
      timeline,
    );
    const steps = new Steps(io, interrupted);
    if (!interrupted) await steps.take('comparing what is left', () => session.finish());
    const { machine } = session.runtime;
    const covered = await coverageLog?.finish(`${machine.object.name}, packets of ${options.read}`);
    const globals = gotten(machine.object, options, (map) => sectionBytes(machine.maps[map]));
    const maps = options.maps ? await steps.take('reading maps', () => dumpMaps(machine)) : undefined;
    const { mapsOut } = options;
    const mapsFile = mapsOut === undefined ? undefined : await steps.take('reading maps', () => [...mapsText(machine)]);
    if (mapsOut !== undefined && mapsFile !== undefined) await writeOutput(mapsOut, mapsFile, io);
    if (timeline !== undefined && options.report !== undefined) {
      const { reportText } = await import('./report.js');
      const page = await steps.take('writing the page', () => reportText(session, timeline, options.read ?? '-'));
      if (page !== undefined) await writeOutput(options.report, page, io);
    }
    const shown = io.flags.json || options.write === '-' || options.mapsOut === '-' ? undefined : defaultShown;
    if (io.flags.json) {
      io.json('jitnic.run/1', {
        ...(await runJsonIn(steps, session, time)),
        undeliverable,
        ...steps.json(),
        jobs: shares,
        ...(timed === undefined ? {} : { model: (await import('./timed-report.js')).timedJson(timed) }),
        ...(coherent === undefined ? {} : { coherence: (await import('./run-coherent.js')).coherenceJson(coherent) }),
        ...(log === undefined ? {} : { outputs: log.json() }),
        ...(globals === undefined ? {} : { globals }),
        ...(covered === undefined ? {} : { coverage: (await import('./coverage-output.js')).coverageJsonOf(covered) }),
        ...(options.maps ? maps : {}),
      });
    } else if (shown !== undefined) {
      io.out(await runTextIn(steps, session, io, shown));
      if (timed !== undefined) io.out((await import('./timed-report.js')).timedText(timed, io));
      if (coherent !== undefined) io.out((await import('./run-coherent.js')).coherenceText(coherent, io));
      if (shares !== undefined) io.out(jobsText(shares, io.width));
      if (log !== undefined) io.out(log.text());
      if (covered !== undefined) io.out((await import('./coverage-output.js')).coverageText(covered, io));
      if (globals !== undefined) io.out(`\n${globalsText(globals)}`);
      if (options.maps && maps !== undefined) io.out(`\n${jsonText(maps, true)}`);
      io.out(steps.text());
    }
    if (!io.flags.json) io.info(speedText(timed?.counts.offered ?? session.runtime.packets, time));
    return steps.exitCode ?? exitCodeOf(session);
  },
});

/** The page is made of recordings, and goes to a file. Throws UsageError. */
function requireReportable(options: Options): void {
  if (!hasCard(options)) throw new UsageError('`--report` is about traces, and without a card there are none');
  if (options.report === '-')
    throw new UsageError('two things want stdout', {}, 'jitnic trace --dump html prints the page');
}

/** The host counts what it runs, compiled or not: it runs alone then. */
function withCoverage(options: Readonly<Options>): Readonly<Options> {
  if (!wantsCoverage(options)) return options;
  const { engine, jobs, verify, maxInsns } = options;
  if (engine !== undefined && engine !== 'interp' && engine !== 'wasm')
    throw new UsageError(
      `coverage and \`--engine ${engine}\` exclude each other: it is what the host runs`,
      {},
      'engines that count: wasm, interp',
    );
  if (jobs !== undefined) throw new UsageError('coverage and `--jobs` exclude each other');
  const counting = verify === false || maxInsns !== undefined ? 'interp' : 'wasm';
  return { ...options, engine: engine ?? counting };
}

/**
 * Flags that a run with a clock does not follow: what it says is of packets one by one, in the order of arrival, and a
 * place of its match table is one trace's.
 */
const untimedFlags = [
  'engine',
  'regions',
  'opt',
  'bypass',
  'jobs',
  'write',
  'hex',
  'report',
  'mapsScript',
  'outputs',
  'recordType',
] as const;

/** Throws UsageError where flags of a run with a clock are without one, or beside those that it does not follow. */
function checkTimed(options: Options): void {
  if (typeof options.card === 'string') {
    refuseTogether('--card', untimedFlags, options);
    if (wantsCoverage(options)) throw new UsageError('`--card` and coverage exclude each other');
    return;
  }
  const given = timedFlags.find((flag) => options[flag] !== undefined);
  if (given === undefined) return;
  const name = flagName(given, options[given]);
  throw new UsageError(`\`${name}\` needs a card with a clock`, {}, 'add `--card NAME`: see jitnic card list');
}

/** Flags that only jitnic's own engines follow. */
const ownFlags = [
  'check',
  'seed',
  'clock',
  'cpus',
  'fib',
  'sockets',
  'conntrack',
  'rxMetadata',
  'mapsScript',
  'hex',
  'report',
  'cacheSize',
  'regions',
  'policy',
  'traces',
  'hotloop',
  'maxInsns',
  'maxTraceInsns',
  'maxTraceGuards',
  'jobs',
  'outputs',
  'recordType',
] as const;

/** Throws UsageError when one of `flags` was given beside `flag`. */
function refuseTogether(flag: string, flags: readonly (keyof Options)[], options: Options): void {
  const given = flags.find((name) => options[name] !== undefined);
  if (given === undefined) return;
  throw new UsageError(`\`${flag}\` and \`${flagName(given, options[given])}\` exclude each other`);
}

/** `--engine kernel`: checks the flags and loads that module, which other runs do not need. */
async function runKernel(file: string, name: string | undefined, options: Options, io: Io): Promise<ExitCode> {
  refuseTogether('--engine kernel', ownFlags, options);
  const off = (['card', 'verify'] as const).find((flag) => options[flag] === false);
  if (off !== undefined)
    throw new UsageError(
      `\`--engine kernel\` and \`--no-${off}\` exclude each other`,
      {},
      'the kernel always verifies, and has no card',
    );
  const { object, program } = await openProgram(file, name, options, io);
  const kernelOptions = {
    read: options.read ?? '-',
    write: options.write,
    limit: wholeNumber('--count', options.count, 1) ?? Number.POSITIVE_INFINITY,
    maps: await readMapsIn(options, io),
    ingressIfindex: wholeNumber('--ifindex', options.ifindex, 0),
    printMaps: options.maps === true,
    mapsOut: options.mapsOut,
    get: options.get,
  };
  const { runOnKernel } = await import('./run-kernel.js');
  return runOnKernel(object, program, kernelOptions, io);
}

/** Flags that make sense only where packets have one order, or a card. */
const singleFlags = [
  'check',
  'write',
  'hex',
  'mapsScript',
  'rxMetadata',
  'report',
  'cacheSize',
  'regions',
  'cacheBits',
  'adaptive',
  'traces',
  'policy',
  'admission',
  'hotloop',
  'maxInsns',
  'outputs',
  'recordType',
] as const;

/** What either way of running comes to. */
interface RunResult extends LoopResult {
  readonly session: Session;
  /** What the program put out; threads do not tell. */
  readonly log?: OutputLog;
  readonly coverageLog?: CoverageLog | undefined;
  /** Packets of each thread of `--jobs`. */
  readonly shares?: readonly number[];
  /** By a card with a clock. */
  readonly timed?: TimedResult['timed'];
  readonly coherent?: TimedResult['coherent'];
}

/** What compiled code counted; what was interpreted is there already. */
function addCompiled(coverage: Coverage, { runtime: { host, machine } }: Session): void {
  for (const program of machine.programs) {
    const counts = host.countsOf(program);
    if (counts?.runs.some((n) => n > 0)) coverage.add(program.spec, counts.runs, counts.jumps);
  }
}

/** Flags of somebody who wants to see what traces and cache do. */
const experimentFlags = [
  'check',
  'report',
  'traces',
  'cacheSize',
  'regions',
  'cacheBits',
  'adaptive',
  'policy',
  'admission',
  'hotloop',
] as const satisfies readonly (keyof Options)[];

/** Nothing but the results is asked for, so the card need not work where the host alone is faster. */
function mayRest(options: Options): boolean {
  if (!hasCard(options) || options.verify === false || options.maxInsns !== undefined) return false;
  if (options.penalties === false || options.assume === false) return false;
  return experimentFlags.every((flag) => options[flag] === undefined);
}

/** Counts what the host interprets from now on. */
async function coverageOf(session: Session, options: Options, io: Io): Promise<CoverageLog> {
  const { CoverageLog, coverPrograms } = await import('./coverage-output.js');
  const log = new CoverageLog(options, io);
  coverPrograms(log.coverage, [session.program]);
  session.runtime.host.interpreter.observer = log.coverage;
  return log;
}

/** One session, or `--jobs` threads. */
async function runAll(
  file: string,
  program: string | undefined,
  options: Options,
  io: Io,
  timeline: Timeline | undefined,
): Promise<RunResult> {
  if (typeof options.card === 'string') return (await import('./run-timed.js')).runTimed(file, program, options, io);
  const jobs = wholeNumber('--jobs', options.jobs, 1) ?? 1;
  if (jobs === 1) {
    const flags = { ...options, bypass: options.bypass ?? mayRest(options) };
    const session = await openSession(file, program, flags, io, {
      keepRecordings: timeline !== undefined,
      counts: wantsCoverage(options),
      // JSON has all conditions, the text those of the traces that it lists.
      keepConditions: io.flags.json ? true : defaultShown,
    });
    const log = new OutputLog(session.runtime.machine.object, options, io);
    const coverageLog = wantsCoverage(options) ? await coverageOf(session, options, io) : undefined;
    const result = await runCapture(session, options, io, timeline, log);
    if (coverageLog !== undefined) addCompiled(coverageLog.coverage, session);
    return { session, log, coverageLog, ...result };
  }
  refuseTogether('--jobs', singleFlags, options);
  if ((options.engine ?? 'wasm') !== 'wasm' || options.verify === false)
    throw new UsageError('`--jobs` runs compiled programs only', {}, 'leave out `--engine` and `--no-verify`');
  const { runJobs } = await import('./run-jobs.js');
  return runJobs(file, program, options, jobs, io);
}

/** Runs the capture, and writes and prints what the flags ask for. */
async function runCapture(
  session: Session,
  options: Options,
  io: Io,
  timeline: Timeline | undefined,
  log: OutputLog,
): Promise<LoopResult> {
  const path = options.read ?? '-';
  const limit = wholeNumber('--count', options.count, 1);
  const output =
    options.write === undefined ? undefined : await CaptureOutput.open(options.write, io, { otherwise: 'pcapng' });
  const summarizer = new Summarizer();
  const hexLevel = options.hex ?? 0;
  const noteOutputs = log.attach(session);
  let printed = '';
  const each = (batch: PacketBatch, from: number, to: number): void => {
    for (let i = from; i < to; i++) {
      const decided = session.decided(i - from);
      if (output !== undefined) writeLeaving(decided, batch.time[i] ?? 0n, output);
      if (hexLevel > 0) printed += packetText(summarizer, packetAt(batch, i), decided, hexLevel);
    }
    noteOutputs?.(session.runtime.packets);
    timeline?.note(session.runtime);
    io.out(printed);
    printed = '';
  };
  const isWatched = output !== undefined || hexLevel > 0 || timeline !== undefined || noteOutputs !== undefined;
  // Hits over time are taken packet by packet, and so is what the program puts out, as long as it is kept.
  const most = (): number =>
    timeline !== undefined || (noteOutputs !== undefined && log.isOpen) ? 1 : Number.POSITIVE_INFINITY;
  const flush = output === undefined ? undefined : (): Promise<void> => output.flush();
  const result = await runPackets(session, io, { path, limit, most, each: isWatched ? each : undefined, flush });
  await output?.close();
  return result;
}

/** Writes a packet that leaves the card or host, with where it goes; what is dropped is not in the capture. */
function writeLeaving(decided: Decided, time: bigint, output: CaptureOutput): void {
  const verdict = verdictName(decided.verdict);
  if (verdict === 'ABORTED' || verdict === 'DROP') return;
  const comments = [verdict === 'REDIRECT' ? `REDIRECT ${describeRedirect(decided.redirect)}` : verdict];
  output.writer.write({ data: decided.bytes, time, comments });
}

/** Where a redirected packet goes, by map and key as the program named it. */
function describeRedirect(target: Decided['redirect']): string {
  switch (target?.kind) {
    case 'interface':
      return `to interface ${target.ifindex}`;
    case 'devmap':
      return `by ${target.map}[${target.key}] to interface ${target.ifindexes.join(', ')}`;
    case 'cpumap':
      return `by ${target.map}[${target.key}] to CPU ${target.cpu}`;
    case 'xskmap':
      return `by ${target.map}[${target.key}] to socket ${target.socket}`;
    default:
      return 'to nowhere';
  }
}
