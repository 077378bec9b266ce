/** `jitnic explore`: programs over a space of cards and settings; the Pareto fronts, a table, a page. */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { type ExitCode, exitCodes, UsageError } from '../base/index.js';
import { paretoFront, type Row, type Sweep, sweepCsv, sweepJson, sweepPage } from '../sweep/index.js';
import { count, formatNumber, formatTable, wholeNumber } from '../text/index.js';
import { cardFlagHelp } from './card-file.js';
import { collect } from './collect.js';
import { type CliCommand, defineCommand, type Interrupt, type Io } from './command.js';
import { Journal } from './explore-journal.js';
import { type Plan, type PlanFlags, type Planned, planSweep } from './explore-plan.js';
import { executeInQueue, type QueuePlace, queuePlace, workOnQueue } from './explore-queue.js';
import { type Executor, executeHere, executeInThreads } from './explore-threads.js';
import { writeOutput } from './files.js';
import { InterruptedError } from './interrupt.js';
import { declareReading } from './program-file.js';
import { Progress } from './progress.js';
import { declareWorld } from './run-options.js';
import { untilEnded } from './until-ended.js';

interface Options extends PlanFlags {
  readonly output?: string;
  readonly jobs?: string;
  readonly executor?: string;
  readonly worker?: true;
}

/** JSON: `jitnic.explore/1`. */
export const command: CliCommand = defineCommand<Options>({
  declare: (command) => {
    declareReading(command);
    command
      .argument('[program...]', 'ELF objects, .c or .s; FILE:PROGRAM where a file has several')
      .optionsGroup('What varies:')
      .option(
        '--vary <axes>',
        'NAME=VALUES,...: parameters of the card (jitnic card show), and card, policy, rate, host-cores, host-queue, host-cost',
        collect,
      )
      .option('--card <card>', `what is varied: ${cardFlagHelp} (default pipeline)`)
      .optionsGroup('Packets:')
      .option('-r, --read <file>', 'capture; PROGRAM=FILE for one of several programs', collect)
      .option('-c, --count <n>', 'packets of each point, the capture begun anew if it takes that (default 100000)')
      .option('--warm-up <n>', 'packets before the clock starts (default: the capture once, 10000 at most)')
      .option('--loops <n>', 'run the capture so many times instead')
      .option('--rate <rate>', 'when packets arrive, as in jitnic run --card (default 100% of the port)')
      .option('--host-cores <n>', 'cores of the host that take misses (default 4)')
      .option('--host-queue <n>', 'packets that wait for a core at most (default 512)')
      .option('--host-cost <cost>', 'what a packet costs a core: kernel (default), wasm, interp, or a time as 250ns')
      .option('--policy <name>', 'who is evicted from the match table (default lru)')
      .optionsGroup('Where it runs, and what is kept:')
      .option(
        '-o, --output <folder>',
        'points.csv, points.json, report.html; a sweep that was broken off goes on there',
      )
      .option('--jobs <n>', 'threads (default: as many as processors)')
      .option('--executor <where>', 'threads (default), or bullmq:redis://HOST[:PORT][/QUEUE]: whoever works there')
      .option('--worker', 'take points of other sweeps out of the queue of --executor, until Ctrl-C')
      .optionsGroup('Options:');
    declareWorld(command, true);
    command.addHelpText(
      'after',
      `
VALUES: 16, A..B (all where they are eight or fewer, else doubled), A..B:STEP,
A..B*FACTOR, words; alternatives with |. Every figure is the model's.

Examples:
  jitnic explore prog.o -r cap.pcap --vary stages=32..128,lanes=1..8,entries=16..1024
  jitnic explore prog.o -r cap.pcap --card hxdp --vary lanes=1..8 -o sweep
  jitnic explore a.o b.o -r a.o=a.pcap -r b.o=b.pcap --vary 'policy=lru|lfu'
  jitnic explore --worker --executor bullmq:redis://10.0.0.1`,
    );
  },
  run: async (given, options, io) => {
    const operands = given.filter((operand) => operand !== undefined);
    const { executor: where = 'threads' } = options;
    const place = where === 'threads' ? undefined : queuePlace(where);
    const jobs = wholeNumber('--jobs', options.jobs, 1) ?? availableParallelism();
    if (options.worker === true) {
      if (place === undefined)
        throw new UsageError('`--worker` needs a queue', {}, 'such as --executor bullmq:redis://127.0.0.1');
      return work(operands, place, jobs, io);
    }
    if (operands.length === 0) throw new UsageError('explore which program?', {}, 'see jitnic explore --help');
    if (place !== undefined && options.jobs !== undefined)
      throw new UsageError('`--jobs` is about threads here: workers of a queue have their own');
    const { output, jobs: _jobs, executor: _executor, worker: _worker, ...flags } = options;
    const plan = await planSweep(operands, flags, io);
    const journal = new Journal(output);
    const interrupt = io.catchInterrupt();
    try {
      const executor = () => executorOf(place, Math.min(jobs, plan.points.length), interrupt, io);
      await runAll(plan, journal, executor, interrupt, io);
    } finally {
      journal.close();
    }
    return tell(sweepOf(plan, journal), output, io);
  },
});

function executorOf(
  place: QueuePlace | undefined,
  jobs: number,
  interrupt: Interrupt,
  io: Io,
): Executor | Promise<Executor> {
  if (place !== undefined) return executeInQueue(place, io);
  return jobs === 1 ? executeHere(io, interrupt) : executeInThreads(jobs);
}

/** Runs what the journal does not have, in any order; after Ctrl-C what is under way is given up. */
async function runAll(
  { points }: Plan,
  journal: Journal,
  open: () => Executor | Promise<Executor>,
  interrupt: Interrupt,
  io: Io,
): Promise<void> {
  const left = points.filter(({ key }) => journal.get(key) === undefined);
  if (left.length < points.length)
    io.info(`${count(points.length - left.length, 'point')} of ${points.length} were there`);
  if (left.length === 0) return;
  const progress = new Progress(io, { packets: left.length }, 'points');
  const executor = await open();
  let next = 0;
  let done = 0;
  const lane = async (): Promise<void> => {
    for (let one = left[next++]; one !== undefined && !interrupt.requested; one = left[next++]) {
      const outcome = await executor.run(one.task, one.key);
      journal.put(one.key, outcome);
      progress.show(++done);
    }
  };
  const onInterrupt = (): void => executor.stop();
  if (executor.width > 1) interrupt.wake = onInterrupt;
  try {
    await Promise.all(Array.from({ length: executor.width }, lane));
  } catch (error) {
    // What stopping broke off is no failure.
    if (!interrupt.requested && !(error instanceof InterruptedError)) throw error;
  } finally {
    interrupt.wake = undefined;
    progress.clear();
    // Those that wait behind one that failed need not begin.
    next = left.length;
    await executor.close();
  }
}

function sweepOf({ card, axes, programs, points }: Plan, journal: Journal): Sweep {
  const rows = points.flatMap(({ program, point, key }: Planned): Row[] => {
    const outcome = journal.get(key);
    return outcome === undefined ? [] : [{ program, point, outcome }];
  });
  return { card, axes, programs, rows, missing: points.length - rows.length };
}

async function tell(sweep: Sweep, folder: string | undefined, io: Io): Promise<ExitCode> {
  if (folder !== undefined) {
    await writeOutput(join(folder, 'points.csv'), sweepCsv(sweep), io);
    const json = JSON.stringify({ schema: 'jitnic.explore/1', ...sweepJson(sweep) }, null, 1);
    await writeOutput(join(folder, 'points.json'), `${json}\n`, io);
    await writeOutput(join(folder, 'report.html'), sweepPage(sweep), io);
  }
  if (io.flags.json) io.json('jitnic.explore/1', sweepJson(sweep));
  else io.out(sweepText(sweep, folder, io));
  return sweep.missing > 0 ? exitCodes.interrupted : exitCodes.ok;
}

/** Points of a front that are printed at most; the rest is in the files. */
const mostShown = 16;

function sweepText(sweep: Sweep, folder: string | undefined, io: Io): string {
  const { axes, programs, rows, missing, card } = sweep;
  const { bold, yellow } = io.style;
  let text = `${bold(card)}: ${count(rows.length, 'point')}${missing > 0 ? yellow(`, interrupted: ${formatNumber(missing)} are missing`) : ''}; every figure is the model's\n`;
  for (const name of programs) {
    const own = rows.filter(({ program }) => program === name);
    const refused = own.flatMap(({ outcome }) => (outcome.kind === 'refused' ? [outcome.why] : []));
    const front = paretoFront(own).flatMap(({ point, outcome }) =>
      outcome.kind === 'ran' ? [{ point, figures: outcome.figures }] : [],
    );
    front.sort((a, b) => b.figures.achieved - a.figures.achieved);
    text += `\n${bold(name)}: ${front.length} on the Pareto front of throughput, area and hit rate`;
    text += refused.length === 0 ? '\n' : `; ${count(refused.length, 'point')} that it does not fit: ${refused[0]}\n`;
    if (front.length === 0) continue;
    text += formatTable(
      [
        ...axes.map(({ name: title }) => ({ title, align: 'right' as const })),
        ...['Mpps', 'hits (%)', 'lost (%)', 'p99 (ns)', 'LUTs'].map((title) => ({ title, align: 'right' as const })),
      ],
      front
        .slice(0, mostShown)
        .map(({ point, figures }) => [
          ...axes.map(({ name: axis }) => point[axis] ?? ''),
          (figures.achieved / 1e6).toFixed(2),
          (100 * figures.hitRate).toFixed(1),
          ((100 * figures.lost) / Math.max(1, figures.packets)).toFixed(1),
          formatNumber(Math.round(figures.hitP99)),
          figures.luts === null ? '-' : formatNumber(figures.luts),
        ]),
    );
    if (front.length > mostShown)
      text += `${front.length - mostShown} more${folder === undefined ? ': -o FOLDER or -j has all' : ` in ${join(folder, 'points.csv')}`}\n`;
  }
  return text;
}

/** Works on a queue until somebody ends it. */
async function work(operands: readonly string[], place: QueuePlace, jobs: number, io: Io): Promise<ExitCode> {
  if (operands.length > 0) throw new UsageError(`\`--worker\` takes no program: \`${operands[0]}\``);
  const worker = await workOnQueue(place, jobs, (points) => io.detail(1, count(points, 'point')));
  io.info(`${place.text}: ready, ${count(jobs, 'thread')}`);
  return untilEnded(io, worker.close);
}
