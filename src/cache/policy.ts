/**
 * What decides which trace has to go when the cache is full. One file each; all are told the same events, and none
 * looks at a clock or draws a number that its seed does not give.
 *
 * Sizes and capacity have one unit: match bits where those are limited, else traces. Parts of a cache (a window, a
 * probation queue) are shares of the capacity in that unit, so a policy need not know which it is. An entry may take
 * the room of several, so one miss may ask for several victims.
 */
import type { Entry } from './entry.js';

/** Keeps entries in whatever order it likes. Who owns the cache calls it; it never removes an entry by itself. */
export interface Policy {
  /** The entry decided a packet. */
  hit(entry: Entry): void;
  /** A packet took a path that is not here. Comes before any question for a victim and before {@link inserted}. */
  missed(key: number, size: number): void;
  /**
   * Who should go for the path that was missed; undefined: nobody, the newcomer stays out. There is at least one
   * entry. With a size of 0 nobody comes: the cache shrinks.
   */
  victim(key: number, size: number): Entry | undefined;
  /** The entry is in, with room enough. */
  inserted(entry: Entry): void;
  /** The entry is gone: evicted to make room, or else because its trace is no longer valid. */
  removed(entry: Entry, evicted: boolean): void;
  /** The capacity is another one from now on. Too much may be in just now. */
  resized(capacity: number): void;
}

/** What a policy may know from the start. */
export interface PolicyOptions {
  readonly capacity: number;
  /** Entries that may fit, where the capacity is not counted in them: for the size of tables. */
  readonly entries: number;
  readonly seed: number;
  /** What is going to be asked for; only where it is known. */
  readonly future?: Future | undefined;
}

/** The requests to come, for policies that cannot be had online. */
export interface Future {
  /** Requests until the key is asked for again, counted from the present one (so at least 1); infinite if never. */
  distance(key: number): number;
}

/** Policies by name, as `--policy` takes them. */
export interface PolicyRow {
  readonly name: string;
  readonly description: string;
  /** Needs the future: for bounds, not for cards. */
  readonly offline: boolean;
  /**
   * Hits may be told late, each entry's at once and in the order of the last ones: its order of victims stays the
   * same.
   */
  readonly forgivesOrder: boolean;
  /** @internal */
  readonly create: (options: PolicyOptions) => Policy;
}
