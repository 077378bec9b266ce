/** A thread of `jitnic explore` (explore-worker.ts) from the joined files, which lie beside it. */
import { openBundle } from './bundle.js';
import type { PointTask } from './explore-point.js';

/** What explore-worker.ts exports. */
interface Loaded {
  work(task: PointTask): Promise<unknown>;
}

const loaded = openBundle(new URL('.', import.meta.url), 'point').load('explore-worker.cjs') as Loaded;

/** What the pool of threads calls. */
export function work(task: PointTask): Promise<unknown> {
  return loaded.work(task);
}
