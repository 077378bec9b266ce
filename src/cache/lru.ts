/** Least recently used: whoever has not decided a packet for longest goes. */
import { type Entry, EntryList } from './entry.js';
import type { Policy } from './policy.js';

/** One list in order of use. */
export class LruPolicy implements Policy {
  private readonly order = new EntryList();

  hit(entry: Entry): void {
    this.order.touch(entry);
  }

  missed(): void {}

  victim(): Entry | undefined {
    return this.order.last;
  }

  inserted(entry: Entry): void {
    this.order.pushFirst(entry);
  }

  removed(entry: Entry): void {
    this.order.remove(entry);
  }

  resized(): void {}
}
