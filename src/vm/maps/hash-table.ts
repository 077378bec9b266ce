/**
 * Buckets of chained elements: what all hash maps share. It knows keys and elements (numbers from 0) and nothing of
 * values or of when to allocate.
 *
 *     table (private)              keys (readable by programs: bpf_for_each_map_elem)
 *     0   u32 count                element e at base + e * stride, stride = keySize rounded up to 8
 *     4   u32 fresh
 *     8   u32 free
 *     12  u32 reserved
 *     16  u32 bucket[buckets]      buckets = max_entries rounded up to a power of two
 *     ..  node[elements]           u32 next, u32 hash (of a free element: link of the next free one)
 *
 * A link is an element's number plus 1, and 0 is the end: zeroed memory is an empty table. Elements from `fresh` on
 * were never used, so a large table costs nothing until it fills; freed ones hang on `free`, last in first out, as
 * Linux's per-CPU free lists give them out on one CPU. A freed element keeps its `next`, so a walk that stands on it
 * goes on, as under RCU.
 */

import type { MapSpec } from '../../object/spec.js';
import type { GuestAddress } from '../guest-address.js';
import type { HashLayout } from '../map-layout.js';
import type { GuestMemory } from '../memory.js';
import { hashBytes } from './hash-function.js';
import { roundUp8 } from './value-area.js';

const countAt = 0;
const freshAt = 4;
const freeAt = 8;
const headerSize = 16;
const nodeSize = 8;

/** Next power of two, from 1. */
export function roundUpPowerOfTwo(value: number): number {
  let power = 1;
  while (power < value) power *= 2;
  return power;
}

/** The newest element is the first of its chain, as in Linux. */
export class HashTable {
  readonly buckets: number;
  /** Elements that {@link take} gives out. */
  private readonly elements: number;
  private readonly slots: number;
  private readonly memory: GuestMemory;
  private readonly keySize: number;
  private readonly keyStride: number;
  private readonly keys: GuestAddress;
  private readonly table: GuestAddress;
  private readonly bucketsAt: GuestAddress;
  private readonly nodesAt: GuestAddress;

  /** Elements from `elements` to `elements + reserved - 1` exist besides: their owner hands them out itself. */
  constructor(memory: GuestMemory, spec: MapSpec, elements: number, reserved = 0) {
    const all = elements + reserved;
    this.memory = memory;
    this.elements = elements;
    this.slots = all;
    this.buckets = roundUpPowerOfTwo(spec.maxEntries);
    this.keySize = spec.keySize;
    this.keyStride = roundUp8(spec.keySize);
    const size = headerSize + 4 * this.buckets + nodeSize * all;
    const table = memory.allocate('map', `table of map ${spec.name}`, size);
    table.hi = table.lo;
    this.table = table.start;
    this.bucketsAt = (this.table + headerSize) as GuestAddress;
    this.nodesAt = (this.bucketsAt + 4 * this.buckets) as GuestAddress;
    const keys = memory.allocate('map', `key of map ${spec.name}`, all * this.keyStride);
    keys.stride = this.keyStride;
    keys.span = this.keySize;
    keys.writable = false;
    this.keys = keys.start;
  }

  /** Elements in the table. */
  get count(): number {
    return this.memory.load32(this.table + countAt);
  }

  layout(): HashLayout {
    const { table: header, elements, slots, buckets, bucketsAt, nodesAt, keys, keyStride } = this;
    return { header, elements, slots, buckets, bucketsAt, nodesAt, nodeStride: nodeSize, keys, keyStride };
  }

  keyAddress(element: number): GuestAddress {
    return (this.keys + element * this.keyStride) as GuestAddress;
  }

  hash(key: number): number {
    return hashBytes(this.memory.view, key, this.keySize, 0);
  }

  /** The element with this key, or -1. */
  find(key: number, hash: number): number {
    const { view } = this.memory;
    let link = view.getUint32(this.bucketOf(hash), true);
    while (link !== 0) {
      const node = this.nodesAt + (link - 1) * nodeSize;
      if (view.getUint32(node + 4, true) === hash && this.sameKey(key, this.keyAddress(link - 1))) return link - 1;
      link = view.getUint32(node, true);
    }
    return -1;
  }

  /** Notes key and hash of an element that {@link insert} will put in, or that only eviction will look at. */
  assign(element: number, key: number, hash: number): void {
    this.memory.copy(this.keyAddress(element), key, this.keySize);
    this.memory.store32(this.nodesAt + element * nodeSize + 4, hash);
  }

  /** Puts an assigned element at the head of its bucket. */
  insert(element: number): void {
    const { memory } = this;
    const node = this.nodesAt + element * nodeSize;
    const bucket = this.bucketOf(memory.load32(node + 4));
    memory.store32(node, memory.load32(bucket));
    memory.store32(bucket, element + 1);
    memory.store32(this.table + countAt, this.count + 1);
  }

  /**
   * Takes an element out of its bucket; false if it was not there. It keeps its key, and whoever points to it reads
   * on.
   */
  remove(element: number): boolean {
    const { memory } = this;
    const node = this.nodesAt + element * nodeSize;
    let slot = this.bucketOf(memory.load32(node + 4));
    let link = memory.load32(slot);
    while (link !== 0 && link !== element + 1) {
      slot = this.nodesAt + (link - 1) * nodeSize;
      link = memory.load32(slot);
    }
    if (link === 0) return false;
    memory.store32(slot, memory.load32(node));
    memory.store32(this.table + countAt, this.count - 1);
    return true;
  }

  /** An element that is in no list: the last one freed, else a fresh one; -1 if there is none. */
  take(): number {
    const { memory } = this;
    const link = memory.load32(this.table + freeAt);
    if (link !== 0) {
      memory.store32(this.table + freeAt, memory.load32(this.nodesAt + (link - 1) * nodeSize + 4));
      return link - 1;
    }
    const fresh = memory.load32(this.table + freshAt);
    if (fresh === this.elements) return -1;
    memory.store32(this.table + freshAt, fresh + 1);
    return fresh;
  }

  /** From here on the table counts as having that many elements. */
  claim(count: number): void {
    this.memory.store32(this.table + countAt, count);
  }

  /** {@link take} has none left until one is released. */
  takeAll(): void {
    this.memory.store32(this.table + freshAt, this.elements);
    this.memory.store32(this.table + freeAt, 0);
  }

  /** Gives back what {@link take} gave. */
  release(element: number): void {
    const { memory } = this;
    memory.store32(this.nodesAt + element * nodeSize + 4, memory.load32(this.table + freeAt));
    memory.store32(this.table + freeAt, element + 1);
  }

  /** The element after `element` (the first one after -1) in bucket order, or -1. `element` is in the table. */
  next(element: number): number {
    const { memory } = this;
    let bucket = 0;
    if (element >= 0) {
      const node = this.nodesAt + element * nodeSize;
      const link = memory.load32(node);
      if (link !== 0) return link - 1;
      bucket = ((memory.load32(node + 4) & (this.buckets - 1)) >>> 0) + 1;
    }
    // Most of a large table is empty, and walks look at all of it.
    const { view } = memory;
    const end = this.bucketsAt + 4 * this.buckets;
    for (let at = this.bucketsAt + 4 * bucket; at < end; at += 4) {
      const link = view.getUint32(at, true);
      if (link !== 0) return link - 1;
    }
    return -1;
  }

  /**
   * All elements in bucket order. As in Linux's walk, the next one is noted before an element is given out, even if it
   * is removed meanwhile.
   */
  *walk(): IterableIterator<number> {
    const { memory } = this;
    for (let bucket = 0; bucket < this.buckets; bucket++) {
      let link = memory.load32(this.bucketsAt + 4 * bucket);
      while (link !== 0) {
        const element = link - 1;
        link = memory.load32(this.nodesAt + element * nodeSize);
        yield element;
      }
    }
  }

  private bucketOf(hash: number): number {
    return this.bucketsAt + 4 * ((hash & (this.buckets - 1)) >>> 0);
  }

  private sameKey(left: number, right: number): boolean {
    const { view } = this.memory;
    const { keySize } = this;
    let i = 0;
    for (; i + 4 <= keySize; i += 4) if (view.getInt32(left + i, true) !== view.getInt32(right + i, true)) return false;
    for (; i < keySize; i++) if (view.getUint8(left + i) !== view.getUint8(right + i)) return false;
    return true;
  }
}
