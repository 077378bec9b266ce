/**
 * Which misses are worth a recording. A place in the trace tree is recorded once it is hot; every failure doubles the number of misses that it has
 * to wait for the next try, and after {@link maxFailures} in a row it is blacklisted. A success wipes the slate clean.
 */
import type { SideExit } from '../trace/index.js';

const maxFailures = 14;

export class Penalties {
  private readonly hotloop: number;
  private readonly seen = new WeakSet<SideExit>();
  blacklisted = 0;

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
    return true;
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
