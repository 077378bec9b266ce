/** First in, first out: whoever was installed longest ago goes. A hit costs nothing at all. */
import { type Entry, EntryList } from './entry.js';
import type { Policy } from './policy.js';

/** The plainest policy: hits are not even looked at. */
export class FifoPolicy implements Policy {
  private readonly queue = new EntryList();

  hit(): void {}

  missed(): void {}

  victim(): Entry | undefined {
    return this.queue.last;
  }

  inserted(entry: Entry): void {
    this.queue.pushFirst(entry);
  }

  removed(entry: Entry): void {
    this.queue.remove(entry);
  }

  resized(): void {}
}
