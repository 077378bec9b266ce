/**
 * One reader hands packets to several threads: a ring of slots for each, in a memory of their own that all share. A
 * slot is a batch of packets, columns and bytes.
 *
 *     for each ring   filled u32 | taken u32 | ended u32            slots handed over and given back so far;
 *                                                                   1: no more will come, 2: leave what is there
 *     for each slot   packets u32                                   how many are in it
 *     reader's        open slots of the rings, columns and bytes of what comes in (flow-scatter.ts)
 *     for each slot   offset u32[] | length u32[] | time u64[] | bytes
 *
 * Who waits for a ring sleeps on `taken` (the reader) or `filled` (the thread).
 */
import { Wasm, type WasmMemory } from '../base/index.js';
import { maxPacketLength, type PacketBatch } from '../packet/index.js';
import { openSlotSize, type Scatter, scatterCode } from './flow-scatter.js';

/** Slots of a ring, and packets in a slot. */
const slots = 8;
const slotPackets = 2048;
/** Bytes of a slot: as many packets of ordinary length, and any single one. */
const slotBytes: number = maxPacketLength;
/** Packets that are scattered in one call, and their bytes with what stands between them. */
const inPackets = 4096;
const inBytes: number = 2 * maxPacketLength;

/** Words that one thread writes and another one reads lie on lines of their own. */
const line = 64;
const columnsOf = (packets: number): number => packets * 16;
/** What copies by words may write behind an end. */
const slack = 16;

const filled = 0;
const taken = 1;
const ended = 2;

/** What `ended` may say. */
const noMore = 1;
const leaveThem = 2;

/** Byte addresses of everything. */
function planOf(rings: number) {
  let next = line;
  const take = (bytes: number): number => {
    const at = next;
    next += Math.ceil(bytes / line) * line;
    return at;
  };
  const control = take(rings * line);
  const counts = take(rings * slots * 4);
  const open = take(rings * openSlotSize);
  const full = take(4);
  const columns = take(columnsOf(inPackets));
  const bytes = take(inBytes + slack);
  const slotSize = columnsOf(slotPackets) + slotBytes + slack;
  const slotAt = Array.from({ length: rings * slots }, () => take(slotSize));
  return { control, counts, open, full, columns, bytes, slotAt, size: next };
}

/** Addresses of everything in the shared memory. */
type Plan = ReturnType<typeof planOf>;

/** What threads need to find a ring. */
export interface RingSource {
  readonly memory: WasmMemory;
  readonly rings: number;
  readonly index: number;
}

/** Milliseconds after which who hands out packets looks around. */
const patience = 20;

/** The side that hands packets out. */
export class RingWriter {
  private readonly plan: Plan;
  private readonly rings: number;
  private readonly memory: WasmMemory;
  private readonly words: Int32Array;
  private readonly u32: Uint32Array;
  private readonly u8: Uint8Array;
  private readonly scatter: Scatter;

  constructor(rings: number) {
    const plan = planOf(rings);
    const pages = Math.ceil(plan.size / 0x10000);
    this.plan = plan;
    this.rings = rings;
    this.memory = new Wasm.Memory({ initial: pages, maximum: pages, shared: true });
    this.words = new Int32Array(this.memory.buffer);
    this.u32 = new Uint32Array(this.memory.buffer);
    this.u8 = new Uint8Array(this.memory.buffer);
    const { columns, open, full } = plan;
    this.scatter = scatterCode(this.memory, { rings, columns, most: inPackets, open, full, slotPackets, slotBytes });
    for (let ring = 0; ring < rings; ring++) this.openSlot(ring);
  }

  source(index: number): RingSource {
    return { memory: this.memory, rings: this.rings, index };
  }

  /**
   * Hands out the first `count` packets of a batch, which may be overwritten afterwards. Where a thread is behind,
   * `turn` is called now and then; false if it said that there is no use in waiting.
   */
  async push(batch: PacketBatch, count: number, turn: () => Promise<boolean>): Promise<boolean> {
    const { plan, u32, u8 } = this;
    const times = new Uint32Array(batch.time.buffer, batch.time.byteOffset, 2 * count);
    for (let from = 0; from < count; ) {
      // Whole words: copying to shared memory goes byte by byte otherwise.
      const start = (batch.offset[from] as number) & -8;
      let to = Math.min(count, from + inPackets);
      while (endOf(batch, to - 1) - start > inBytes) to--;
      u8.set(batch.bytes.subarray(start, endOf(batch, to - 1)), plan.bytes);
      const column = plan.columns / 4;
      u32.set(batch.offset.subarray(from, to), column);
      u32.set(batch.length.subarray(from, to), column + inPackets);
      u32.set(times.subarray(2 * from, 2 * to), column + 2 * inPackets);
      for (let at = 0; at < to - from; ) {
        at = this.scatter(at, to - from, plan.bytes - start);
        if (at < to - from && !(await this.advance(u32[plan.full / 4] as number, turn))) return false;
      }
      from = to;
    }
    return true;
  }

  /** No more packets will come. */
  end(): void {
    for (let ring = 0; ring < this.rings; ring++) this.handOver(ring);
    this.close(noMore);
  }

  /** No more packets are to be run, not even those that have been handed out. */
  stop(): void {
    this.close(leaveThem);
  }

  /** Says to all threads that no more will come, and wakes those that wait. */
  private close(how: number): void {
    for (let ring = 0; ring < this.rings; ring++) {
      const control = this.control(ring);
      Atomics.store(this.words, control + ended, how);
      Atomics.notify(this.words, control + filled);
    }
  }

  /** Hands over a ring's open slot and opens the next one, once there is one. */
  private async advance(ring: number, turn: () => Promise<boolean>): Promise<boolean> {
    this.handOver(ring);
    const control = this.control(ring);
    for (;;) {
      const back = Atomics.load(this.words, control + taken);
      if (Atomics.load(this.words, control + filled) - back < slots) break;
      if (Atomics.wait(this.words, control + taken, back, patience) === 'timed-out' && !(await turn())) return false;
    }
    this.openSlot(ring);
    return true;
  }

  /** Gives the open slot of a ring to its thread. */
  private handOver(ring: number): void {
    const { words, plan } = this;
    const control = this.control(ring);
    const open = plan.open / 4 + (ring * openSlotSize) / 4;
    const slot = ring * slots + (Atomics.load(words, control + filled) % slots);
    words[plan.counts / 4 + slot] = words[open + 2] as number;
    Atomics.add(words, control + filled, 1);
    Atomics.notify(words, control + filled);
  }

  /** The next slot of a ring is the one that packets go to. */
  private openSlot(ring: number): void {
    const { words, plan } = this;
    const at = plan.slotAt[ring * slots + (Atomics.load(words, this.control(ring) + filled) % slots)] as number;
    words.set([at, at + columnsOf(slotPackets), 0, 0], (plan.open + ring * openSlotSize) / 4);
  }

  private control(ring: number): number {
    return (this.plan.control + ring * line) / 4;
  }
}

/** The side of one thread. */
export class RingReader {
  private readonly plan: Plan;
  private readonly index: number;
  private readonly words: Int32Array;
  private readonly buffer: ArrayBuffer;
  private readonly control: number;
  private readonly interfaceId = new Uint32Array(slotPackets);

  constructor({ memory, rings, index }: RingSource) {
    this.plan = planOf(rings);
    this.index = index;
    this.buffer = memory.buffer;
    this.words = new Int32Array(memory.buffer);
    this.control = (this.plan.control + index * line) / 4;
  }

  /** True once packets are to be left where they are. */
  get isStopped(): boolean {
    return Atomics.load(this.words, this.control + ended) === leaveThem;
  }

  /** Batches until there are no more; waits for them. One is good until the next one is asked for. */
  *batches(): Generator<PacketBatch, void, undefined> {
    const { words, control } = this;
    for (let number = 0; ; number++) {
      while (Atomics.load(words, control + filled) === number) {
        if (Atomics.load(words, control + ended) !== 0) return;
        Atomics.wait(words, control + filled, number);
      }
      if (this.isStopped) return;
      const batch = this.batchIn(this.index * slots + (number % slots));
      if (batch.count > 0) yield batch;
      Atomics.add(words, control + taken, 1);
      Atomics.notify(words, control + taken);
    }
  }

  /** A slot as a batch: its columns are views, nothing is copied. */
  private batchIn(slot: number): PacketBatch {
    const { plan, buffer, interfaceId } = this;
    const at = plan.slotAt[slot] as number;
    const length = new Uint32Array(buffer, at + 4 * slotPackets, slotPackets);
    return {
      count: this.words[plan.counts / 4 + slot] as number,
      bytes: new Uint8Array(buffer, at + columnsOf(slotPackets), slotBytes),
      offset: new Uint32Array(buffer, at, slotPackets),
      length,
      origLength: length,
      time: new BigUint64Array(buffer, at + 8 * slotPackets, slotPackets),
      interfaceId,
      comments: undefined,
    };
  }
}

function endOf({ offset, length }: PacketBatch, i: number): number {
  return (offset[i] as number) + (length[i] as number);
}
