/**
 * What the hash maps share: looking up, walking, deleting. How elements are allocated and values laid out is the
 * subclasses' (hash.ts, percpu-hash.ts, lru-hash.ts). Sources: kernel/bpf/hashtab.c.
 */

import type { MapSpec } from '../../object/spec.js';
import { errno } from '../../platform/index.js';
import { type GuestAddress, nowhere } from '../guest-address.js';
import { BpfMap, type MapElement } from '../map.js';
import type { HashChange, MapLayout } from '../map-layout.js';
import type { GuestMemory } from '../memory.js';
import type { HashTable } from './hash-table.js';
import type { ValueArea } from './value-area.js';

/** Subclasses say how an element is come by and where its value lies. */
export abstract class AnyHashMap extends BpfMap {
  protected readonly table: HashTable;

  constructor(spec: MapSpec, index: number, memory: GuestMemory, table: HashTable) {
    super(spec, index, memory);
    this.table = table;
  }

  lookup(key: number, cpu: number): GuestAddress {
    const element = this.find(key);
    return element < 0 ? nowhere : this.valueAddress(element, cpu);
  }

  delete(key: number): number {
    const element = this.find(key);
    if (element < 0) return -errno.ENOENT;
    this.table.remove(element);
    this.free(element);
    return 0;
  }

  override *elements(cpu: number): IterableIterator<MapElement> {
    for (const element of this.table.walk()) {
      yield { key: this.table.keyAddress(element), value: this.valueAddress(element, cpu) };
    }
  }

  protected find(key: number): number {
    return this.table.find(key, this.table.hash(key));
  }

  /** For the subclasses' `layout`. */
  protected layoutOf(
    values: Pick<ValueArea, 'base' | 'stride' | 'isPlain'>,
    cpus: number,
    change: HashChange | undefined,
  ): MapLayout & { kind: 'hash' } {
    return {
      kind: 'hash',
      table: this.table.layout(),
      base: values.base,
      stride: values.stride,
      cpus,
      reference: undefined,
      holdsMaps: false,
      change: values.isPlain ? change : undefined,
    };
  }

  /** Guest address of an element's value. */
  protected abstract valueAddress(element: number, cpu: number): GuestAddress;

  /** Makes an element that has left the table available again. */
  protected abstract free(element: number): void;

  /** What the syscall side sees of an element. */
  protected abstract readValue(element: number): Uint8Array;

  protected sysLookup(key: Uint8Array): Uint8Array | number {
    const element = this.find(this.stage(key));
    return element < 0 ? -errno.ENOENT : this.readValue(element);
  }

  protected sysDelete(key: Uint8Array): number {
    return this.delete(this.stage(key));
  }

  protected override sysTake(key: Uint8Array): Uint8Array | number {
    const element = this.find(this.stage(key));
    if (element < 0) return -errno.ENOENT;
    const value = this.readValue(element);
    this.table.remove(element);
    this.free(element);
    return value;
  }

  /** htab_map_get_next_key: an unknown key starts from the beginning. */
  protected sysNextKey(key: Uint8Array | undefined): Uint8Array | number {
    const from = key === undefined ? -1 : this.find(this.stage(key));
    const next = this.table.next(from);
    return next < 0 ? -errno.ENOENT : this.memory.read(this.table.keyAddress(next), this.spec.keySize);
  }
}
