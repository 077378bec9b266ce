/**
 * State as records: a flat table from keys (`prog/7`, `pin/lb`) to JSON values. Everything that outlives a command is
 * one, so a change of state is a list of puts and deletes, which a log can hold and play back without knowing what
 * they mean. A transaction either leaves all of its changes or none.
 *
 * It is undone from old values, not from a copy of the table: a command touches few records of many. That is right
 * only while values are never changed in place, which their types forbid. Keys are in groups, since elements of one
 * map are asked for alone, and a flat table of all would be walked for each.
 */

/** A value that JSON has. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** A record that was put, or taken out. */
export interface Change {
  readonly key: string;
  /** Undefined: it is gone. */
  readonly value?: Json | undefined;
}

/** The table. Values are never changed in place: put another one. */
export class Records {
  /** By group, the part of the key that {@link Records.keys} asks for, and key. */
  private readonly groups = new Map<string, Map<string, Json>>();
  /** Values before the transaction that is under way, by key. */
  private before: Map<string, Json | undefined> | undefined;

  get(key: string): Json | undefined {
    return this.groups.get(groupOf(key))?.get(key);
  }

  has(key: string): boolean {
    return this.get(key) !== undefined;
  }

  /** An empty group goes, so that maps that are gone leave nothing. */
  private set(key: string, value: Json | undefined): void {
    const group = groupOf(key);
    const held = this.groups.get(group) ?? new Map<string, Json>();
    if (value === undefined) held.delete(key);
    else held.set(key, value);
    if (held.size > 0) this.groups.set(group, held);
    else this.groups.delete(group);
  }

  put(key: string, value: Json): void {
    this.remember(key);
    this.set(key, value);
  }

  delete(key: string): void {
    if (!this.has(key)) return;
    this.remember(key);
    this.set(key, undefined);
  }

  /** Keys of a group, which ends in `/`, in no order that means anything. */
  keys(group: string): string[] {
    return [...(this.groups.get(group)?.keys() ?? [])];
  }

  /** How many there are. */
  count(group: string): number {
    return this.groups.get(group)?.size ?? 0;
  }

  /** All records. */
  *entries(): IterableIterator<[string, Json]> {
    for (const group of this.groups.values()) yield* group;
  }

  /** Puts back what a log has. Not for use in a transaction: nothing is remembered. */
  apply(changes: readonly Change[]): void {
    for (const { key, value } of changes) this.set(key, value);
  }

  /**
   * Does the work; where it throws, every record is as it was. Else `keep` is told what changed before anything else
   * can happen, and where it throws (a disk is full) the work is undone as well.
   */
  transact<T>(work: () => T, keep: (changes: readonly Change[]) => void = () => undefined): T {
    // One inside another is part of it, and is kept or undone with it.
    if (this.before !== undefined) return work();
    const before = new Map<string, Json | undefined>();
    this.before = before;
    try {
      const result = work();
      this.before = undefined;
      const changes = [...before]
        .filter(([key, old]) => this.get(key) !== old)
        .map(([key]): Change => ({ key, value: this.get(key) }));
      if (changes.length > 0) keep(changes);
      return result;
    } catch (error) {
      this.before = undefined;
      for (const [key, old] of before) this.set(key, old);
      throw error;
    }
  }

  /** Only the first change of a key tells what was there before the transaction. */
  private remember(key: string): void {
    if (this.before !== undefined && !this.before.has(key)) this.before.set(key, this.get(key));
  }
}

/** `prog/` of `prog/7`; elements stand by their map, `elem/3/`. */
function groupOf(key: string): string {
  const first = key.indexOf('/') + 1;
  return key.slice(0, key.startsWith('elem/') ? key.indexOf('/', first) + 1 : first);
}
