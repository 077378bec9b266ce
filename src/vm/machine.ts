/**
 * An object file come alive: its maps in guest memory, its programs with their references resolved, one packet at a
 * time, and everything besides registers that an engine needs. Engines share it; the reference interpreter and
 * compiled code see the same bytes.
 *
 * Whatever a program can change is either guest memory, and so known to the journal, or one of `outputs`. So a
 * transaction is a journal and the length of `outputs`.
 */
import { InternalError, UnsupportedError, type WasmMemory } from '../base/index.js';
import type { ObjectSpec } from '../object/index.js';
import { helperNames, stackSize, xdpMd } from '../platform/index.js';
import { framesOf } from './call-frames.js';
import { createMaps } from './create-maps.js';
import type { Registers } from './engine.js';
import type { FibTable } from './fib.js';
import { type Callbacks, engineHelper, helperRefusal, type Walk } from './helpers/index.js';
import { Journal } from './journal.js';
import { type LoadedProgram, loadPrograms } from './load-programs.js';
import type { BpfMap } from './map.js';
import { RingbufMap } from './maps/index.js';
import { GuestMemory } from './memory.js';
import { Mutex } from './mutex.js';
import { PacketBuffer, packetStateSize } from './packet-buffer.js';
import { privateState } from './private-state.js';
import { currentRedirect, type RedirectTarget, readRedirect } from './redirect.js';
import { formatFault, type Region } from './region.js';
import { encodeSocket, type SocketTable, sockSize, sockStride } from './sockets.js';
import { ProgramTrap } from './trap.js';

export type { LoadedProgram } from './load-programs.js';

/** What a packet left behind besides verdict, bytes and maps. */
export type Output =
  | { readonly kind: 'perf'; readonly map: string; readonly index: number; readonly data: Uint8Array }
  | { readonly kind: 'ringbuf'; readonly map: string; readonly data: Uint8Array }
  | { readonly kind: 'printk'; readonly text: string };

/** The machine that a program runs on: CPUs, clocks, randomness, tables. Equal options, equal results. */
export interface MachineOptions {
  /** Number of possible CPUs (per-CPU values); default 1. */
  readonly cpus?: number | undefined;
  /** Seed of bpf_get_prandom_u32 and of the syncookie keys; default 1. */
  readonly seed?: bigint | undefined;
  /** CONFIG_HZ of the kernel that is imitated: jiffies and the coarse clock; default 250. */
  readonly hz?: number | undefined;
  /** Routes, neighbours and interfaces of bpf_fib_lookup and bpf_check_mtu; default none. */
  readonly fib?: FibTable | undefined;
  /** Sockets that the socket look-ups find; default none. */
  readonly sockets?: SocketTable | undefined;
  /** One of several machines on the same memory and maps, each in a thread of its own. @internal */
  readonly lanes?: LaneOptions | undefined;
  /**
   * Bytes by which all guest addresses are shifted; a program whose outcome changes with it treats pointers as data.
   * Default 0.
   */
  readonly slide?: number | undefined;
  /**
   * Does someone take the records of ring buffers? Default true; under BPF_PROG_TEST_RUN no one does, and they fill
   * up.
   */
  readonly consumer?: boolean | undefined;
}

/**
 * Machines of one object that share maps. Each has a context, stacks, private state and packet buffer of its own, its
 * *lane*: all machines allocate those of all lanes, so the maps behind them lie at the same addresses everywhere. The
 * first machine fills the maps; the others take over its memory.
 */
export interface LaneOptions {
  readonly count: number;
  /** Whose packet buffer and state this machine uses, from 0. */
  readonly index: number;
  /** The first machine's memory, and where in it {@link Machine.laneAreas} are; absent in the first machine itself. */
  readonly shared?: { readonly memory: WasmMemory; readonly areas: number } | undefined;
}

/** Bytes of each lane for what its engines allocate. */
const laneArea = 1 << 22;

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
  /** Lay a long packet out in fragments: set it from the program's `spec.frags`. Default false. */
  readonly frags?: boolean | undefined;
}

const noBytes = new Uint8Array(0);

/** See {@link Machine.savepoint}. */
export interface Savepoint {
  readonly entries: number;
  readonly bytes: number;
  readonly outputs: number;
}

/**
 * One object, alive. Not for several threads, unless the memory is shared: then there is one machine a thread, all
 * alike, over the same maps. A packet is set,
 * a program is run by some {@link Engine}, and the results are read off; maps keep what programs did to them.
 */
export class Machine {
  readonly object: ObjectSpec;
  readonly memory: GuestMemory;
  /** By index in `object.maps`; inner maps that the object does not name come after. */
  readonly maps: readonly BpfMap[];
  readonly programs: readonly LoadedProgram[];
  readonly cpus: number;
  readonly hz: number;
  readonly seed: bigint;
  readonly fib: FibTable | undefined;
  readonly sockets: SocketTable | undefined;
  /** xdp_md; its address is what a program gets in r1. */
  readonly ctx: Region;
  readonly packet: PacketBuffer;
  /**
   * Stack of each call depth, deepest last; r10 is the frame's `hi`. More than a program may open where functions
   * tail-call (call-frames.ts).
   */
  readonly frames: readonly Region[];
  /** Guest memory for helpers' own use while they run: 8 KiB, private. */
  readonly scratch: number;
  /** Guest address of the first socket that look-ups give out; they lie {@link sockStride} bytes apart. */
  readonly socketAddress: number;
  /** Address of the private state. */
  readonly state: number;
  /** Guest address of the areas that engines of each lane allocate from. */
  readonly laneAreas: number;
  private readonly mutex: Mutex | undefined;
  private readonly lane: number;
  private readonly emitted: Output[] = [];
  /** By level: see helpers/walk-helpers.ts. */
  readonly walks: Walk[] = [];
  readonly ringbufs: readonly RingbufMap[];
  /** Someone takes what ring buffers hold. */
  readonly hasConsumer: boolean;
  /** Nanoseconds since boot, and CPU, of the current packet. */
  now = 0n;
  cpu = 0;
  /** Program that bpf_tail_call chose; the engine takes it and sets it back. */
  tailTarget: LoadedProgram | undefined = undefined;
  /** Tail calls of the current run; engines set it to 0 at the start. */
  tailCalls = 0;
  /** Number of the helper that runs, for messages. */
  private helper = 0;
  private readonly journal = new Journal();
  private outputsAtBegin = 0;
  private readonly mapByHandle = new Map<number, BpfMap>();

  /**
   * Throws BudgetError when the maps do not fit in 4 GiB. Programs that cannot run are no error here: {@link admit}
   * tells.
   */
  constructor(object: ObjectSpec, options: MachineOptions = {}) {
    this.object = object;
    this.cpus = options.cpus ?? 1;
    this.hz = options.hz ?? 250;
    this.seed = options.seed ?? 1n;
    this.fib = options.fib;
    this.sockets = options.sockets;
    const { lanes } = options;
    this.lane = lanes?.index ?? 0;
    const memory = new GuestMemory(lanes !== undefined);
    this.memory = memory;
    if (options.slide !== undefined) memory.allocate('scratch', 'slide', options.slide).hi = 0;
    if (lanes !== undefined) this.mutex = new Mutex(memory);
    const own = Array.from({ length: lanes?.count ?? 1 }, () => allocateLane(memory, framesOf(object)))[
      lanes?.index ?? 0
    ];
    if (own === undefined) throw new InternalError('machine', 'there is no such lane');
    this.ctx = own.ctx;
    this.frames = own.frames;
    this.state = own.state;
    this.scratch = own.scratch;
    this.packet = own.packet;
    this.socketAddress = allocateSockets(memory, options.sockets);
    this.maps = createMaps(object, memory, this.cpus);
    this.ringbufs = this.maps.filter((map) => map instanceof RingbufMap);
    this.hasConsumer = options.consumer !== false;
    for (const map of this.maps) this.mapByHandle.set(map.handle, map);
    this.programs = loadPrograms(object, this.maps, memory);
    this.laneAreas = lanes === undefined ? 0 : this.enterLane(lanes);
    this.seedRandom();
  }

  /**
   * Throws UnsupportedError (or InputError) when Linux or jitnic would refuse to load the program; names the place.
   */
  admit(program: LoadedProgram): void {
    if (program.refusal !== undefined) throw program.refusal;
  }

  /**
   * Puts a packet into the packet buffer, fills xdp_md and forgets the last packet's outputs. Throws InputError for
   * impossible sizes.
   */
  setPacket(input: PacketInput): void {
    const { memory, ctx } = this;
    this.packet.reset(input.data, input.meta, input.frags === true);
    memory.store32(ctx.start + xdpMd.ingressIfindex, input.ingressIfindex ?? 0);
    memory.store32(ctx.start + xdpMd.rxQueueIndex, input.rxQueueIndex ?? 0);
    memory.store32(ctx.start + xdpMd.egressIfindex, input.egressIfindex ?? 0);
    this.now = input.now ?? 0n;
    this.cpu = input.cpu ?? 0;
    this.forgetPacket();
  }

  /**
   * Before a batch of packets that lie elsewhere: the packet buffer is empty, and the last packet's outputs are
   * forgotten.
   */
  clearPacket(): void {
    this.packet.reset(noBytes, undefined, false);
    this.forgetPacket();
  }

  private forgetPacket(): void {
    const { memory, state } = this;
    memory.store32(state + privateState.redirectKind, 0);
    memory.store32(state + privateState.lock, 0);
    memory.store32(state + privateState.sockets, 0);
    if (this.hasConsumer) for (const ringbuf of this.ringbufs) this.drain(ringbuf);
    if (this.emitted.length > 0) this.emitted.length = 0;
  }

  /**
   * What the packet left behind so far. Ring buffers have a consumer that is as fast as it can be: it takes the
   * records of a packet when someone looks here, at the latest before the next packet.
   */
  get outputs(): readonly Output[] {
    this.collectOutputs();
    return this.emitted;
  }

  /**
   * Between two packets of a batch: the consumer of the ring buffers takes what is there, but what `packet`, of which
   * this is the record, has left already.
   */
  collectOutputs(packet?: number): void {
    if (!this.hasConsumer) return;
    for (const ringbuf of this.ringbufs) {
      for (const data of this.drain(ringbuf, packet))
        this.emitted.push({ kind: 'ringbuf', map: ringbuf.spec.name, data });
    }
  }

  /** Before a batch of compiled code, which tells ring buffers which packet's record they serve. */
  forgetRingPackets(): void {
    for (const ringbuf of this.ringbufs) ringbuf.forgetPacket();
  }

  /** After compiled code reserved or closed records: helpers may touch those that are reserved. */
  openRingWindows(): void {
    for (const ringbuf of this.ringbufs) ringbuf.openWindow();
  }

  private drain(ringbuf: RingbufMap, packet?: number): readonly Uint8Array[] {
    return this.mutex === undefined ? ringbuf.drain(packet) : this.mutex.hold(() => ringbuf.drain(packet));
  }

  /** Returns where the lanes' areas are. */
  private enterLane({ count, index, shared }: LaneOptions): number {
    const { memory } = this;
    if (shared === undefined) return memory.allocate('scratch', 'areas of lanes', count * laneArea).start;
    const start = shared.areas + index * laneArea;
    memory.adopt(shared.memory, start, start + laneArea);
    this.packet.reset(noBytes, undefined, false);
    return shared.areas;
  }

  /** For helpers: adds to {@link outputs}. */
  emit(output: Output): void {
    this.emitted.push(output);
  }

  /** The packet as it is now, fragments joined: a copy. */
  packetBytes(): Uint8Array {
    return this.packet.bytes();
  }

  /** Metadata as it is now: a copy. */
  metaBytes(): Uint8Array {
    return this.packet.metaBytes();
  }

  /** Target of the last redirect helper call; meaningful with verdict REDIRECT. */
  get redirect(): RedirectTarget | undefined {
    return readRedirect(currentRedirect(this));
  }

  /** Starts a transaction; they do not nest. */
  begin(): void {
    if (this.memory.journal !== null) throw new InternalError('machine', 'a transaction is already open');
    this.journal.clear();
    this.memory.journal = this.journal;
    this.outputsAtBegin = this.emitted.length;
  }

  commit(): void {
    this.closeJournal();
  }

  /**
   * Restores everything that a program can change. Stack contents are not restored: a frame is cleared when it is
   * entered.
   */
  rollback(): void {
    this.closeJournal().rollback(this.memory.u8);
    this.emitted.length = this.outputsAtBegin;
    this.packet.sync();
    for (const map of this.maps) map.rolledBack();
  }

  /** A place in the open transaction that {@link rollbackTo} goes back to. */
  savepoint(): Savepoint {
    return { entries: this.journal.length, bytes: this.journal.oldLength, outputs: this.emitted.length };
  }

  /** Undoes what the open transaction did since the savepoint; it stays open. */
  rollbackTo(savepoint: Savepoint): void {
    if (this.memory.journal === null) throw new InternalError('machine', 'no transaction is open');
    this.journal.rollback(this.memory.u8, savepoint.entries);
    this.emitted.length = savepoint.outputs;
    this.packet.sync();
    for (const map of this.maps) map.rolledBack();
  }

  private closeJournal(): Journal {
    if (this.memory.journal === null) throw new InternalError('machine', 'no transaction is open');
    this.memory.journal = null;
    return this.journal;
  }

  // What engines call.

  /**
   * Runs helper `id` on r1 to r5; the result is in r0. Throws ProgramTrap when an argument is bad, UnsupportedError
   * for a helper that does not exist for XDP (reached only where loading could not see that it would be).
   */
  callHelper(id: number, registers: Registers, callbacks: Callbacks): void {
    const helper = engineHelper(id);
    if (helper === undefined) throw new UnsupportedError(helperRefusal(id));
    this.helper = id;
    if (this.mutex === undefined) helper(this, registers, callbacks);
    else this.mutex.hold(() => helper(this, registers, callbacks));
  }

  /**
   * Clears and opens the stack frame of call depth `depth` (an index of {@link frames}) and closes the deeper ones.
   * Returns r10.
   */
  enterFrame(depth: number): number {
    const frame = this.frames[depth];
    if (frame === undefined) throw new InternalError('machine', `no frame ${depth}`);
    frame.lo = frame.hi - stackSize;
    // Not through the journal: see `rollback`.
    this.memory.u8.fill(0, frame.lo, frame.hi);
    return frame.hi;
  }

  /** Closes the stack frame of call depth `depth`. */
  leaveFrame(depth: number): void {
    const frame = this.frames[depth];
    if (frame !== undefined) frame.lo = frame.hi;
  }

  /** The slot that a code address stands for, or -1 when it is none of `program`'s. */
  slotAt(program: LoadedProgram, address: bigint): number {
    const offset = Number(address) - program.code;
    return offset >= 0 && offset < program.insns.length * 8 && offset % 8 === 0 ? offset / 8 : -1;
  }

  // What helpers call.

  /** The map that register `argument` points to, or a trap. */
  mapArgument(registers: Registers, argument: number): BpfMap {
    const map = this.mapByHandle.get(registers.u32[argument * 2] as number);
    if (map === undefined || registers.u32[argument * 2 + 1] !== 0) this.refuse(`argument ${argument} is not a map`);
    return map;
  }

  /** The map whose handle is `address`. */
  mapAt(address: number): BpfMap | undefined {
    return this.mapByHandle.get(address);
  }

  /** Guest address in register `argument`, from which the program may read `size` bytes, or a trap. */
  readable(registers: Registers, argument: number, size: number): number {
    const address = registers.u32[argument * 2] as number;
    if (size === 0 && registers.u32[argument * 2 + 1] === 0) return address;
    const wild = registers.u32[argument * 2 + 1] !== 0 || this.isContext(address);
    if (wild || !this.memory.canRead(address, size)) this.memoryTrap(registers, argument, 'read', size);
    return address;
  }

  /** Guest address in register `argument`, to which the program may write `size` bytes, or a trap. */
  writable(registers: Registers, argument: number, size: number): number {
    const address = registers.u32[argument * 2] as number;
    if (size === 0 && registers.u32[argument * 2 + 1] === 0) return address;
    const wild = registers.u32[argument * 2 + 1] !== 0 || this.isContext(address);
    if (wild || !this.memory.canWrite(address, size)) this.memoryTrap(registers, argument, 'write', size);
    return address;
  }

  /** Traps unless register `argument` holds the context. */
  contextArgument(registers: Registers, argument: number): void {
    if (registers.u32[argument * 2] !== this.ctx.start || registers.u32[argument * 2 + 1] !== 0) {
      this.refuse(`argument ${argument} is not the context`);
    }
  }

  /** Stops the packet: the running helper refuses. */
  refuse(what: string): never {
    throw new ProgramTrap({ kind: 'helper', what: `bpf_${helperNames[this.helper] ?? this.helper}: ${what}` });
  }

  private memoryTrap(registers: Registers, argument: number, access: 'read' | 'write', size: number): never {
    const fault = this.memory.explainFault(access, registers.u64[argument] as bigint, size);
    const text = this.isContext(registers.u32[argument * 2] as number) ? 'it is the context' : formatFault(fault);
    this.refuse(`argument ${argument}: ${text}`);
  }

  private isContext(address: number): boolean {
    return address >= this.ctx.start && address < this.ctx.start + xdpMd.size;
  }

  private seedRandom(): void {
    const [low, high] = mixSeed(this.seed + BigInt(this.lane));
    this.memory.store32(this.state + privateState.random, low);
    this.memory.store32(this.state + privateState.random + 4, high);
  }
}

/** What belongs to the packet that runs. */
interface Lane {
  readonly ctx: Region;
  readonly frames: readonly Region[];
  readonly state: number;
  readonly scratch: number;
  readonly packet: PacketBuffer;
}

function allocateLane(memory: GuestMemory, frameCount: number): Lane {
  const ctx = memory.allocate('ctx', 'context', xdpMd.size);
  ctx.writable = false;
  const frames = Array.from({ length: frameCount }, (_, depth) => allocateFrame(memory, depth));
  const state = memory.allocate('scratch', 'private state', privateState.packet + packetStateSize);
  const scratch = memory.allocate('scratch', 'helper scratch', 0x2000);
  state.hi = state.lo;
  scratch.hi = scratch.lo;
  const packet = new PacketBuffer(memory, ctx.start, state.start + privateState.packet);
  return { ctx, frames, state: state.start, scratch: scratch.start, packet };
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

/** Lays the sockets out as an array of read-only `struct bpf_sock`. */
function allocateSockets(memory: GuestMemory, table: SocketTable | undefined): number {
  const sockets = table?.sockets ?? [];
  if (sockets.length === 0) return 0;
  const region = memory.allocate('scratch', 'socket', sockets.length * sockStride);
  region.stride = sockStride;
  region.span = sockSize;
  region.writable = false;
  for (const [i, socket] of sockets.entries()) memory.write(region.start + i * sockStride, encodeSocket(socket));
  return region.start;
}
