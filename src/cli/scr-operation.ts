/** What an operation of `jitnic scr` is; the table of them is in scr.ts. */
import type { Operation } from './operations.js';
import type { ReadingFlags } from './program-file.js';

/** All flags of `jitnic scr`; which operation takes which, {@link ScrOperation.flags} says. */
export interface ScrFlags extends ReadingFlags {
  readonly [flag: string]: unknown;
}

/** One operation: `jitnic scr NAME ...`. */
export type ScrOperation = Operation<ScrFlags>;
