/**
 * Packets of a batch in guest memory, a {@link record} each, for engines that run many packets in one call.
 *
 *     records  | record 0 | record 1 | ...                         80 bytes each
 *     window   | what was read: packets and whatever stands between them |
 *     frames   | headroom | packet 0 (| tailroom) | headroom | packet 1 ...
 *
 * What was read goes to the window in one copy. A program that moves no end of its packet cannot tell what lies around it, so its packets stay
 * where they were read: the window is walked from one end to the other, as caches like it. If the program moves the packet's start, packets
 * get a frame of their own with the 256 bytes of headroom, cleared as `PacketBuffer.reset` does; if it moves the end, the
 * tailroom is there as well. Frame start and size in the record are those that the packet would have in the machine's packet buffer (size: a page, or
 * as much as a long packet needs), whatever of it is there: helpers answer alike.
 *
 * Packets in fragments and packets with metadata are not for the arena.
 */
import { type Bulk, bulkOf } from './bulk.js';
import type { Machine, PacketInput } from './machine.js';
import { frameSizeOf, headroom } from './packet-buffer.js';
import type { PacketMoves } from './packet-moves.js';
import { record } from './packet-record.js';
import { privateState } from './private-state.js';
import type { RedirectNote } from './redirect.js';
import type { Region } from './region.js';

export interface ArenaOptions {
  readonly moves: PacketMoves;
  /** Packets that fit at most; default 512. */
  readonly capacity?: number | undefined;
  /** Bytes of frames; default 256 KiB, which the second-level cache of a core holds. */
  readonly frameBytes?: number | undefined;
  /** Bytes that {@link PacketArena.load} takes at once; default 512 KiB. At least the longest packet. */
  readonly windowBytes?: number | undefined;
}

/** In a record's `trace`: no card has decided the packet. */
const noTrace = 0xffff_ffff;

/** Packets begin at multiples of this: a cache line. Frames that are pages apart would share a handful of cache sets, so one line is added. */
const line = 64;

export class PacketArena {
  /** Packets in it. */
  count = 0;
  readonly machine: Machine;
  readonly capacity: number;
  readonly windowBytes: number;
  /** What all records hold: xdp_md fields that the packets do not bring along. */
  ingressIfindex = 0;
  rxQueueIndex = 0;
  egressIfindex = 0;
  private readonly moves: PacketMoves;
  private readonly records: Region;
  private readonly window: Region;
  private readonly frames: Region | undefined;
  private readonly bulk: Bulk;
  /** Guest address of the next frame. */
  private next: number;
  /** All of guest memory as words: the records are written and read through it. */
  private words: Uint32Array;

  constructor(machine: Machine, { moves, capacity = 512, frameBytes = 1 << 18, windowBytes = 1 << 19 }: ArenaOptions) {
    const { memory } = machine;
    this.machine = machine;
    this.moves = moves;
    this.capacity = capacity;
    this.windowBytes = windowBytes;
    this.records = memory.allocate('scratch', 'packet records', capacity * record.size);
    this.records.hi = this.records.lo;
    this.window = memory.allocate('packet', 'packets as read', windowBytes);
    this.frames = moves === 'none' ? undefined : memory.allocate('packet', 'packet frames', frameBytes);
    this.next = this.frames?.start ?? 0;
    this.words = new Uint32Array(memory.memory.buffer);
    this.bulk = bulkOf(memory);
  }

  /** Longest packet that an empty arena takes. */
  get longest(): number {
    if (this.frames === undefined) return this.windowBytes;
    const around = this.moves === 'tail' ? frameSizeOf(this.frames.size) - this.frames.size + line : headroom;
    return this.frames.size - around;
  }

  /** Guest address of the first record; they lie `record.size` bytes apart. */
  get first(): number {
    return this.records.start;
  }

  /** Takes all packets out. */
  clear(): void {
    const { memory } = this.machine;
    // Guest memory may have grown.
    if (this.words.buffer !== memory.u8.buffer) this.words = new Uint32Array(memory.u8.buffer);
    this.count = 0;
    if (this.frames === undefined) return;
    // Frames without tailroom are little more than headroom: one call clears them all.
    if (this.moves === 'head') this.bulk.clear(this.frames.start, this.next - this.frames.start);
    this.next = this.frames.start;
  }

  /** Makes `bytes` (at most {@link windowBytes}) what {@link add} takes packets from. The arena must be empty: its packets may lie here. */
  load(bytes: Uint8Array): void {
    this.machine.memory.u8.set(bytes, this.window.start);
  }

  /**
   * Adds the packet at `offset` of what was loaded, of at most {@link longest} bytes. `nowLow` and `nowHigh` are halves of the time. False, with nothing done, if
   * it does not fit any more.
   */
  add(offset: number, length: number, nowLow: number, nowHigh: number, cpu: number): boolean {
    if (this.count === this.capacity) return false;
    const { words, frames } = this;
    const source = this.window.start + offset;
    let data = source;
    let frameStart = source - headroom;
    if (frames !== undefined) {
      frameStart = this.next;
      const next = frameStart + this.roomFor(length);
      if (next > frames.start + frames.size) return false;
      this.next = next;
      data = frameStart + headroom;
      if (this.moves === 'tail') this.bulk.clear(frameStart, headroom);
      // What is copied behind the packet's end is of its own line.
      this.bulk.copy(data, source, length);
    }
    const at = (this.records.start + this.count * record.size) >>> 2;
    words[at + record.data / 4] = data;
    words[at + record.dataEnd / 4] = data + length;
    words[at + record.dataMeta / 4] = data;
    words[at + record.ingressIfindex / 4] = this.ingressIfindex;
    words[at + record.rxQueueIndex / 4] = this.rxQueueIndex;
    words[at + record.egressIfindex / 4] = this.egressIfindex;
    words[at + record.now / 4] = nowLow;
    words[at + record.now / 4 + 1] = nowHigh;
    words[at + record.frameStart / 4] = frameStart;
    words[at + record.frameSize / 4] = frameSizeOf(length);
    words[at + record.redirect / 4] = 0;
    words[at + record.trace / 4] = noTrace;
    words[at + record.cpu / 4] = cpu;
    this.count++;
    return true;
  }

  /** Adds to `counts[v]` how many packets have verdict v; one that is no index counts as 0, ABORTED. */
  countVerdicts(counts: Float64Array): void {
    const { words } = this;
    let at = (this.records.start + record.r0) >>> 2;
    for (let i = 0; i < this.count; i++, at += record.size / 4) {
      const verdict = words[at] as number;
      const index = verdict < counts.length ? verdict : 0;
      counts[index] = (counts[index] as number) + 1;
    }
  }

  /** Guest address of record `i`. */
  recordOf(i: number): number {
    return this.records.start + i * record.size;
  }

  /** Verdict of packet `i` once it has run: the low half of r0. */
  verdict(i: number): number {
    return this.machine.memory.load32(this.recordOf(i) + record.r0);
  }

  /** Number of the trace that decided packet `i`, {@link noTrace} if the host did. */
  trace(i: number): number {
    return this.machine.memory.load32(this.recordOf(i) + record.trace);
  }

  /** Packet `i` as it is now: a copy. */
  bytes(i: number): Uint8Array {
    return this.read(i, record.data, record.dataEnd);
  }

  /** Metadata of packet `i` as it is now: a copy. */
  metaBytes(i: number): Uint8Array {
    return this.read(i, record.dataMeta, record.data);
  }

  /** Where the redirect of packet `i` is noted. */
  redirect(i: number): RedirectNote {
    const at = this.recordOf(i);
    const ingressIfindex = this.machine.memory.load32(at + record.ingressIfindex);
    return { machine: this.machine, at: at + record.redirect, ingressIfindex };
  }

  /** Puts packet `i`, which has not run yet, into the machine's packet buffer. Its bytes in the arena are left as they are. */
  toBuffer(i: number): void {
    this.machine.setPacket(this.input(i));
  }

  /** Packet `i`, which has not run yet, with all that it brings along. Its data is where it lies. */
  input(i: number): PacketInput {
    const { memory } = this.machine;
    const at = this.recordOf(i);
    const data = memory.load32(at + record.data);
    return {
      data: memory.u8.subarray(data, memory.load32(at + record.dataEnd)),
      ingressIfindex: memory.load32(at + record.ingressIfindex),
      rxQueueIndex: memory.load32(at + record.rxQueueIndex),
      egressIfindex: memory.load32(at + record.egressIfindex),
      now: memory.load64(at + record.now),
      cpu: memory.load32(at + record.cpu),
    };
  }

  /** Takes what became of packet `i` back from the machine's packet buffer, and answers for it: `r0` is the verdict. */
  fromBuffer(i: number, r0: number): void {
    const { memory, packet, state } = this.machine;
    const at = this.recordOf(i);
    const shift = memory.load32(at + record.frameStart) - packet.region.start;
    memory.u8.copyWithin(packet.dataMeta + shift, packet.dataMeta, packet.dataEnd);
    memory.store32(at + record.data, packet.data + shift);
    memory.store32(at + record.dataEnd, packet.dataEnd + shift);
    memory.store32(at + record.dataMeta, packet.dataMeta + shift);
    memory.storeHalves(at + record.r0, r0, 0);
    memory.copy(at + record.redirect, state + privateState.redirectKind, 16);
  }

  private read(i: number, from: number, to: number): Uint8Array {
    const { memory } = this.machine;
    const start = memory.load32(this.recordOf(i) + from);
    return memory.read(start, memory.load32(this.recordOf(i) + to) - start);
  }

  /** Bytes of `frames` that a packet takes: whole lines. */
  private roomFor(length: number): number {
    const size = this.moves === 'tail' ? frameSizeOf(length) + line : headroom + length;
    return (size + line - 1) & -line;
  }
}
