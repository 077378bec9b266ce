/** Who runs the points of a sweep: this thread, or a pool of threads here (piscina). */
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import type { Outcome } from '../sweep/index.js';
import type { Interrupt, Io } from './command.js';
import { type PointTask, runPoint } from './explore-point.js';
import { threadIo } from './thread-io.js';

/** Runs points, several at a time. */
export interface Executor {
  /** Points that it has use for at once. */
  readonly width: number;
  /** Rejects with what the point threw, or because of {@link stop}. */
  run(task: PointTask, key: string): Promise<Outcome>;
  /** Ctrl-C: whatever is under way ends now. */
  stop(): void;
  close(): Promise<void>;
}

/** One thread, this one: Ctrl-C breaks a point off as it does a run. */
export function executeHere(io: Io, interrupt: Interrupt): Executor {
  const silent = threadIo('explore', { work: (phase, work) => io.work(phase, work), catchInterrupt: () => interrupt });
  return {
    width: 1,
    run: (task) => runPoint(task, silent),
    stop: () => undefined,
    close: async () => undefined,
  };
}

/** So many threads. */
export function executeInThreads(threads: number): Executor {
  const pool = new Piscina({
    filename: fileURLToPath(new URL('./explore-worker.js', import.meta.url)),
    name: 'work',
    minThreads: threads,
    maxThreads: threads,
    // A point is long work that never waits.
    concurrentTasksPerWorker: 1,
  });
  return {
    // One more for each thread, so that none waits for this one.
    width: 2 * threads,
    run: (task) => pool.run(task) as Promise<Outcome>,
    stop: () => void pool.destroy(),
    close: () => pool.destroy(),
  };
}
