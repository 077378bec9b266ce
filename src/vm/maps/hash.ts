/**
 * HASH (kernel/bpf/hashtab.c). An update of an existing key never writes the old element: it puts a new one in and
 * takes the old one out, so a program that holds a pointer to the old value reads on.
 *
 *     values:  element e at base + e * stride
 *     spares (private):  u32 link[cpus]
 *
 * Preallocated (the default), a map has max_entries elements and a spare one for each CPU: an update of an existing
 * key on CPU c uses c's spare, and the old element becomes the spare. So it works in a full map too. A link of 0
 * stands for the spare's first state, element max_entries + c. With BPF_F_NO_PREALLOC elements come and go; there is
 * one more than max_entries for the same reason.
 */
import type { MapSpec } from '../../object/spec.js';
import { errno, mapFlags } from '../../platform/index.js';
import type { GuestAddress } from '../guest-address.js';
import { lockFlag } from '../map.js';
import type { MapLayout } from '../map-layout.js';
import type { GuestMemory } from '../memory.js';
import type { MapContext } from './context.js';
import { AnyHashMap } from './hash-map.js';
import { HashTable } from './hash-table.js';
import { BPF_ANY, BPF_EXIST, checkExistence } from './update-flags.js';
import { ValueArea, type ValueSource } from './value-area.js';

/** Preallocated unless BPF_F_NO_PREALLOC says otherwise; the difference shows in when an update finds no room. */
export class HashMap extends AnyHashMap {
  protected readonly values: ValueArea;
  private readonly preallocated: boolean;
  private readonly spares: number;

  constructor(spec: MapSpec, index: number, memory: GuestMemory, context: MapContext) {
    const preallocated = (spec.flags & mapFlags.noPrealloc) === 0;
    const extra = preallocated ? context.cpus : 1;
    const table = preallocated
      ? new HashTable(memory, spec, spec.maxEntries, context.cpus)
      : new HashTable(memory, spec, spec.maxEntries + 1);
    super(spec, index, memory, table);
    this.preallocated = preallocated;
    this.hasLock = context.facts?.spinLockOffset !== undefined;
    this.values = new ValueArea(memory, spec, spec.maxEntries + extra, context.facts);
    const spares = memory.allocate('map', `spare elements of map ${spec.name}`, 4 * context.cpus);
    spares.hi = spares.lo;
    this.spares = spares.start;
  }

  update(key: number, value: number, flags: bigint, cpu: number): number {
    return this.put(key, value, flags, cpu);
  }

  override takeRoom(): boolean {
    this.table.claim(this.spec.maxEntries);
    return true;
  }

  override layout(): MapLayout {
    return this.layoutOf(this.values, 1, { kind: 'replace', spares: this.preallocated ? this.spares : undefined });
  }

  protected valueAddress(element: number): GuestAddress {
    return this.values.address(element);
  }

  protected free(element: number): void {
    this.table.release(element);
  }

  protected readValue(element: number): Uint8Array {
    return this.values.read(this.values.address(element));
  }

  protected sysUpdate(key: Uint8Array, value: Uint8Array, flags: bigint, cpu: number): number {
    return this.put(this.stage(key), value, flags, cpu);
  }

  protected put(key: number, value: ValueSource, flags: bigint, cpu: number): number {
    const { table, values } = this;
    if (flags !== BPF_ANY && (flags & ~lockFlag) > BPF_EXIST) return -errno.EINVAL;
    const locked = (flags & lockFlag) !== 0n;
    if (locked && !this.hasLock) return -errno.EINVAL;
    const hash = table.hash(key);
    const old = table.find(key, hash);
    const refusal = checkExistence(old >= 0, flags);
    if (refusal !== 0) return refusal;
    if (old >= 0 && locked) {
      values.write(values.address(old), value);
      return 0;
    }
    const element = this.allocate(old, cpu);
    if (element < 0) return -errno.E2BIG;
    table.assign(element, key, hash);
    values.write(values.address(element), value);
    table.insert(element);
    if (old >= 0) {
      table.remove(old);
      if (!this.preallocated) table.release(old);
    }
    return 0;
  }

  /** An element for a key whose present element is `old` (or -1 for a new key); -1 when the map is full. */
  private allocate(old: number, cpu: number): number {
    const { memory, table } = this;
    if (old < 0) return table.count < this.spec.maxEntries ? table.take() : -1;
    if (!this.preallocated) return table.take();
    const slot = this.spares + 4 * cpu;
    const spare = memory.load32(slot);
    memory.store32(slot, old + 1);
    return spare === 0 ? this.spec.maxEntries + cpu : spare - 1;
  }
}
