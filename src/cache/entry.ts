/**
 * What policies keep in order. An entry is a node of at most one list, so moving it is a few writes and a hit
 * allocates nothing.
 */

export class Entry {
  /** Names the trace, also after it has left: the same path recorded again has the same key. */
  readonly key: number;
  /** What it takes of the capacity: 1, or match bits where those are limited. */
  readonly size: number;
  prev: Entry = this;
  next: Entry = this;
  /** The list that it is in. */
  home: EntryList | undefined = undefined;
  /** The policy's own: a reference mark, a count, the position of the next use. */
  uses = 0;
  /** Hits since the last look at how large the cache should be (adaptive-size.ts). */
  recentHits = 0;

  constructor(key: number, size: number) {
    this.key = key;
    this.size = size;
  }
}

/**
 * Doubly linked, in a ring through a sentinel: `first` is the newest, `last` the oldest where a policy keeps such an
 * order.
 */
export class EntryList {
  length = 0;
  /** Sum of the sizes. */
  size = 0;
  /** Its own neighbour while the list is empty. */
  readonly sentinel: Entry = new Entry(-1, 0);

  get first(): Entry | undefined {
    return this.length === 0 ? undefined : this.sentinel.next;
  }

  get last(): Entry | undefined {
    return this.length === 0 ? undefined : this.sentinel.prev;
  }

  /** A sentinel closes the list to a ring, so no end is a special case. */
  pushFirst(entry: Entry): void {
    const { sentinel } = this;
    const { next } = sentinel;
    entry.prev = sentinel;
    entry.next = next;
    next.prev = entry;
    sentinel.next = entry;
    entry.home = this;
    this.length++;
    this.size += entry.size;
  }

  remove(entry: Entry): void {
    const { prev, next } = entry;
    prev.next = next;
    next.prev = prev;
    entry.home = undefined;
    this.length--;
    this.size -= entry.size;
  }

  /** Makes an entry of this list the first. */
  touch(entry: Entry): void {
    if (this.sentinel.next === entry) return;
    this.remove(entry);
    this.pushFirst(entry);
  }
}

/** Keys of what was evicted, the oldest forgotten first: what some policies learn from. */
export class GhostList {
  private readonly list = new EntryList();
  private readonly byKey = new Map<number, Entry>();

  get size(): number {
    return this.list.size;
  }

  has(key: number): boolean {
    return this.byKey.has(key);
  }

  add(key: number, size: number): void {
    this.take(key);
    const ghost = new Entry(key, size);
    this.list.pushFirst(ghost);
    this.byKey.set(key, ghost);
  }

  /** Removes a key; true if it was there. */
  take(key: number): boolean {
    const ghost = this.byKey.get(key);
    if (ghost === undefined) return false;
    this.byKey.delete(key);
    this.list.remove(ghost);
    return true;
  }

  /** Forgets the oldest until no more than `size` is left. */
  trim(size: number): void {
    while (this.list.size > size) {
      const { last } = this.list;
      if (last === undefined) return;
      this.take(last.key);
    }
  }
}
