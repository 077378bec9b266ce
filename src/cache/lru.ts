import { InternalError } from '../base/index.js';
import type { Policy } from './policy.js';

/** Least recently used. A hit writes one number; looking for the oldest waits until someone has to go, which is rare. */
export class LruPolicy<T> implements Policy<T> {
  private readonly lastUse = new Map<T, number>();
  private clock = 0;

  inserted(entry: T): void {
    this.lastUse.set(entry, ++this.clock);
  }

  hit(entry: T): void {
    this.lastUse.set(entry, ++this.clock);
  }

  removed(entry: T): void {
    this.lastUse.delete(entry);
  }

  victim(): T {
    let oldest: T | undefined;
    let age = Number.POSITIVE_INFINITY;
    for (const [entry, use] of this.lastUse) {
      if (use >= age) continue;
      age = use;
      oldest = entry;
    }
    if (oldest === undefined) throw new InternalError('cache', 'no entry to evict');
    return oldest;
  }
}
