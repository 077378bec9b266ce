/**
 * ARC, the adaptive replacement cache: T1 holds what was used once lately, T2 what was used at least twice, both in
 * order of use; B1 and B2 remember the keys of what was evicted from them. A miss on a key in B1 says that T1 is too
 * small, one in B2 that T2 is, and `target`, the size that T1 should have, moves by as much as the other list is
 * longer. Megiddo and Modha, "ARC: a self-tuning, low overhead replacement cache", FAST 2003, figure 4.
 *
 * Where the paper counts pages this counts sizes; with sizes of 1 it is the paper's algorithm.
 */
import { type Entry, EntryList, GhostList } from './entry.js';
import type { Policy, PolicyOptions } from './policy.js';

/** `target` is the p of the paper, in the unit of the capacity; each miss moves it before anybody is evicted. */
export class ArcPolicy implements Policy {
  private readonly t1 = new EntryList();
  private readonly t2 = new EntryList();
  private readonly b1 = new GhostList();
  private readonly b2 = new GhostList();
  private capacity: number;
  /** The paper's p. */
  private target = 0;
  /** Where the missed key was remembered. */
  private from: 'b1' | 'b2' | undefined;
  /** What the missed key will add to T1. */
  private incoming = 0;

  constructor({ capacity }: PolicyOptions) {
    this.capacity = capacity;
  }

  hit(entry: Entry): void {
    const { t1, t2 } = this;
    if (entry.home === t2) {
      t2.touch(entry);
      return;
    }
    t1.remove(entry);
    t2.pushFirst(entry);
  }

  missed(key: number, size: number): void {
    const { b1, b2, capacity } = this;
    this.from = b1.has(key) ? 'b1' : b2.has(key) ? 'b2' : undefined;
    this.incoming = 0;
    if (this.from === 'b1') {
      this.target = Math.min(capacity, this.target + size * Math.max(1, b2.size / b1.size));
      b1.take(key);
    } else if (this.from === 'b2') {
      this.target = Math.max(0, this.target - size * Math.max(1, b1.size / b2.size));
      b2.take(key);
    } else {
      this.incoming = size;
      const once = Math.min(capacity, this.t1.size + b1.size + size);
      this.trim();
      b2.trim(Math.max(0, 2 * capacity - this.t2.size - once));
    }
  }

  /** REPLACE of the paper: T1's last if T1 is larger than it should be, else T2's. */
  victim(): Entry | undefined {
    const { t1, t2, target } = this;
    const fromT1 = t1.size > target || (this.from === 'b2' && t1.size === target);
    return t1.length > 0 && (fromT1 || t2.length === 0) ? t1.last : t2.last;
  }

  inserted(entry: Entry): void {
    (this.from === undefined ? this.t1 : this.t2).pushFirst(entry);
    this.from = undefined;
    this.incoming = 0;
  }

  removed(entry: Entry, evicted: boolean): void {
    const wasOnce = entry.home === this.t1;
    entry.home?.remove(entry);
    if (!evicted) return;
    (wasOnce ? this.b1 : this.b2).add(entry.key, entry.size);
    // Where T1 alone fills the cache, nothing of it is remembered: the paper's case IV, |T1| = c.
    this.trim();
  }

  resized(capacity: number): void {
    this.capacity = capacity;
    this.target = Math.min(this.target, capacity);
    this.incoming = 0;
    this.trim();
    this.b2.trim(Math.max(0, 2 * capacity - this.t1.size - this.t2.size - this.b1.size));
  }

  /** T1 and B1, with what is about to come, are never larger than the cache. */
  private trim(): void {
    this.b1.trim(Math.max(0, this.capacity - this.t1.size - this.incoming));
  }
}
