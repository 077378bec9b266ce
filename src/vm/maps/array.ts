/**
 * ARRAY and PERCPU_ARRAY (kernel/bpf/arraymap.c). All elements exist from the start, so nothing but a value ever
 * changes.
 *
 *     values: element i at base + i * stride               (ARRAY)
 *             element i of CPU c at base + (i * cpus + c) * stride   (PERCPU_ARRAY)
 *     key:    u32, the index that bpf_for_each_map_elem shows its callback
 */

import type { MapSpec } from '../../object/spec.js';
import { errno } from '../../platform/index.js';
import { type GuestAddress, nowhere } from '../guest-address.js';
import { BpfMap, lockFlag, type MapElement, type MapEntry } from '../map.js';
import type { MapLayout } from '../map-layout.js';
import type { GuestMemory } from '../memory.js';
import { nonZeroElements, sparseLimit } from '../non-zero.js';
import type { MapContext } from './context.js';
import { nextIndex, u32 } from './index-key.js';
import { BPF_ANY, BPF_EXIST, BPF_NOEXIST } from './update-flags.js';
import { PercpuValueArea, ValueArea, type ValueSource } from './value-area.js';

abstract class IndexedMap extends BpfMap {
  protected readonly keyCell: GuestAddress;

  constructor(spec: MapSpec, index: number, memory: GuestMemory) {
    super(spec, index, memory);
    const cell = memory.allocate('map', `key of map ${spec.name}`, 4);
    cell.writable = false;
    this.keyCell = cell.start;
  }

  delete(): number {
    return -errno.EINVAL;
  }

  override *elements(cpu: number): IterableIterator<MapElement> {
    for (let i = 0; i < this.spec.maxEntries; i++) {
      this.memory.store32(this.keyCell, i);
      yield { key: this.keyCell, value: this.valueAddress(i, cpu) };
    }
  }

  override *writtenEntries(most: number = sparseLimit): IterableIterator<MapEntry> {
    const { maxEntries } = this.spec;
    if (maxEntries <= most) {
      yield* this.entries();
      return;
    }
    const start = this.valueAddress(0, 0);
    const distance = this.valueAddress(1, 0) - start;
    const area = this.memory.u8.subarray(start, start + maxEntries * distance);
    for (const element of nonZeroElements(area, distance)) {
      const key = new Uint8Array(4);
      new DataView(key.buffer).setUint32(0, element, true);
      const value = this.sysLookup(key);
      if (typeof value !== 'number') yield { key, value };
    }
  }

  protected abstract valueAddress(element: number, cpu: number): GuestAddress;

  protected sysDelete(): number {
    return -errno.EINVAL;
  }

  protected sysNextKey(key: Uint8Array | undefined): Uint8Array | number {
    return nextIndex(key, this.spec.maxEntries);
  }
}

/** All CPUs share the values. */
export class ArrayMap extends IndexedMap {
  private readonly values: ValueArea;

  constructor(spec: MapSpec, index: number, memory: GuestMemory, context: MapContext) {
    super(spec, index, memory);
    this.hasLock = context.facts?.spinLockOffset !== undefined;
    this.values = new ValueArea(memory, spec, spec.maxEntries, context.facts);
  }

  lookup(key: number): GuestAddress {
    const element = this.memory.load32(key);
    return element < this.spec.maxEntries ? this.values.address(element) : nowhere;
  }

  update(key: number, value: number, flags: bigint): number {
    return this.put(this.memory.load32(key), value, flags);
  }

  override layout(): MapLayout {
    return { kind: 'array', base: this.values.base, stride: this.values.stride, cpus: 1, cursor: this.keyCell };
  }

  override directValue(): GuestAddress {
    return this.spec.maxEntries === 1 ? this.values.base : nowhere;
  }

  protected valueAddress(element: number): GuestAddress {
    return this.values.address(element);
  }

  protected sysLookup(key: Uint8Array): Uint8Array | number {
    const element = u32(key);
    if (element >= this.spec.maxEntries) return -errno.ENOENT;
    return this.values.read(this.values.address(element));
  }

  protected sysUpdate(key: Uint8Array, value: Uint8Array, flags: bigint): number {
    return this.put(u32(key), value, flags);
  }

  private put(element: number, value: ValueSource, flags: bigint): number {
    if (flags !== BPF_ANY && (flags & ~lockFlag) > BPF_EXIST) return -errno.EINVAL;
    if (element >= this.spec.maxEntries) return -errno.E2BIG;
    if ((flags & BPF_NOEXIST) !== 0n) return -errno.EEXIST;
    if ((flags & lockFlag) !== 0n && !this.hasLock) return -errno.EINVAL;
    this.values.write(this.values.address(element), value);
    return 0;
  }
}

/** Each CPU has values of its own. */
export class PercpuArrayMap extends IndexedMap {
  private readonly values: PercpuValueArea;

  constructor(spec: MapSpec, index: number, memory: GuestMemory, context: MapContext) {
    super(spec, index, memory);
    this.values = new PercpuValueArea(memory, spec, spec.maxEntries, context.cpus);
  }

  lookup(key: number, cpu: number): GuestAddress {
    const element = this.memory.load32(key);
    return element < this.spec.maxEntries ? this.values.of(element, cpu) : nowhere;
  }

  override lookupPercpu(key: number, cpu: number): GuestAddress {
    return cpu < this.values.cpus ? this.lookup(key, cpu) : nowhere;
  }

  update(key: number, value: number, flags: bigint, cpu: number): number {
    const element = this.memory.load32(key);
    if (flags !== BPF_ANY && (flags & ~lockFlag) > BPF_EXIST) return -errno.EINVAL;
    if (element >= this.spec.maxEntries) return -errno.E2BIG;
    if ((flags & BPF_NOEXIST) !== 0n) return -errno.EEXIST;
    // No value of a per-CPU map has a lock.
    if ((flags & lockFlag) !== 0n) return -errno.EINVAL;
    this.values.write(this.values.of(element, cpu), value);
    return 0;
  }

  override layout(): MapLayout {
    const { base, stride, cpus } = this.values;
    return { kind: 'array', base, stride, cpus, cursor: this.keyCell };
  }

  // PSEUDO_MAP_VALUE has no per-CPU meaning for programs: `directValue` stays 0.

  protected valueAddress(element: number, cpu: number): GuestAddress {
    return this.values.of(element, cpu);
  }

  protected sysLookup(key: Uint8Array): Uint8Array | number {
    const element = u32(key);
    return element < this.spec.maxEntries ? this.values.readAll(element) : -errno.ENOENT;
  }

  protected sysUpdate(key: Uint8Array, value: Uint8Array, flags: bigint): number {
    const element = u32(key);
    if (flags > BPF_EXIST) return -errno.EINVAL;
    if (element >= this.spec.maxEntries) return -errno.E2BIG;
    if (flags === BPF_NOEXIST) return -errno.EEXIST;
    this.values.writeAll(element, value);
    return 0;
  }
}
