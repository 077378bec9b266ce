/** What decides which trace has to go when the cache is full. One file each; all are told the same events. */

export interface Policy<T> {
  /** A new entry. */
  inserted(entry: T): void;
  /** The entry decided a packet. */
  hit(entry: T): void;
  /** The entry is gone, whoever removed it. */
  removed(entry: T): void;
  /** The entry to evict; there is at least one. */
  victim(): T;
}

/** Policies by name, as `--policy` takes them. */
export interface PolicyRow {
  readonly name: string;
  readonly description: string;
  readonly create: <T>() => Policy<T>;
}
