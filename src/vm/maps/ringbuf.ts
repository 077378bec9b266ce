/**
 * RINGBUF (kernel/bpf/ringbuf.c), laid out as `ring-layout.ts` says.
 *
 * Linux maps the data pages twice in a row, so that a record which wraps is contiguous. Here the second half is memory
 * of its own, and the part of a record that lies in it is copied from the first half when the record is reserved and
 * back when it is closed: so bytes that a program leaves unwritten in a record are those of an earlier lap, as in
 * Linux.
 *
 * Programs may touch the data from the first to the last record that is reserved at the moment.
 */

import type { MapSpec } from '../../object/spec.js';
import { errno } from '../../platform/index.js';
import { type GuestAddress, nowhere } from '../guest-address.js';
import { BpfMap, type MapEntry } from '../map.js';
import type { MapLayout } from '../map-layout.js';
import type { GuestMemory } from '../memory.js';
import type { Region } from '../region.js';
import {
  busyBit,
  consumerAt,
  discardBit,
  firstDataPage,
  headerSize,
  lengthMask,
  packetAt,
  packetStartAt,
  pageBits,
  pendingAt,
  producerAt,
  stateSize,
} from './ring-layout.js';
import { roundUp8 } from './value-area.js';

/** BPF_RB_NO_WAKEUP and BPF_RB_FORCE_WAKEUP: nobody sleeps here, so they are only checked. */
const wakeupFlags = 3n;

/** Positions only grow; a record's header says whether it is busy or to be skipped, as in Linux. */
export class RingbufMap extends BpfMap {
  private readonly state: GuestAddress;
  private readonly data: Region;
  private readonly size: number;
  /** False: nobody takes records out, so what is full stays full. */
  isRead = true;

  constructor(spec: MapSpec, index: number, memory: GuestMemory) {
    super(spec, index, memory);
    this.size = spec.maxEntries;
    const state = memory.allocate('map', `positions of map ${spec.name}`, stateSize);
    state.hi = state.lo;
    this.state = state.start;
    this.data = memory.allocate('map value', `record of map ${spec.name}`, 2 * this.size);
    this.data.hi = this.data.lo;
  }

  /**
   * bpf_ringbuf_reserve: guest address of `size` writable bytes, or 0. `size` is unsigned 64-bit, `flags` must be 0.
   */
  reserve(size: bigint, flags: bigint): number {
    if (flags !== 0n) return 0;
    const header = this.allocate(size);
    if (header === 0) return 0;
    this.openWindow();
    return header + headerSize;
  }

  /**
   * bpf_ringbuf_submit of a record that {@link reserve} gave. False if `sample` is no reserved record: Linux's
   * verifier rules that out.
   */
  submit(sample: number, _flags: bigint): boolean {
    return this.close(sample, 0);
  }

  /** bpf_ringbuf_discard; as {@link submit}. */
  discard(sample: number, _flags: bigint): boolean {
    return this.close(sample, discardBit);
  }

  /** bpf_ringbuf_output of `size` readable bytes at guest address `data`: 0, EINVAL or EAGAIN. */
  output(data: number, size: bigint, flags: bigint): number {
    if ((flags & ~wakeupFlags) !== 0n) return -errno.EINVAL;
    const header = this.allocate(size);
    if (header === 0) return -errno.EAGAIN;
    this.memory.copy(header + headerSize, data, Number(size));
    this.finish(header, 0);
    return 0;
  }

  /** Takes all room that there is by a record which no reader gets, and has no reader come. False: one is open. */
  fill(): boolean {
    if (this.open) return false;
    this.isRead = false;
    const room = this.size - (this.load(producerAt) - this.load(consumerAt));
    // A ring takes no record that ends where its reader stands: eight bytes stay free, less than any record takes.
    const sample = room - 2 * headerSize;
    const header = sample > 0 ? this.allocate(BigInt(sample)) : 0;
    if (header !== 0) this.finish(header, discardBit);
    return true;
  }

  /** bpf_ringbuf_query; `what` is BPF_RB_AVAIL_DATA 0, RING_SIZE 1, CONS_POS 2, PROD_POS 3; others give 0. */
  query(what: bigint): bigint {
    const consumer = this.load(consumerAt);
    const producer = this.load(producerAt);
    switch (what) {
      case 0n:
        return BigInt(producer - consumer);
      case 1n:
        return BigInt(this.size);
      case 2n:
        return BigInt(consumer);
      case 3n:
        return BigInt(producer);
      default:
        return 0n;
    }
  }

  override layout(): MapLayout {
    return { kind: 'ring', positions: this.state, data: this.data.start, size: this.size };
  }

  /** True if a record is reserved and neither submitted nor discarded. */
  get open(): boolean {
    for (const header of this.records(this.load(pendingAt)))
      if ((this.memory.load32(header) & busyBit) !== 0) return true;
    return false;
  }

  /**
   * What the consumer gets: submitted records in order, up to the first one that is still reserved; they leave the
   * buffer. `packet`: address of the record of a packet in a batch, whose own records stay.
   */
  drain(packet?: number): Uint8Array[] {
    const { memory, state } = this;
    const samples: Uint8Array[] = [];
    let position = this.load(consumerAt);
    const stays = packet !== undefined && memory.load32(state + packetAt) === packet;
    const end = stays ? this.load(packetStartAt) : this.load(producerAt);
    for (const header of this.records(position)) {
      const word = memory.load32(header);
      if (position >= end || (word & busyBit) !== 0) break;
      if ((word & discardBit) === 0) samples.push(memory.read(header + headerSize, word & lengthMask));
      position += recordSize(word);
    }
    if (position !== this.load(consumerAt)) this.store(consumerAt, position);
    if (packet === undefined) this.forgetPacket();
    return samples;
  }

  /** Before a batch: records of packets are used again. */
  forgetPacket(): void {
    if (this.memory.load32(this.state + packetAt) === 0) return;
    this.memory.store32(this.state + packetAt, 0);
    this.store(packetStartAt, 0);
  }

  override rolledBack(): void {
    this.openWindow();
  }

  // Linux's verifier lets no program call these, and bpf(2) knows none of it: user space maps the memory.

  lookup(): GuestAddress {
    return nowhere;
  }

  update(): number {
    return -errno.ENOTSUPP;
  }

  delete(): number {
    return -errno.ENOTSUPP;
  }

  override *entries(): IterableIterator<MapEntry> {}

  protected sysLookup(): number {
    return -errno.ENOTSUPP;
  }

  protected sysUpdate(): number {
    return -errno.ENOTSUPP;
  }

  protected sysDelete(): number {
    return -errno.ENOTSUPP;
  }

  protected sysNextKey(): number {
    return -errno.ENOTSUPP;
  }

  /** __bpf_ringbuf_reserve: address of the header of a new record, or 0. */
  private allocate(size: bigint): number {
    const { memory } = this;
    if (size > BigInt(lengthMask)) return 0;
    const sample = Number(size);
    const length = recordSize(sample);
    if (length > this.size) return 0;
    const producer = this.load(producerAt);
    const end = producer + length;
    let pending = this.load(pendingAt);
    for (const header of this.records(pending)) {
      const word = memory.load32(header);
      if ((word & busyBit) !== 0) break;
      pending += recordSize(word);
    }
    if (pending !== this.load(pendingAt)) this.store(pendingAt, pending);
    // The last byte stays free: a full buffer would look like an empty one.
    if (end - this.load(consumerAt) >= this.size || end - pending >= this.size) return 0;
    const header = this.headerAt(producer);
    const wrapped = this.wrappedBytes(header, length);
    if (wrapped > 0) memory.copy(this.data.start + this.size, this.data.start, wrapped);
    memory.store32(header, (sample | busyBit) >>> 0);
    // Nobody looks at it here, but a program that leaves bytes of a later record alone shows it.
    memory.store32(header + 4, firstDataPage + ((header - this.data.start) >>> pageBits));
    this.store(producerAt, end);
    return header;
  }

  private close(sample: number, bit: number): boolean {
    const header = sample - headerSize;
    for (const candidate of this.records(this.load(pendingAt))) {
      if (candidate !== header) continue;
      if ((this.memory.load32(header) & busyBit) === 0) return false;
      this.finish(header, bit);
      this.openWindow();
      return true;
    }
    return false;
  }

  /** bpf_ringbuf_commit. */
  private finish(header: number, bit: number): void {
    const { memory } = this;
    const word = ((memory.load32(header) & ~busyBit) | bit) >>> 0;
    memory.store32(header, word);
    const wrapped = this.wrappedBytes(header, recordSize(word));
    if (wrapped > 0) memory.copy(this.data.start, this.data.start + this.size, wrapped);
  }

  /** Header addresses of the records from `position` to the producer's. */
  private *records(position: number): IterableIterator<number> {
    const producer = this.load(producerAt);
    for (let at = position; at < producer; ) {
      const header = this.headerAt(at);
      const size = recordSize(this.memory.load32(header));
      yield header;
      at += size;
    }
  }

  private headerAt(position: number): number {
    return this.data.start + (position % this.size);
  }

  /** Bytes of a record that lie in the second half. */
  private wrappedBytes(header: number, length: number): number {
    return header + length - (this.data.start + this.size);
  }

  /**
   * Makes the region's window span the reserved records: compiled code, which checks no access, reserves and closes
   * records without it.
   */
  openWindow(): void {
    const { data, memory } = this;
    let lo = data.start + data.size;
    let hi: number = data.start;
    for (const header of this.records(this.load(pendingAt))) {
      const word = memory.load32(header);
      if ((word & busyBit) === 0) continue;
      lo = Math.min(lo, header + headerSize);
      hi = Math.max(hi, header + headerSize + (word & lengthMask));
    }
    if (hi > lo) data.openWindow(lo, hi);
    else data.openWindow(data.start, data.start);
  }

  /** Positions stay far below 2^53. */
  private load(at: number): number {
    const { memory, state } = this;
    return memory.load32(state + at) + memory.load32(state + at + 4) * 0x1_0000_0000;
  }

  private store(at: number, position: number): void {
    const { memory, state } = this;
    memory.store32(state + at, position % 0x1_0000_0000);
    memory.store32(state + at + 4, Math.floor(position / 0x1_0000_0000));
  }
}

/** Bytes that a record with this length word takes up. */
function recordSize(word: number): number {
  return roundUp8((word & lengthMask) + headerSize);
}
