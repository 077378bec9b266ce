/**
 * SIEVE: one queue in order of installation, a mark for each entry, and a hand that goes from the oldest to the newest
 * and stays where it evicted. A hit sets the mark; the hand clears marks and evicts the first entry without one.
 * Unlike in CLOCK, what survives keeps its place, so new entries are sifted sooner than those that proved themselves.
 * Zhang, Yang, Yue, Vigfusson and Rashmi, "SIEVE is simpler than LRU", NSDI 2024, algorithm 1.
 */
import { type Entry, EntryList } from './entry.js';
import type { Policy } from './policy.js';

/** `uses` is the mark: 0 or 1. */
export class SievePolicy implements Policy {
  private readonly queue = new EntryList();
  /** Where the hand goes on; undefined: at the oldest. */
  private hand: Entry | undefined;

  hit(entry: Entry): void {
    entry.uses = 1;
  }

  missed(): void {}

  /** From the hand on towards newer entries; at the newest it begins again at the oldest. */
  victim(): Entry | undefined {
    let at = this.hand ?? this.queue.last;
    while (at !== undefined && at.uses === 1) {
      at.uses = 0;
      at = this.newer(at) ?? this.queue.last;
    }
    this.hand = at;
    return at;
  }

  inserted(entry: Entry): void {
    this.queue.pushFirst(entry);
  }

  removed(entry: Entry): void {
    if (this.hand === entry) this.hand = this.newer(entry);
    this.queue.remove(entry);
  }

  resized(): void {}

  /** The neighbour that was installed later. */
  private newer(entry: Entry): Entry | undefined {
    return entry.prev === this.queue.sentinel ? undefined : entry.prev;
  }
}
