/**
 * QUEUE and STACK (kernel/bpf/queue_stack_maps.c): a ring with one slot more than max_entries, so that full and empty
 * differ.
 *
 *     ring (private)
 *     0   u32 head    where the next element goes
 *     4   u32 tail    the oldest element; head = tail: empty
 *     8   slot[max_entries + 1], valueSize bytes each
 *
 * On the syscall side a look-up peeks, an update pushes and look-up-and-delete pops; there is no key.
 */

import type { MapSpec } from '../../object/spec.js';
import { errno } from '../../platform/index.js';
import { type GuestAddress, nowhere } from '../guest-address.js';
import { BpfMap, type MapEntry } from '../map.js';
import type { GuestMemory } from '../memory.js';
import { BPF_EXIST, BPF_NOEXIST } from './update-flags.js';

const headAt = 0;
const tailAt = 4;
const slotsAt = 8;
const noKey = new Uint8Array(0);

abstract class RingMap extends BpfMap {
  protected readonly ring: number;
  private readonly slots: number;

  constructor(spec: MapSpec, index: number, memory: GuestMemory) {
    super(spec, index, memory);
    this.slots = spec.maxEntries + 1;
    const region = memory.allocate('map', `elements of map ${spec.name}`, slotsAt + this.slots * spec.valueSize);
    region.hi = region.lo;
    this.ring = region.start;
  }

  // Linux's verifier lets no program call these.

  lookup(): GuestAddress {
    return nowhere;
  }

  update(): number {
    return -errno.EINVAL;
  }

  delete(): number {
    return -errno.EINVAL;
  }

  override push(value: number, flags: bigint): number {
    return this.put(value, flags);
  }

  override pop(value: number): number {
    return this.get(value, true);
  }

  override peek(value: number): number {
    return this.get(value, false);
  }

  /** In the order in which they would be popped. */
  override *entries(): IterableIterator<MapEntry> {
    const count = (this.head - this.tail + this.slots) % this.slots;
    for (let i = 0; i < count; i++) {
      yield { key: noKey, value: this.memory.read(this.address(this.nth(i)), this.spec.valueSize) };
    }
  }

  protected get head(): number {
    return this.memory.load32(this.ring + headAt);
  }

  protected get tail(): number {
    return this.memory.load32(this.ring + tailAt);
  }

  protected next(slot: number): number {
    return slot + 1 === this.slots ? 0 : slot + 1;
  }

  protected setHead(slot: number): void {
    this.memory.store32(this.ring + headAt, slot);
  }

  protected setTail(slot: number): void {
    this.memory.store32(this.ring + tailAt, slot);
  }

  /** Slot that will be popped after `n` others. */
  protected abstract nth(n: number): number;

  /** Takes the slot that {@link nth} gives for 0 out of the ring. */
  protected abstract drop(): void;

  /** Slot `count` places after or before another. */
  protected step(slot: number, count: number): number {
    return (slot + count + this.slots) % this.slots;
  }

  protected sysLookup(): Uint8Array | number {
    if (this.head === this.tail) return -errno.ENOENT;
    return this.memory.read(this.address(this.nth(0)), this.spec.valueSize);
  }

  protected override sysTake(): Uint8Array | number {
    const value = this.sysLookup();
    if (typeof value !== 'number') this.drop();
    return value;
  }

  protected sysUpdate(_key: Uint8Array, value: Uint8Array, flags: bigint): number {
    return this.put(value, flags);
  }

  protected sysDelete(): number {
    return -errno.EINVAL;
  }

  protected sysNextKey(): number {
    return -errno.EINVAL;
  }

  private address(slot: number): number {
    return this.ring + slotsAt + slot * this.spec.valueSize;
  }

  /** BPF_EXIST makes room by dropping the oldest element, in a stack too. */
  private put(value: number | Uint8Array, flags: bigint): number {
    const { memory, head, tail } = this;
    if ((flags & BPF_NOEXIST) !== 0n || flags > BPF_EXIST) return -errno.EINVAL;
    if (this.next(head) === tail) {
      if ((flags & BPF_EXIST) === 0n) return -errno.E2BIG;
      this.setTail(this.next(tail));
    }
    const at = this.address(head);
    if (typeof value === 'number') memory.copy(at, value, this.spec.valueSize);
    else memory.write(at, value);
    this.setHead(this.next(head));
    return 0;
  }

  /** An empty ring zeroes the caller's buffer. */
  private get(value: number, remove: boolean): number {
    const { memory } = this;
    if (this.head === this.tail) {
      memory.fill(value, 0, this.spec.valueSize);
      return -errno.ENOENT;
    }
    memory.copy(value, this.address(this.nth(0)), this.spec.valueSize);
    if (remove) this.drop();
    return 0;
  }
}

/** First in, first out. */
export class QueueMap extends RingMap {
  protected nth(n: number): number {
    return this.step(this.tail, n);
  }

  protected drop(): void {
    this.setTail(this.next(this.tail));
  }
}

/** Last in, first out. */
export class StackMap extends RingMap {
  protected nth(n: number): number {
    return this.step(this.head, -1 - n);
  }

  protected drop(): void {
    this.setHead(this.nth(0));
  }
}
