/** What an operation of `jitnic live` is; the table of them is in live.ts. */
import type { Operation } from './operations.js';

/** All flags of `jitnic live`; which operation takes which, {@link LiveOperation.flags} says. */
export interface LiveFlags {
  readonly [flag: string]: unknown;
}

/** One operation: `jitnic live NAME ...`. */
export type LiveOperation = Operation<LiveFlags>;
