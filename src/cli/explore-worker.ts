/** A thread of `jitnic explore`: runs the points that it is handed, one after the other. */
import type { Outcome } from '../sweep/index.js';
import { type PointTask, runPoint } from './explore-point.js';
import { threadIo } from './thread-io.js';

const io = threadIo('explore');

/** What the pool of threads calls (explore-threads.ts). */
export function work(task: PointTask): Promise<Outcome> {
  return runPoint(task, io);
}
