/**
 * Belady's optimum: whoever will not be asked for again for longest goes. Needs the future, so it is a bound for the
 * others and nothing for a card. Belady, "A study of replacement algorithms for a virtual-storage computer", IBM
 * Systems Journal 5(2), 1966 (MIN); proved optimal by Mattson, Gecsei, Slutz and Traiger, IBM Systems Journal 9(2),
 * 1970.
 *
 * A card need not install what it misses, so the newcomer competes with those that are in and may stay out (`bypass`,
 * the default); without that, as in paging, admission rules could beat the "optimum". Where sizes differ the optimum
 * is NP-hard to find (Chrobak, Woeginger, Makino and Xu, "Caching is hard", Algorithmica 63, 2012); then the entry
 * with the largest product of size and distance goes, which is good but no bound: see `boundHits`.
 */
import { InternalError } from '../base/index.js';
import { type Entry, EntryList } from './entry.js';
import type { Future, Policy, PolicyOptions } from './policy.js';

/** Scans all entries for each victim: it runs in simulations only. */
export class BeladyPolicy implements Policy {
  private readonly all = new EntryList();
  private readonly future: Future;
  private readonly bypass: boolean;

  constructor({ future }: PolicyOptions, bypass = true) {
    if (future === undefined) throw new InternalError('cache', 'belady without a future');
    this.future = future;
    this.bypass = bypass;
  }

  hit(): void {}

  missed(): void {}

  victim(key: number, size: number): Entry | undefined {
    let worst = this.bypass && size > 0 ? this.badness(key, size) : -1;
    let victim: Entry | undefined;
    const { sentinel } = this.all;
    for (let entry = sentinel.next; entry !== sentinel; entry = entry.next) {
      const badness = this.badness(entry.key, entry.size);
      if (badness <= worst) continue;
      worst = badness;
      victim = entry;
    }
    return victim;
  }

  inserted(entry: Entry): void {
    this.all.pushFirst(entry);
  }

  removed(entry: Entry): void {
    this.all.remove(entry);
  }

  resized(): void {}

  private badness(key: number, size: number): number {
    return this.future.distance(key) * size;
  }
}
