/**
 * Elements of maps, each a record (`elem/MAP/KEY`, in hexadecimal), as bpf(2) has them: {@link keptTypes}. Which slot
 * of the table an element has is kept with it, so that walks have one order. The host has one core here, so a per-CPU
 * map has one value. Of an LRU map the order of use is not kept, and what goes first is the oldest element.
 *
 * Linux walks a hash in the order of its buckets, which depends on a random seed. Here a run has to be the same twice,
 * so the order is that of slots. An element of an array that nobody wrote has no record and reads as zeros: a large
 * array costs what is used of it.
 */
import { isArrayMap } from '../platform/index.js';
import { fromHex, toHex, u32At, u32Bytes } from './hex.js';
import type { MapRecord } from './model.js';
import type { Records } from './records.js';
import { OffloadRefusal } from './refusal.js';

/** Types whose elements are kept. Others have contents only while a program runs. */
export const keptTypes: ReadonlySet<string> = new Set([
  'array',
  'percpu_array',
  'prog_array',
  'hash',
  'percpu_hash',
  'lru_hash',
  'lru_percpu_hash',
]);

/** Bytes of a value for bpf(2): per-CPU ones are whole words. */
export function valueBytes({ type, valueSize }: Pick<MapRecord, 'type' | 'valueSize'>): number {
  return type.includes('percpu_') ? Math.ceil(valueSize / 8) * 8 : valueSize;
}

/** Flags of an update. */
export const updateFlags = { any: 0, noexist: 1, exist: 2 } as const;

/** One element. */
export interface Element {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** Up to so many slots gaps are filled, since finding one looks at all of them. */
const smallTable = 64;

/** A record. `slot` is its place in a walk and never changes; `value` is in hexadecimal. */
type Held = { readonly slot: number; readonly value: string };

/** The elements of one map. Errors are those of Linux; `what` is what was tried. */
export class Elements {
  private readonly records: Records;
  private readonly map: MapRecord;
  /** Slots that there are. */
  private readonly slots: number;

  constructor(records: Records, map: MapRecord, slots: number = map.maxEntries) {
    this.records = records;
    this.map = map;
    this.slots = slots;
  }

  private place(key: Uint8Array): string {
    return `elem/${this.map.id}/${toHex(key)}`;
  }

  /** All of a map, in the order of a walk. */
  private held(): { key: string; held: Held }[] {
    const prefix = `elem/${this.map.id}/`;
    return this.records
      .keys(prefix)
      .map((key) => ({ key: key.slice(prefix.length), held: this.records.get(key) as unknown as Held }))
      .sort((a, b) => a.held.slot - b.held.slot);
  }

  /** Index that a key of an array is; undefined where it is past the end. */
  private index(key: Uint8Array): number | undefined {
    const index = u32At(key);
    return index < this.slots ? index : undefined;
  }

  lookup(key: Uint8Array): Uint8Array | undefined {
    const held = this.records.get(this.place(key)) as unknown as Held | undefined;
    if (held !== undefined) return fromHex(held.value);
    return isArrayMap(this.map.type) && this.index(key) !== undefined
      ? new Uint8Array(valueBytes(this.map))
      : undefined;
  }

  update(key: Uint8Array, value: Uint8Array, flags: number): void {
    const place = this.place(key);
    const held = this.records.get(place) as unknown as Held | undefined;
    const isSlot = isArrayMap(this.map.type) || this.map.type === 'prog_array';
    const slot = isSlot ? this.arraySlot(key, flags) : this.hashSlot(held, flags);
    this.records.put(place, { slot, value: toHex(value) });
  }

  /** EEXIST for `noexist`: all elements of an array are there from the start. */
  private arraySlot(key: Uint8Array, flags: number): number {
    const index = this.index(key);
    if (index === undefined)
      throw new OffloadRefusal('update failed', flags === updateFlags.exist ? 'ENOENT' : 'E2BIG');
    if (flags === updateFlags.noexist) throw new OffloadRefusal('update failed', 'EEXIST');
    return index;
  }

  /** E2BIG where the table is full; an update in place needs no room. */
  private hashSlot(held: Held | undefined, flags: number): number {
    if (held === undefined && flags === updateFlags.exist) throw new OffloadRefusal('update failed', 'ENOENT');
    if (held !== undefined && flags === updateFlags.noexist) throw new OffloadRefusal('update failed', 'EEXIST');
    if (held !== undefined) return held.slot;
    if (this.records.count(`elem/${this.map.id}/`) >= this.slots) this.makeRoom();
    // Tables of few slots fill gaps, others have the order in which elements came.
    if (this.slots <= smallTable) {
      const taken = new Set(this.held().map((each) => each.held.slot));
      let slot = 0;
      while (taken.has(slot)) slot++;
      return slot;
    }
    const counter = `slot/${this.map.id}`;
    const slot = (this.records.get(counter) as number | undefined) ?? 0;
    this.records.put(counter, slot + 1);
    return slot;
  }

  /** In an LRU map the oldest goes; others are full. */
  private makeRoom(): void {
    if (!this.map.type.startsWith('lru_')) throw new OffloadRefusal('update failed', 'E2BIG');
    const [oldest] = this.held();
    if (oldest !== undefined) this.records.delete(`elem/${this.map.id}/${oldest.key}`);
  }

  /** EINVAL for an array, whose elements are there as long as it is. */
  delete(key: Uint8Array): void {
    if (isArrayMap(this.map.type)) throw new OffloadRefusal('delete failed', 'EINVAL');
    if (!this.records.has(this.place(key))) throw new OffloadRefusal('delete failed', 'ENOENT');
    this.records.delete(this.place(key));
  }

  /** The key behind a key: the first one for none, and for one that is not there. Undefined at the end. */
  next(key: Uint8Array | undefined): Uint8Array | undefined {
    if (isArrayMap(this.map.type)) {
      const index = key === undefined ? undefined : this.index(key);
      return this.key(index === undefined ? 0 : index + 1);
    }
    const held = this.held();
    const at = key === undefined ? -1 : held.findIndex((each) => each.key === toHex(key));
    const found = held[at + 1];
    return found === undefined ? undefined : fromHex(found.key);
  }

  private key(index: number): Uint8Array | undefined {
    return index < this.slots ? u32Bytes(index) : undefined;
  }

  /** All of them, in the order of a walk; of an array also those that nobody put. */
  all(): Element[] {
    if (isArrayMap(this.map.type)) {
      return Array.from({ length: this.slots }, (_, i) => {
        const key = this.key(i) as Uint8Array; // i is in range
        return { key, value: this.lookup(key) as Uint8Array };
      });
    }
    return this.held().map(({ key, held }) => ({ key: fromHex(key), value: fromHex(held.value) }));
  }

  /** All of them go, with the map. */
  clear(): void {
    this.records.delete(`slot/${this.map.id}`);
    for (const key of this.records.keys(`elem/${this.map.id}/`)) this.records.delete(key);
  }
}
