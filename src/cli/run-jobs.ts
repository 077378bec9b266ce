/**
 * `jitnic run --jobs N`: N threads on one set of maps in shared memory. This thread reads the capture, decodes it, and hands each packet to the thread that its flow hash
 * names, by rings in shared memory (runtime/packet-rings.ts).
 */
import { performance } from 'node:perf_hooks';
import { Worker } from 'node:worker_threads';
import { InternalError, UnsupportedError, UsageError } from '../base/index.js';
import { RingWriter, type Session, type SessionCounts } from '../runtime/index.js';
import { placeOf } from '../vm/index.js';
import { openCaptureFile } from './capture-input.js';
import type { Io } from './command.js';
import type { FromJob, JobTask } from './job-messages.js';
import { wholeNumber } from './numbers.js';
import { objectOf, readProgramBytes } from './program-file.js';
import { Progress } from './progress.js';
import { chooseProgram, type RunFlags, sessionOptions, verifiedSession } from './run-options.js';
import { type LoopResult, noteDamage, turnEvery } from './run-packets.js';

export interface JobsResult extends LoopResult {
  readonly session: Session;
  /** Packets of each thread. */
  readonly shares: readonly number[];
}

export async function runJobs(
  file: string,
  name: string | undefined,
  given: RunFlags,
  jobs: number,
  io: Io,
): Promise<JobsResult> {
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
  const rings = new RingWriter(jobs);
  const task: Omit<JobTask, 'lanes' | 'ring'> = {
    object,
    file,
    program: name,
    verified: chosen.object.programs.flatMap((spec, i) => (session.runtime.host.isVerified(spec) ? [i] : [])),
    // The maps are filled.
    flags: withoutMaps(flags),
  };
  const start = performance.now();
  const cpuStart = process.cpuUsage();
  const threads = Array.from({ length: jobs }, (_, index) => {
    const lanes = { count: jobs, index, shared };
    return runJob({ ...task, lanes, ring: rings.source(index) }, session, io);
  });
  const all = Promise.all(threads);
  let isFailed = false;
  all.catch(() => {
    isFailed = true;
  });
  const limit = wholeNumber('--count', given.count, 1) ?? Number.POSITIVE_INFINITY;
  let interrupted = false;
  try {
    interrupted = await handOut(rings, given.read ?? '-', limit, io, () => isFailed);
  } finally {
    // When one thread has failed, or the capture, the others need not wait for more.
    rings.end();
  }
  const counts = await all;
  for (const part of counts) session.add(part);
  const { user, system } = process.cpuUsage(cpuStart);
  const time = { seconds: (performance.now() - start) / 1000, cpuSeconds: (user + system) / 1e6 };
  return { session, interrupted, time, shares: counts.map(({ packets }) => packets) };
}

/** Reads the capture to its end, the limit, Ctrl-C or a failure; returns whether it was Ctrl-C. */
async function handOut(
  rings: RingWriter,
  path: string,
  limit: number,
  io: Io,
  isFailed: () => boolean,
): Promise<boolean> {
  const interrupt = io.catchInterrupt();
  const progress = new Progress(io);
  let packets = 0;
  const turn = async (): Promise<boolean> => {
    await new Promise((done) => setImmediate(done));
    progress.show(packets);
    return !interrupt.requested && !isFailed();
  };
  const input = await openCaptureFile(path, io);
  let last = performance.now();
  for await (const batch of input.batches()) {
    const count = Math.min(batch.count, limit - packets);
    packets += count;
    if (!(await rings.push(batch, count, turn)) || packets >= limit) break;
    if (performance.now() - last < turnEvery) continue;
    last = performance.now();
    if (!(await turn())) break;
  }
  progress.clear();
  noteDamage(input, path, packets, io);
  return interrupt.requested;
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
