/**
 * `jitnic run --jobs N`: N threads, each with the packets whose flow hash is its own, on one set of maps in shared memory. Every thread reads the capture
 * and leaves out what is not its share, which is cheaper than handing packets from thread to thread.
 */
import { performance } from 'node:perf_hooks';
import { Worker } from 'node:worker_threads';
import { InternalError, UnsupportedError, UsageError } from '../base/index.js';
import type { Session, SessionCounts } from '../runtime/index.js';
import { placeOf } from '../vm/index.js';
import type { Io } from './command.js';
import type { FromJob, JobTask } from './job-messages.js';
import { wholeNumber } from './numbers.js';
import { objectOf, readProgramBytes } from './program-file.js';
import { chooseProgram, type RunFlags, sessionOptions, verifiedSession } from './run-options.js';
import type { LoopResult } from './run-packets.js';

export interface JobsResult extends LoopResult {
  readonly session: Session;
  /** Packets of each thread. */
  readonly shares: readonly number[];
}

/** How often Ctrl-C is looked for, in milliseconds. */
const pollEvery = 50;

export async function runJobs(
  file: string,
  name: string | undefined,
  given: RunFlags,
  jobs: number,
  io: Io,
): Promise<JobsResult> {
  if (given.read === undefined || given.read === '-')
    throw new UsageError('`--jobs` needs a capture file: every thread reads it');
  if (wholeNumber('--cpus', given.cpus, 1) !== undefined && Number(given.cpus) !== jobs)
    throw new UsageError('`--jobs` and another `--cpus` exclude each other: each thread is a CPU');
  if (given.clock?.startsWith('step') === true)
    throw new UsageError('`--jobs` and `--clock step` exclude each other: packets have no common order');
  const flags = { ...given, engine: 'wasm', cpus: String(jobs) };
  const object = await readProgramBytes(file, io);
  const chosen = chooseProgram(await objectOf(object, file, io, flags), name, flags);
  const options = await sessionOptions(flags, io);
  const session = verifiedSession(chosen, flags, { ...options, lanes: { count: jobs, index: 0 } });
  const { machine } = session.runtime;
  const shared = { memory: machine.memory.memory, areas: machine.laneAreas };
  const stop = new SharedArrayBuffer(4);
  const task: Omit<JobTask, 'lanes'> = {
    object,
    file,
    program: name,
    verified: chosen.object.programs.flatMap((spec, i) => (session.runtime.host.isVerified(spec) ? [i] : [])),
    capture: given.read,
    // The maps are filled.
    flags: withoutMaps(flags),
    limit: wholeNumber('--count', given.count, 1) ?? Number.POSITIVE_INFINITY,
    stop,
  };
  const interrupt = io.catchInterrupt();
  const polling = setInterval(() => {
    if (interrupt.requested) Atomics.store(new Int32Array(stop), 0, 1);
  }, pollEvery);
  const start = performance.now();
  const cpuStart = process.cpuUsage();
  try {
    const lanes = Array.from({ length: jobs }, (_, index) => ({ count: jobs, index, shared }));
    const counts = await Promise.all(lanes.map((lane) => runJob({ ...task, lanes: lane }, session, io)));
    for (const part of counts) session.add(part);
    const { user, system } = process.cpuUsage(cpuStart);
    const time = { seconds: (performance.now() - start) / 1000, cpuSeconds: (user + system) / 1e6 };
    return { session, interrupted: interrupt.requested, time, shares: counts.map(({ packets }) => packets) };
  } finally {
    clearInterval(polling);
    // When one thread has failed, the others need not go on.
    Atomics.store(new Int32Array(stop), 0, 1);
  }
}

function withoutMaps(flags: RunFlags): RunFlags {
  const { mapsIn: _, ...rest } = flags;
  return rest;
}

/** One thread, to its end. */
function runJob(task: JobTask, session: Session, io: Io): Promise<SessionCounts> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./job-worker.js', import.meta.url), { workerData: task });
    worker.on('message', (message: FromJob) => {
      if (message.kind === 'info') io.info(message.line);
      else if (message.kind === 'done') resolve(message.counts);
      else reject(notCompiled(session, message));
    });
    worker.on('error', reject);
    worker.on('exit', (code) => reject(new InternalError('jobs', `a thread ended with ${code}`)));
  });
}

function notCompiled(session: Session, message: FromJob & { readonly kind: 'not compiled' }): Error {
  const { machine } = session.runtime;
  const program = machine.programs[message.program];
  const place = program === undefined ? {} : placeOf(program.spec, message.insn, machine.object.name);
  return new UnsupportedError(message.what, place, '`--jobs` runs compiled programs only');
}
