/**
 * PERCPU_HASH (kernel/bpf/hashtab.c). Values are written in place, so there are no spare elements.
 *
 *     values:  element e, CPU c at base + (e * cpus + c) * stride
 */

import type { MapSpec } from '../../object/spec.js';
import { errno } from '../../platform/index.js';
import { type GuestAddress, nowhere } from '../guest-address.js';
import type { MapLayout } from '../map-layout.js';
import type { GuestMemory } from '../memory.js';
import type { MapContext } from './context.js';
import { AnyHashMap } from './hash-map.js';
import { HashTable } from './hash-table.js';
import { BPF_EXIST, checkExistence } from './update-flags.js';
import { PercpuValueArea } from './value-area.js';

/** A hash map with a value for each CPU. */
export class PercpuHashMap extends AnyHashMap {
  private readonly values: PercpuValueArea;

  constructor(spec: MapSpec, index: number, memory: GuestMemory, context: MapContext) {
    super(spec, index, memory, new HashTable(memory, spec, spec.maxEntries));
    this.values = new PercpuValueArea(memory, spec, spec.maxEntries, context.cpus);
  }

  update(key: number, value: number, flags: bigint, cpu: number): number {
    return this.put(key, value, flags, cpu);
  }

  override lookupPercpu(key: number, cpu: number): GuestAddress {
    return cpu < this.values.cpus ? this.lookup(key, cpu) : nowhere;
  }

  override takeRoom(): boolean {
    this.table.takeAll();
    return true;
  }

  override layout(): MapLayout {
    return this.layoutOf(this.values, this.values.cpus, { kind: 'in place' });
  }

  protected valueAddress(element: number, cpu: number): GuestAddress {
    return this.values.of(element, cpu);
  }

  protected free(element: number): void {
    this.table.release(element);
  }

  protected readValue(element: number): Uint8Array {
    return this.values.readAll(element);
  }

  protected sysUpdate(key: Uint8Array, value: Uint8Array, flags: bigint, cpu: number): number {
    return this.put(this.stage(key), value, flags, cpu);
  }

  /** `value`: guest address of this CPU's value, or bytes of all CPUs' values. */
  private put(key: number, value: number | Uint8Array, flags: bigint, cpu: number): number {
    const { table, values } = this;
    if (flags > BPF_EXIST) return -errno.EINVAL;
    const hash = table.hash(key);
    const old = table.find(key, hash);
    const refusal = checkExistence(old >= 0, flags);
    if (refusal !== 0) return refusal;
    const element = old >= 0 ? old : table.take();
    if (element < 0) return -errno.E2BIG;
    if (typeof value !== 'number') values.writeAll(element, value);
    else if (old >= 0) values.write(values.of(element, cpu), value);
    else values.initialise(element, cpu, value);
    if (old < 0) {
      table.assign(element, key, hash);
      table.insert(element);
    }
    return 0;
  }
}
