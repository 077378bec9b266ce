/**
 * Packets of a batch in guest memory, a {@link record} each, for engines that run many packets in one call.
 *
 *     records  | record 0 | record 1 | ...                         80 bytes each
 *     window   | what was read: packets and whatever stands between them |
 *     frames   | headroom | packet 0 (| tailroom) | headroom | packet 1 ...
 *
 * What was read goes to the window in one copy. A program that moves no end of its packet cannot tell what lies around
 * it, so its packets stay where they were read: the window is walked from one end to the other, as caches like it. If
 * the program moves the packet's start, packets get a frame of their own with the 256 bytes of headroom, cleared as
 * `PacketBuffer.reset` does; if it moves the end, the tailroom is there as well. Frame start and size in the record
 * are those that the packet would have in the machine's packet buffer (size: a page, or as much as a long packet
 * needs), whatever of it is there: helpers answer alike.
 *
 * Packets in fragments and packets with metadata are not for the arena.
 */
import { headroom, verdictNames } from '../platform/index.js';
import { type ArenaCode, arenaCode, columnBytes, line } from './arena-code.js';
import type { GuestAddress } from './guest-address.js';
import type { PacketInput } from './lane.js';
import type { Machine } from './machine.js';
import { frameSizeOf } from './packet-buffer.js';
import type { PacketColumns } from './packet-columns.js';
import type { PacketMoves } from './packet-moves.js';
import { record } from './packet-record.js';
import { privateState } from './private-state.js';
import type { RedirectNote } from './redirect.js';
import type { Region } from './region.js';

/** How large an arena is, and what programs may do to its packets. */
export interface ArenaOptions {
  readonly moves: PacketMoves;
  /** Packets that fit at most; default 2,048. */
  readonly capacity?: number | undefined;
  /**
   * Bytes of frames; default 1 MiB: calls and their surroundings cost more than what the second-level cache of a core
   * does not hold.
   */
  readonly frameBytes?: number | undefined;
  /** Bytes that {@link PacketArena.load} takes at once; default 512 KiB. At least the longest packet. */
  readonly windowBytes?: number | undefined;
}

/** Filled from columns, run by an engine, read off by columns; then the next batch takes its place. */
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
  private readonly columns: Region;
  /** Guest addresses of words, see {@link arenaCode}. */
  private readonly counts: number;
  private readonly nextFrame: number;
  /** What the column of CPUs holds, if it is one number. */
  private cpu: number | undefined = 0;
  private readonly code: ArenaCode;
  /** Guest address of the next frame. */
  private next: number;
  /** All of guest memory as words: the records are written and read through it. */
  private words: Uint32Array;

  constructor(machine: Machine, { moves, capacity = 2048, frameBytes = 1 << 20, windowBytes = 1 << 19 }: ArenaOptions) {
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
    this.columns = memory.allocate('scratch', 'packet columns', capacity * columnBytes + 4 * verdictNames.length + 4);
    this.columns.hi = this.columns.lo;
    this.counts = this.columns.start + capacity * columnBytes;
    this.nextFrame = this.counts + 4 * verdictNames.length;
    this.words = new Uint32Array(memory.memory.buffer);
    this.code = arenaCode(memory, {
      moves,
      capacity,
      columns: this.columns.start,
      framesEnd: this.frames === undefined ? 0 : this.frames.start + this.frames.size,
      counts: this.counts,
      nextFrame: this.nextFrame,
    });
  }

  /** Longest packet that an empty arena takes. */
  get longest(): number {
    if (this.frames === undefined) return this.windowBytes;
    const around = this.moves === 'tail' ? frameSizeOf(this.frames.size) - this.frames.size + line : headroom;
    return this.frames.size - around;
  }

  /** Guest address of the first record; they lie `record.size` bytes apart. */
  get first(): GuestAddress {
    return this.records.start;
  }

  /** Takes all packets out. */
  clear(): void {
    this.count = 0;
    if (this.frames === undefined) return;
    // Frames without tailroom are little more than headroom: one call clears them all.
    if (this.moves === 'head') this.code.clear(this.frames.start, this.next - this.frames.start);
    this.next = this.frames.start;
  }

  /**
   * Makes `bytes` (at most {@link windowBytes}) what {@link add} takes packets from. The arena must be empty: its
   * packets may lie here.
   */
  load(bytes: Uint8Array): void {
    this.machine.memory.u8.set(bytes, this.window.start);
  }

  /**
   * Adds packets `from` to `to` (exclusive), up to one that is longer than `longest` or does not fit any more; returns
   * how many. What was loaded begins at position `base` of what the columns' offsets count from.
   */
  add(packets: PacketColumns, from: number, to: number, base: number, longest: number = this.longest): number {
    const { memory } = this.machine;
    // Guest memory may have grown.
    if (this.words.buffer !== memory.u8.buffer) this.words = new Uint32Array(memory.u8.buffer);
    const { words, capacity } = this;
    const most = Math.min(to - from, capacity - this.count);
    const column = this.columns.start / 4;
    words.set(packets.offset.subarray(from, from + most), column);
    words.set(packets.length.subarray(from, from + most), column + capacity);
    words.set(packets.times.subarray(2 * from, 2 * (from + most)), column + 2 * capacity);
    const cpus = column + 4 * capacity;
    if (typeof packets.cpu !== 'number') words.set(packets.cpu.subarray(from, from + most), cpus);
    else if (packets.cpu !== this.cpu) words.fill(packets.cpu, cpus, cpus + capacity);
    this.cpu = typeof packets.cpu === 'number' ? packets.cpu : undefined;
    const added = this.code.fill(
      this.recordOf(this.count),
      most,
      this.window.start - base,
      this.next,
      longest,
      this.ingressIfindex,
      this.rxQueueIndex,
      this.egressIfindex,
    );
    this.next = words[this.nextFrame / 4] as number;
    this.count += added;
    return added;
  }

  /** Says which packets these are: `first` is the number of the one of record 0. */
  number(first: number): void {
    for (let i = 0; i < this.count; i++) this.machine.memory.store32(this.recordOf(i) + record.number, first + i);
  }

  /** Adds to `counts[v]` how many packets have verdict v; one that is no index counts as 0, ABORTED. */
  countVerdicts(counts: Float64Array): void {
    const { memory } = this.machine;
    this.code.count(this.records.start, this.count);
    for (let i = 0; i < verdictNames.length; i++)
      counts[i] = (counts[i] as number) + memory.load32(this.counts + 4 * i);
  }

  /** Guest address of record `i`. */
  recordOf(i: number): GuestAddress {
    return (this.records.start + i * record.size) as GuestAddress;
  }

  /** Verdict of packet `i` once it has run: the low half of r0. */
  verdict(i: number): number {
    return this.machine.memory.load32(this.recordOf(i) + record.r0);
  }

  /** Number of the trace that decided packet `i`, 0xffffffff if the host did. */
  trace(i: number): number {
    return this.machine.memory.load32(this.recordOf(i) + record.trace);
  }

  /** Says which trace decided packet `i`. */
  setTrace(i: number, trace: number): void {
    this.machine.memory.store32(this.recordOf(i) + record.trace, trace);
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
    return { machine: this.machine, at: (at + record.redirect) as GuestAddress, ingressIfindex };
  }

  /**
   * Puts packet `i`, which has not run yet, into the machine's packet buffer. Its bytes in the arena are left as they
   * are.
   */
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
      number: memory.load32(at + record.number),
    };
  }

  /**
   * Takes what became of packet `i` back from the machine's packet buffer, and answers for it: `r0` is the verdict.
   */
  fromBuffer(i: number, r0: number): void {
    const { memory } = this.machine;
    const { packet, state } = this.machine.lane;
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
}
