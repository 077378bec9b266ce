/**
 * Which misses are worth a recording. A place in the trace tree is recorded once it is hot; every failure doubles the number of misses that it has
 * to wait for the next try, and after {@link maxFailures} in a row it is blacklisted. A success wipes the slate clean.
 *
 * Traffic with more paths than the card has room for makes traces leave before they decide a single packet, and recording costs a
 * thousand times what a packet does. When that has happened {@link thrashLimit} times in a row, only one miss in 2, 4, ... {@link maxInterval} is
 * recorded, until traces prove useful again.
 */
import type { SideExit } from '../trace/index.js';

const maxFailures = 14;
const thrashLimit = 512;
const maxInterval = 256;

export class Penalties {
  private readonly hotloop: number;
  private readonly seen = new WeakSet<SideExit>();
  blacklisted = 0;
  /** Misses that were not recorded because traces come and go unused. */
  thrashed = 0;
  /** Evictions in a row of traces that decided no packet. */
  private wasted = 0;
  private interval = 1;
  private untilNext = 0;

  /** `hotloop`: misses at a place before it is recorded. */
  constructor(hotloop: number) {
    this.hotloop = hotloop;
  }

  /** Counts a miss; true if it should be recorded. */
  admits(exit: SideExit): boolean {
    if (exit.failures >= maxFailures) return false;
    if (!this.seen.has(exit)) {
      this.seen.add(exit);
      exit.wait = this.hotloop - 1;
    }
    if (exit.wait > 0) {
      exit.wait--;
      return false;
    }
    if (this.untilNext > 0) {
      this.untilNext--;
      this.thrashed++;
      return false;
    }
    this.untilNext = this.interval - 1;
    return true;
  }

  /** A trace has left the card; `used`: it decided packets while it was there. */
  evicted(used: boolean): void {
    if (used) {
      this.wasted = 0;
      this.interval = Math.max(1, this.interval >> 1);
    } else if (++this.wasted >= thrashLimit) {
      this.wasted -= thrashLimit >> 3;
      this.interval = Math.min(maxInterval, this.interval * 2);
    }
  }

  failed(exit: SideExit): void {
    exit.failures++;
    exit.wait = 2 ** exit.failures - 1;
    if (exit.failures === maxFailures) this.blacklisted++;
  }

  succeeded(exit: SideExit): void {
    exit.failures = 0;
    exit.wait = this.hotloop - 1;
  }
}
