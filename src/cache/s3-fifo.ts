/**
 * S3-FIFO: three queues. What is new goes to a small one (a tenth of the capacity); only what was hit more than once
 * there moves on to the main one, the rest leaves quickly but its key is remembered in a ghost queue, as long as the
 * main one, and goes straight to the main queue when it comes back. In the main queue an entry gets another round for
 * each hit (three at most). Yang, Zhang, Qiu, Yue and Rashmi, "FIFO queues are all you need for cache eviction", SOSP
 * 2023, algorithm 1.
 */
import { type Entry, EntryList, GhostList } from './entry.js';
import type { Policy, PolicyOptions } from './policy.js';

const smallShare = 0.1;
const mostUses = 3;

/** `uses` of an entry counts to 3. Ghosts are keys with sizes, no traces. */
export class S3FifoPolicy implements Policy {
  private readonly small = new EntryList();
  private readonly main = new EntryList();
  private readonly ghosts = new GhostList();
  private capacity: number;
  private isBack = false;

  constructor({ capacity }: PolicyOptions) {
    this.capacity = capacity;
  }

  hit(entry: Entry): void {
    if (entry.uses < mostUses) entry.uses++;
  }

  missed(key: number): void {
    this.isBack = this.ghosts.take(key);
  }

  /**
   * Moves along the queues until an entry is found that has not been used enough. Which queue it begins with is asked
   * once, as in the paper: the small one is gone through to its end though moving on makes it smaller than its share.
   */
  victim(): Entry | undefined {
    const { small, main } = this;
    const mainSize = (1 - smallShare) * this.capacity;
    const beginsSmall = small.size >= smallShare * this.capacity || main.length === 0;
    while (beginsSmall && small.length > 0) {
      const last = small.last as Entry;
      if (last.uses <= 1) return last;
      // Its count starts again in the main queue.
      last.uses = 0;
      small.remove(last);
      main.pushFirst(last);
      if (main.size > mainSize) break;
    }
    for (;;) {
      const { last } = main;
      if (last === undefined) return small.last;
      if (last.uses === 0) return last;
      last.uses--;
      main.touch(last);
    }
  }

  inserted(entry: Entry): void {
    (this.isBack ? this.main : this.small).pushFirst(entry);
    this.isBack = false;
  }

  removed(entry: Entry, evicted: boolean): void {
    const wasSmall = entry.home === this.small;
    entry.home?.remove(entry);
    if (!evicted || !wasSmall) return;
    this.ghosts.add(entry.key, entry.size);
    this.ghosts.trim((1 - smallShare) * this.capacity);
  }

  resized(capacity: number): void {
    this.capacity = capacity;
    this.ghosts.trim((1 - smallShare) * capacity);
  }
}
