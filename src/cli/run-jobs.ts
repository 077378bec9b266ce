/**
 * `jitnic run --jobs N`: N threads on one set of maps in shared memory. This thread reads the capture, decodes it, and
 * hands each packet to the thread that its flow hash names, by rings in shared memory (runtime/packet-rings.ts).
 */
import { Worker } from 'node:worker_threads';
import { InternalError, UnsupportedError, UsageError } from '../base/index.js';
import type { PacketBatch } from '../packet/index.js';
import { RingWriter, type Session, type SessionCounts } from '../runtime/index.js';
import { wholeNumber } from '../text/index.js';
import { Verdicts } from '../verifier/index.js';
import { placeOf, programsBehind } from '../vm/index.js';
import { type CaptureInput, openCaptureFile } from './capture-input.js';
import { milliseconds } from './clock.js';
import type { Interrupt, Io } from './command.js';
import { turn, untilInterrupt } from './interrupt.js';
import type { FromJob, JobTask } from './job-messages.js';
import { objectOf, readProgramBytes } from './program-file.js';
import { Progress } from './progress.js';
import { chooseProgram, type RunFlags, sessionOptions, verifiedSession } from './run-options.js';
import { countUndeliverable, type LoopResult, noteDamage, noteUndeliverable, turnEvery } from './run-packets.js';

/** What a run over several threads came to; `session` is that of this thread, with the counts of all. */
export interface JobsResult extends LoopResult {
  readonly session: Session;
  /** Packets of each thread. */
  readonly shares: readonly number[];
}

/**
 * Runs the capture with `jobs` threads. Throws UsageError for flags that need one order of all packets,
 * UnsupportedError where the program is not compiled, and what opening it throws.
 */
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
  // Each thread is a CPU, and all of them run compiled code.
  const flags = { ...given, engine: 'wasm', cpus: String(jobs) };
  const object = await readProgramBytes(file, io, flags);
  const chosen = chooseProgram(await objectOf(object, file, io, flags), name, flags);
  const options = await sessionOptions(flags, io);
  const verdicts = Verdicts.of(chosen.object, options);
  const session = await verifiedSession(chosen, flags, { ...options, verdicts, lanes: { count: jobs, index: 0 } }, io);
  const { machine, program } = session.runtime;
  // This thread makes the maps and verifies; the others are told what passed and where the maps are.
  const behind = programsBehind(program, machine.programs);
  const { shared } = machine;
  const rings = new RingWriter(jobs);
  const task: Omit<JobTask, 'lanes' | 'ring'> = {
    object,
    file,
    program: name,
    verified: behind.flatMap(({ spec, index }) => (verdicts.of(spec).accepted ? [index] : [])),
    // The maps are filled.
    flags: withoutMaps(flags),
  };
  // Before there are threads: they wait for packets until someone says that none will come.
  const path = given.read ?? '-';
  const input = await openCaptureFile(path, io);
  const start = milliseconds();
  const cpuStart = process.cpuUsage();
  const threads = Array.from({ length: jobs }, (_, index) => {
    const lanes = { count: jobs, index, shared };
    return new Job({ ...task, lanes, ring: rings.source(index) }, session, io);
  });
  const all = Promise.all(threads.map(({ counts }) => counts));
  let isFailed = false;
  // The reader of the capture has to stop when a thread has failed; the error itself is thrown by `await all` below.
  all.catch(() => {
    isFailed = true;
  });
  const limit = wholeNumber('--count', given.count, 1) ?? Number.POSITIVE_INFINITY;
  const interrupt = io.catchInterrupt();
  let undeliverable = 0;
  try {
    const seen = (batch: PacketBatch, most: number): void => {
      undeliverable += countUndeliverable(batch, most, session.program);
    };
    const packets = await handOut(rings, input, limit, io, interrupt, () => isFailed, seen);
    noteDamage(input, path, packets, io);
  } finally {
    // When one thread has failed, or the capture, the others need not wait for more.
    if (interrupt.requested) rings.stop();
    else rings.end();
  }
  const stop = (): void => {
    rings.stop();
    setTimeout(() => {
      for (const thread of threads) thread.leave();
    }, patience);
  };
  if (interrupt.requested) stop();
  else interrupt.wake = stop;
  const counts = await all;
  interrupt.wake = undefined;
  for (const part of counts) session.add(part);
  const { user, system } = process.cpuUsage(cpuStart);
  const time = { seconds: (milliseconds() - start) / 1000, cpuSeconds: (user + system) / 1e6 };
  noteUndeliverable(undeliverable, session.program, path, io);
  return {
    session,
    interrupted: interrupt.requested,
    time,
    undeliverable,
    shares: counts.map(({ packets }) => packets),
  };
}

/** Milliseconds that threads have after Ctrl-C to finish the packets that they are at. */
const patience = 50;

/** Reads the capture to its end, the limit, Ctrl-C or a failure; returns how many packets that were. */
async function handOut(
  rings: RingWriter,
  input: CaptureInput,
  limit: number,
  io: Io,
  interrupt: Interrupt,
  isFailed: () => boolean,
  seen: (batch: PacketBatch, count: number) => void,
): Promise<number> {
  let packets = 0;
  const progress = new Progress(io, { packets: limit, bytes: input.size });
  const goesOn = async (): Promise<boolean> => {
    await turn();
    progress.show(packets, input.bytesRead);
    return !interrupt.requested && !isFailed();
  };
  let last = milliseconds();
  for await (const batch of untilInterrupt(input.batches(), interrupt)) {
    const count = Math.min(batch.count, limit - packets);
    packets += count;
    seen(batch, count);
    if (!(await rings.push(batch, count, goesOn)) || packets >= limit) break;
    if (milliseconds() - last < turnEvery) continue;
    last = milliseconds();
    if (!(await goesOn())) break;
  }
  progress.clear();
  return packets;
}

/** The flags for threads, whose maps have been filled. */
function withoutMaps(flags: RunFlags): RunFlags {
  const { mapsIn: _, ...rest } = flags;
  return rest;
}

/** One thread. */
class Job {
  /** What it ran, once it has ended. */
  readonly counts: Promise<SessionCounts>;
  private readonly worker: Worker;
  private soFar: SessionCounts = nothing;
  private settle: (counts: SessionCounts) => void = () => undefined;

  constructor(task: JobTask, session: Session, io: Io) {
    const worker = new Worker(new URL('./job-worker.js', import.meta.url), { workerData: task });
    this.worker = worker;
    this.counts = new Promise((resolve, reject) => {
      this.settle = resolve;
      worker.on('message', (message: FromJob) => {
        if (message.kind === 'info') io.info(message.line);
        else if (message.kind === 'counts') this.soFar = message.counts;
        else if (message.kind === 'done') resolve(message.counts);
        else reject(notCompiled(session, message));
      });
      worker.on('error', reject);
      worker.on('exit', (code) => reject(new InternalError('jobs', `a thread ended with ${code}`)));
    });
  }

  /** Ends it where it is. What it has told of so far counts. */
  leave(): void {
    this.settle(this.soFar);
    void this.worker.terminate();
  }
}

/** What a thread counts that never said anything. */
const nothing: SessionCounts = {
  packets: 0,
  misses: 0,
  verdicts: { ABORTED: 0, DROP: 0, PASS: 0, TX: 0, REDIRECT: 0 },
  faults: [],
};

/** The error of a thread whose program stayed with the interpreter, with the place in the source. */
function notCompiled(session: Session, message: FromJob & { readonly kind: 'not compiled' }): Error {
  const { machine } = session.runtime;
  const program = machine.programs[message.program];
  const place = program === undefined ? {} : placeOf(program.spec, message.insn, machine.object.name);
  return new UnsupportedError(message.what, place, '`--jobs` runs compiled programs only');
}
