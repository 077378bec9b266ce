/**
 * CLOCK: first in, first out with a second chance. Entries stand in a ring; a hit sets the entry's mark, the hand
 * clears marks until it comes to one that has none. Corbato, "A paging experiment with the Multics system", 1968. As
 * there, installing counts as use, so a new entry comes with its mark set; it takes the place of the one that went,
 * behind the hand.
 */
import { type Entry, EntryList } from './entry.js';
import type { Policy } from './policy.js';

/** The ring is a list whose end is where the hand stands; moving the hand past an entry puts it to the front. */
export class ClockPolicy implements Policy {
  /** The ring, cut open at the hand: `last` is under it, `first` was passed last. */
  private readonly ring = new EntryList();

  hit(entry: Entry): void {
    entry.uses = 1;
  }

  missed(): void {}

  victim(): Entry | undefined {
    for (;;) {
      const { last } = this.ring;
      if (last === undefined || last.uses === 0) return last;
      last.uses = 0;
      this.ring.touch(last);
    }
  }

  inserted(entry: Entry): void {
    entry.uses = 1;
    this.ring.pushFirst(entry);
  }

  removed(entry: Entry): void {
    this.ring.remove(entry);
  }

  resized(): void {}
}
