/**
 * W-TinyLFU: a small window in order of use takes what is new; what leaves it must have been asked for more often
 * lately than the one that it would replace in the main part, else it is evicted itself. The main part is a segmented
 * LRU: a second hit moves an entry from probation to the protected segment. Einziger, Friedman and Manes, "TinyLFU: a
 * highly efficient cache admission policy", ACM Transactions on Storage 13(4), 2017, section 4: window 1 % of the
 * capacity, protected segment 80 % of the rest.
 */
import { type Entry, EntryList } from './entry.js';
import { FrequencySketch } from './frequency-sketch.js';
import type { Policy, PolicyOptions } from './policy.js';

const windowShare = 0.01;
const protectedShare = 0.8;

/** A window of some percent of the capacity, and a main part of probation and protected. */
export class WTinyLfuPolicy implements Policy {
  private readonly window = new EntryList();
  private readonly probation = new EntryList();
  private readonly protected = new EntryList();
  private readonly sketch: FrequencySketch;
  private capacity: number;

  constructor({ capacity, entries, seed }: PolicyOptions) {
    this.capacity = capacity;
    this.sketch = new FrequencySketch(entries, seed);
  }

  hit(entry: Entry): void {
    this.sketch.add(entry.key);
    if (entry.home !== this.probation) {
      entry.home?.touch(entry);
      return;
    }
    this.probation.remove(entry);
    this.protected.pushFirst(entry);
    const room = protectedShare * (this.capacity - this.windowSize);
    while (this.protected.size > room && this.protected.length > 1) {
      const demoted = this.protected.last as Entry;
      this.protected.remove(demoted);
      this.probation.pushFirst(demoted);
    }
  }

  missed(key: number): void {
    this.sketch.add(key);
  }

  /** The window's last against the main part's last: whoever was asked for less often lately goes. */
  victim(_key: number, size: number): Entry | undefined {
    const { window, probation, sketch } = this;
    const candidate = window.last;
    const victim = probation.last ?? this.protected.last;
    if (candidate === undefined || victim === undefined) return candidate ?? victim;
    if (window.size + size <= this.windowSize) return victim;
    if (sketch.estimate(candidate.key) <= sketch.estimate(victim.key)) return candidate;
    window.remove(candidate);
    probation.pushFirst(candidate);
    return victim;
  }

  inserted(entry: Entry): void {
    const { window, probation } = this;
    window.pushFirst(entry);
    // As long as there is room there is no contest.
    while (window.size > this.windowSize && window.length > 1) {
      const last = window.last as Entry;
      window.remove(last);
      probation.pushFirst(last);
    }
  }

  removed(entry: Entry): void {
    entry.home?.remove(entry);
  }

  resized(capacity: number): void {
    this.capacity = capacity;
  }

  private get windowSize(): number {
    return Math.max(1, windowShare * this.capacity);
  }
}
