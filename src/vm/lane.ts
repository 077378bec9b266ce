/**
 * What belongs to the packet that runs, and to no other: xdp_md, packet buffer, stack frames, private state, clock and
 * CPU, and what it has put out. A machine is the maps of an object ({@link MapStore}), a lane, and the transaction
 * over both; machines that share maps have a lane each, so packets of several can be under way.
 *
 * Everything here that a rollback has to restore is guest memory, or the length of {@link Lane.emitted}.
 */
import { InternalError } from '../base/index.js';
import { stackSize, xdpMd } from '../platform/index.js';
import type { GuestAddress } from './guest-address.js';
import type { Walk } from './helpers/index.js';
import type { LoadedProgram } from './load-programs.js';
import type { GuestMemory } from './memory.js';
import { PacketBuffer, packetStateSize } from './packet-buffer.js';
import { privateState } from './private-state.js';
import type { Region } from './region.js';

/** What a packet left behind besides verdict, bytes and maps. */
export type Output =
  | { readonly kind: 'perf'; readonly map: string; readonly index: number; readonly data: Uint8Array }
  | { readonly kind: 'ringbuf'; readonly map: string; readonly data: Uint8Array }
  | { readonly kind: 'printk'; readonly text: string };

/** A packet, and how it arrives. */
export interface PacketInput {
  /** The frame, from its Ethernet header on; copied. */
  readonly data: Uint8Array;
  /** Bytes of metadata before the data; default none. */
  readonly meta?: Uint8Array | undefined;
  /** `xdp_md.ingress_ifindex`; default 0. */
  readonly ingressIfindex?: number | undefined;
  /** `xdp_md.rx_queue_index`; default 0. */
  readonly rxQueueIndex?: number | undefined;
  readonly egressIfindex?: number | undefined;
  /** Nanoseconds since boot; what bpf_ktime_get_ns and its kin see. Default 0. */
  readonly now?: bigint | undefined;
  /** CPU that runs the program; default 0. */
  readonly cpu?: number | undefined;
  /** Its number, from 1: what {@link RxMetadata} has it under. Default 0, none. */
  readonly number?: number | undefined;
  /** Lay a long packet out in fragments: set it from the program's `spec.frags`. Default false. */
  readonly frags?: boolean | undefined;
}

const noBytes = new Uint8Array(0);

/**
 * One packet's surroundings. Filled by {@link Lane.arrive}, changed by engines and helpers, read off, filled again.
 */
export class Lane {
  /** xdp_md; its address is what a program gets in r1. */
  readonly ctx: Region;
  readonly packet: PacketBuffer;
  /**
   * Stack of each call depth, deepest last; r10 is the frame's `hi`. More than a program may open where functions
   * tail-call (call-frames.ts).
   */
  readonly frames: readonly Region[];
  /** Guest address of the private state (private-state.ts). */
  readonly state: GuestAddress;
  /** Guest memory for helpers' own use while they run: 8 KiB, private. */
  readonly scratch: GuestAddress;
  /** By level: see helpers/walk-helpers.ts. */
  readonly walks: Walk[] = [];
  /** Nanoseconds since boot, and CPU, of the current packet. */
  now = 0n;
  cpu = 0;
  /** Number of the current packet, see {@link PacketInput.number}. */
  number = 0;
  /** Program that bpf_tail_call chose; the engine takes it and sets it back. */
  tailTarget: LoadedProgram | undefined = undefined;
  /** Tail calls of the current run; engines set it to 0 at the start. */
  tailCalls = 0;
  /** What the packet has put out so far, but for what still lies in ring buffers ({@link Machine.outputs}). */
  readonly emitted: Output[] = [];
  /**
   * What every byte of a frame is when it is entered; who looks for programs that read such bytes says another one.
   */
  stackFill = 0;
  private readonly memory: GuestMemory;

  /** Allocates all of it. `frameCount`: call depths. */
  constructor(memory: GuestMemory, frameCount: number) {
    this.memory = memory;
    this.ctx = memory.allocate('ctx', 'context', xdpMd.size);
    this.ctx.writable = false;
    this.frames = Array.from({ length: frameCount }, (_, depth) => allocateFrame(memory, depth));
    const state = memory.allocate('scratch', 'private state', privateState.packet + packetStateSize);
    const scratch = memory.allocate('scratch', 'helper scratch', 0x2000);
    state.hi = state.lo;
    scratch.hi = scratch.lo;
    this.state = state.start;
    this.scratch = scratch.start;
    this.packet = new PacketBuffer(memory, this.ctx.start, state.start + privateState.packet);
  }

  /** Puts a packet in and forgets the last one. Throws InputError for impossible sizes. */
  arrive(input: PacketInput): void {
    const { memory, ctx } = this;
    this.packet.reset(input.data, input.meta, input.frags === true);
    memory.store32(ctx.start + xdpMd.ingressIfindex, input.ingressIfindex ?? 0);
    memory.store32(ctx.start + xdpMd.rxQueueIndex, input.rxQueueIndex ?? 0);
    memory.store32(ctx.start + xdpMd.egressIfindex, input.egressIfindex ?? 0);
    this.now = input.now ?? 0n;
    this.cpu = input.cpu ?? 0;
    this.number = input.number ?? 0;
    this.forget();
  }

  /** No packet: the buffer is empty, and the last one is forgotten. */
  clear(): void {
    this.packet.reset(noBytes, undefined, false);
    this.forget();
  }

  private forget(): void {
    const { memory, state } = this;
    memory.store32(state + privateState.redirectKind, 0);
    memory.store32(state + privateState.lock, 0);
    memory.store32(state + privateState.references, 0);
    if (this.emitted.length > 0) this.emitted.length = 0;
  }

  /** Seeds the generator of random numbers: lanes of one machine differ by `seed`. */
  seedRandom(seed: bigint): void {
    const [low, high] = mixSeed(seed);
    this.memory.store32(this.state + privateState.random, low);
    this.memory.store32(this.state + privateState.random + 4, high);
  }

  /**
   * Clears and opens the stack frame of call depth `depth` (an index of {@link frames}) and closes the deeper ones.
   * Returns r10.
   */
  enterFrame(depth: number): GuestAddress {
    const frame = this.frames[depth];
    if (frame === undefined) throw new InternalError('machine', `no frame ${depth}`);
    frame.openTop(stackSize);
    // Not through the journal: see `Transaction.rollback`.
    this.memory.u8.fill(this.stackFill, frame.lo, frame.hi);
    return frame.hi;
  }

  /** Closes the stack frame of call depth `depth`. */
  leaveFrame(depth: number): void {
    const frame = this.frames[depth];
    if (frame !== undefined) frame.lo = frame.hi;
  }

  /** The field of xdp_md at that offset, as it stands in memory. */
  contextField(offset: number): number {
    return this.memory.load32(this.ctx.start + offset);
  }

  /** What registers hold that point to the context and to the packet's ends. */
  get pointers(): { readonly [place in 'context' | 'data' | 'dataEnd' | 'dataMeta']: bigint } {
    const { data, dataEnd, dataMeta } = this.packet;
    return {
      context: BigInt(this.ctx.start),
      data: BigInt(data),
      dataEnd: BigInt(dataEnd),
      dataMeta: BigInt(dataMeta),
    };
  }

  /** Which frame's stack a register's value points into, and how far from that frame's r10; undefined: none's. */
  onStack(value: bigint): { readonly depth: number; readonly distance: number } | undefined {
    const at = Number(value);
    const depth = this.frames.findIndex(({ hi }) => at >= hi - stackSize && at < hi);
    const frame = this.frames[depth];
    return frame && { depth, distance: at - frame.hi };
  }

  /** True if the address lies in xdp_md. */
  isContext(address: number): boolean {
    return address >= this.ctx.start && address < this.ctx.start + xdpMd.size;
  }
}

/**
 * A frame has a region of 4 KiB of which the last {@link stackSize} bytes count, so that running off either end is
 * seen as such.
 */
function allocateFrame(memory: GuestMemory, depth: number): Region {
  const region = memory.allocate('stack', `stack frame ${depth}`, 0x1000);
  region.lo = region.hi;
  return region;
}

/** Spreads a 64-bit seed over the generator's two words (SplitMix64, Steele, Lea and Flood 2014); never both zero. */
function mixSeed(seed: bigint): [number, number] {
  let z = BigInt.asUintN(64, seed + 0x9e3779b97f4a7c15n);
  z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
  z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d049bb133111ebn);
  z ^= z >> 31n;
  return z === 0n ? [1, 0] : [Number(z & 0xffffffffn), Number(z >> 32n)];
}
