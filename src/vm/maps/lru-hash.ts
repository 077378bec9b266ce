/**
 * LRU_HASH and LRU_PERCPU_HASH (kernel/bpf/hashtab.c): hash maps that make room by eviction instead of refusing. Which
 * element goes is decided in lru-lists.ts.
 *
 * An update takes its element before it looks for the key. So an update that then fails, or finds the key there, may
 * have evicted something, even the key itself.
 */

import type { MapSpec } from '../../object/spec.js';
import { errno, mapFlags } from '../../platform/index.js';
import { type GuestAddress, nowhere } from '../guest-address.js';
import type { MapLayout } from '../map-layout.js';
import type { GuestMemory } from '../memory.js';
import type { MapContext } from './context.js';
import { AnyHashMap } from './hash-map.js';
import { HashTable } from './hash-table.js';
import { LruLists } from './lru-lists.js';
import { BPF_EXIST, checkExistence } from './update-flags.js';
import { PercpuValueArea, ValueArea, type ValueSource } from './value-area.js';

abstract class AnyLruMap extends AnyHashMap {
  protected readonly lru: LruLists;

  constructor(spec: MapSpec, index: number, memory: GuestMemory, context: MapContext) {
    const table = new HashTable(memory, spec, spec.maxEntries);
    super(spec, index, memory, table);
    this.lru = new LruLists(memory, {
      name: spec.name,
      elements: spec.maxEntries,
      cpus: context.cpus,
      ownLists: (spec.flags & mapFlags.noCommonLru) !== 0,
      evict: (element) => table.remove(element),
    });
  }

  override lookup(key: number, cpu: number): GuestAddress {
    const element = this.find(key);
    if (element < 0) return nowhere;
    this.lru.reference(element);
    return this.valueAddress(element, cpu);
  }

  protected free(element: number): void {
    this.lru.release(element);
  }
}

/** All CPUs share the values. */
export class LruHashMap extends AnyLruMap {
  private readonly values: ValueArea;

  constructor(spec: MapSpec, index: number, memory: GuestMemory, context: MapContext) {
    super(spec, index, memory, context);
    this.values = new ValueArea(memory, spec, spec.maxEntries, context.facts);
  }

  update(key: number, value: number, flags: bigint, cpu: number): number {
    return this.put(key, value, flags, cpu);
  }

  override layout(): MapLayout {
    return { ...this.layoutOf(this.values, 1, this.lru.change()), reference: this.lru.references() };
  }

  protected valueAddress(element: number): GuestAddress {
    return this.values.address(element);
  }

  protected readValue(element: number): Uint8Array {
    return this.values.read(this.values.address(element));
  }

  protected sysUpdate(key: Uint8Array, value: Uint8Array, flags: bigint, cpu: number): number {
    return this.put(this.stage(key), value, flags, cpu);
  }

  private put(key: number, value: ValueSource, flags: bigint, cpu: number): number {
    const { table, lru, values } = this;
    if (flags > BPF_EXIST) return -errno.EINVAL;
    const hash = table.hash(key);
    const element = lru.take(cpu);
    if (element < 0) return -errno.ENOMEM;
    table.assign(element, key, hash);
    values.write(values.address(element), value);
    const old = table.find(key, hash);
    const refusal = checkExistence(old >= 0, flags);
    if (refusal !== 0) {
      lru.release(element);
      return refusal;
    }
    table.insert(element);
    if (old >= 0) {
      lru.reference(element);
      table.remove(old);
      lru.release(old);
    }
    return 0;
  }
}

/** Each CPU has values of its own; an element is one for all of them. */
export class LruPercpuHashMap extends AnyLruMap {
  private readonly values: PercpuValueArea;

  constructor(spec: MapSpec, index: number, memory: GuestMemory, context: MapContext) {
    super(spec, index, memory, context);
    this.values = new PercpuValueArea(memory, spec, spec.maxEntries, context.cpus);
  }

  update(key: number, value: number, flags: bigint, cpu: number): number {
    return this.put(key, value, flags, cpu);
  }

  override lookupPercpu(key: number, cpu: number): GuestAddress {
    return cpu < this.values.cpus ? this.lookup(key, cpu) : nowhere;
  }

  override layout(): MapLayout {
    return { ...this.layoutOf(this.values, this.values.cpus, this.lru.change()), reference: this.lru.references() };
  }

  protected valueAddress(element: number, cpu: number): GuestAddress {
    return this.values.of(element, cpu);
  }

  protected readValue(element: number): Uint8Array {
    return this.values.readAll(element);
  }

  protected sysUpdate(key: Uint8Array, value: Uint8Array, flags: bigint, cpu: number): number {
    return this.put(this.stage(key), value, flags, cpu);
  }

  /** `value`: guest address of this CPU's value, or bytes of all CPUs' values. */
  private put(key: number, value: number | Uint8Array, flags: bigint, cpu: number): number {
    const { table, lru, values } = this;
    if (flags > BPF_EXIST) return -errno.EINVAL;
    const hash = table.hash(key);
    // With BPF_EXIST no element is needed: values are written in place.
    const element = flags === BPF_EXIST ? -1 : lru.take(cpu);
    if (element < 0 && flags !== BPF_EXIST) return -errno.ENOMEM;
    if (element >= 0) table.assign(element, key, hash);
    const old = table.find(key, hash);
    const refusal = checkExistence(old >= 0, flags);
    if (refusal === 0) {
      const target = old >= 0 ? old : element;
      if (typeof value !== 'number') values.writeAll(target, value);
      else if (old >= 0) values.write(values.of(target, cpu), value);
      else values.initialise(target, cpu, value);
      if (old >= 0) lru.reference(old);
      else table.insert(element);
    }
    if (element >= 0 && (refusal !== 0 || old >= 0)) lru.release(element);
    return refusal;
  }
}
