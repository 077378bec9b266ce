/**
 * An object file come alive: the maps of the object ({@link MapStore}), a lane for the packet that runs
 * ({@link Lane}), and the transaction over both; besides, the programs with their references resolved, and what
 * helpers ask the world. Engines share it; the reference interpreter and compiled code see the same bytes.
 *
 * The parts know each other only downwards: maps know no packet, a lane no map, a transaction neither program nor
 * helper. What is left here is what takes them together.
 */
import { InternalError, UnsupportedError, type WasmMemory } from '../base/index.js';
import type { ObjectSpec } from '../object/index.js';
import { asksForConnections, helperNames, kfuncName } from '../platform/index.js';
import { framesOf } from './call-frames.js';
import { Conntrack, ConntrackTable } from './conntrack.js';
import type { Registers } from './engine.js';
import type { FibTable } from './fib.js';
import { type GuestAddress, nowhere } from './guest-address.js';
import { type Callbacks, engineHelper, helperRefusal } from './helpers/index.js';
import { Lane, type Output, type PacketInput } from './lane.js';
import { type LoadedProgram, loadPrograms } from './load-programs.js';
import type { BpfMap } from './map.js';
import { MapStore } from './map-store.js';
import type { RingbufMap } from './maps/index.js';
import { GuestMemory } from './memory.js';
import { Mutex } from './mutex.js';
import { currentRedirect, type RedirectTarget, readRedirect } from './redirect.js';
import { formatFault } from './region.js';
import type { RxMetadata } from './rx-metadata.js';
import { encodeSocket, type SocketTable, sockSize, sockStride } from './sockets.js';
import { Transaction } from './transaction.js';
import { ProgramTrap } from './trap.js';

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
  /** What the device knows of frames, for bpf_xdp_metadata_rx_*; default: a device that tells nothing. */
  readonly rxMetadata?: RxMetadata | undefined;
  /** Connections that bpf_xdp_ct_lookup finds at first; default none. */
  readonly conntrack?: ConntrackTable | undefined;
  /**
   * Packets that can be under way at once: this machine and those that are put {@link Machine.beside} it. Default 1.
   * @internal
   */
  readonly packets?: number | undefined;
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
  /** The first machine's memory, and where in it engines of all lanes allocate; absent in the first machine itself. */
  readonly shared?: SharedLanes | undefined;
}

/** What machines of other threads need of the first one: {@link Machine.shared}. */
export interface SharedLanes {
  readonly memory: WasmMemory;
  readonly areas: GuestAddress;
}

/** Bytes of each lane for what its engines allocate. */
const laneArea = 1 << 22;

/**
 * One object, alive. Not for several threads, unless the memory is shared: then there is one machine a thread, all
 * alike, over the same maps. A packet is set,
 * a program is run by some {@link Engine}, and the results are read off; maps keep what programs did to them.
 */
export class Machine {
  readonly object: ObjectSpec;
  readonly memory: GuestMemory;
  readonly store: MapStore;
  readonly lane: Lane;
  readonly transaction: Transaction;
  readonly programs: readonly LoadedProgram[];
  readonly hz: number;
  readonly seed: bigint;
  readonly fib: FibTable | undefined;
  readonly sockets: SocketTable | undefined;
  readonly rxMetadata: RxMetadata | undefined;
  /** The connections; undefined where no program asks for them. */
  readonly conntrack: Conntrack | undefined;
  /** Guest address of the first socket that look-ups give out; they lie {@link sockStride} bytes apart. */
  readonly socketAddress: GuestAddress;
  /** Guest address of the areas that engines of each lane allocate from. */
  private readonly laneAreas: GuestAddress;
  /** Someone takes what ring buffers hold. */
  readonly hasConsumer: boolean;
  private readonly options: MachineOptions;
  private readonly mutex: Mutex | undefined;
  /** Lanes for machines beside this one. */
  private readonly spare: Lane[];
  /** Number of the helper that runs, for messages. */
  private helper = 0;

  /**
   * Throws BudgetError when the maps do not fit in 4 GiB. Programs that cannot run are no error here: {@link admit}
   * tells. `on`: a machine of the same object whose memory, maps and programs this one is to use, see {@link beside}.
   */
  constructor(object: ObjectSpec, options: MachineOptions = {}, on?: Machine) {
    this.object = object;
    this.options = options;
    this.hz = options.hz ?? 250;
    this.seed = options.seed ?? 1n;
    this.fib = options.fib;
    this.sockets = options.sockets;
    this.rxMetadata = options.rxMetadata;
    this.hasConsumer = options.consumer !== false;
    const { lanes } = options;
    const memory = on?.memory ?? new GuestMemory(lanes !== undefined);
    this.memory = memory;
    if (on === undefined && options.slide !== undefined)
      memory.allocate('scratch', 'slide', options.slide).hi = nowhere;
    this.mutex = on?.mutex ?? (lanes === undefined ? undefined : new Mutex(memory));
    // All lanes at once: maps lie behind them, at the same addresses in all machines that share them, and the context
    // stays below all that its lane's program can reach.
    const count = lanes?.count ?? options.packets ?? 1;
    this.spare = on?.spare ?? Array.from({ length: count }, () => new Lane(memory, framesOf(object)));
    const number = lanes?.index ?? count - this.spare.length;
    const lane = lanes === undefined ? this.spare.shift() : this.spare[lanes.index];
    if (lane === undefined) throw new InternalError('machine', 'there is no such lane');
    this.lane = lane;
    this.socketAddress = on?.socketAddress ?? allocateSockets(memory, options.sockets);
    this.conntrack = on?.conntrack ?? this.layOutConnections(options);
    this.store = on?.store ?? new MapStore(object, options.cpus ?? 1, memory);
    this.programs = on?.programs ?? loadPrograms(object, this.store.maps, memory);
    this.transaction = new Transaction(this.store, lane);
    this.laneAreas = lanes === undefined ? nowhere : this.enterLane(lanes);
    lane.seedRandom(this.seed + BigInt(number));
  }

  /** The first of several machines on one memory fills the table. */
  private layOutConnections({ conntrack = new ConntrackTable(), lanes }: MachineOptions): Conntrack | undefined {
    const asks = this.object.programs.some(({ kfuncs }) => kfuncs.some(({ name }) => asksForConnections(name)));
    if (!asks) return undefined;
    const table = new Conntrack(this.memory, conntrack.max);
    if (lanes?.shared === undefined) table.fill(conntrack.connections, this.hz);
    return table;
  }

  /**
   * Another machine over the maps of this one, in the same memory and thread, with a lane of its own: so that several
   * packets ({@link MachineOptions.packets}) can be under way. Only one of them can have a transaction open.
   */
  beside(): Machine {
    return new Machine(this.object, this.options, this);
  }

  /** What machines of other threads are made with, to be on the same maps. */
  get shared(): SharedLanes {
    return { memory: this.memory.memory, areas: this.laneAreas };
  }

  /** By index in `object.maps`; inner maps that the object does not name come after. */
  get maps(): readonly BpfMap[] {
    return this.store.maps;
  }

  /** Possible CPUs. */
  get cpus(): number {
    return this.store.cpus;
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
    this.lane.arrive(input);
    this.discardRecords();
  }

  /**
   * Before a batch of packets that lie elsewhere: the packet buffer is empty, and the last packet's outputs are
   * forgotten.
   */
  clearPacket(): void {
    this.lane.clear();
    this.discardRecords();
  }

  private discardRecords(): void {
    if (this.hasConsumer) for (const ringbuf of this.store.ringbufs) this.drain(ringbuf);
  }

  /**
   * What the packet left behind so far. Ring buffers have a consumer that is as fast as it can be: it takes the
   * records of a packet when someone looks here, at the latest before the next packet.
   */
  get outputs(): readonly Output[] {
    this.collectOutputs();
    return this.lane.emitted;
  }

  /**
   * Between two packets of a batch: the consumer of the ring buffers takes what is there, but what `packet`, of which
   * this is the record, has left already.
   */
  collectOutputs(packet?: number): void {
    if (!this.hasConsumer) return;
    for (const ringbuf of this.store.ringbufs) {
      for (const data of this.drain(ringbuf, packet))
        this.lane.emitted.push({ kind: 'ringbuf', map: ringbuf.spec.name, data });
    }
  }

  private drain(ringbuf: RingbufMap, packet?: number): readonly Uint8Array[] {
    if (!ringbuf.isRead) return [];
    return this.mutex === undefined ? ringbuf.drain(packet) : this.mutex.hold(() => ringbuf.drain(packet));
  }

  /** Returns where the lanes' areas are. */
  private enterLane({ count, index, shared }: LaneOptions): GuestAddress {
    const { memory } = this;
    if (shared === undefined) return memory.allocate('scratch', 'areas of lanes', count * laneArea).start;
    const start = shared.areas + index * laneArea;
    memory.adopt(shared.memory, start, start + laneArea);
    this.lane.clear();
    return shared.areas;
  }

  /** Target of the last redirect helper call; meaningful with verdict REDIRECT. */
  get redirect(): RedirectTarget | undefined {
    return readRedirect(currentRedirect(this));
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

  // What helpers call.

  /** The map that register `argument` points to, or a trap. */
  mapArgument(registers: Registers, argument: number): BpfMap {
    const map = this.store.at(registers.u32[argument * 2] as number);
    if (map === undefined || registers.u32[argument * 2 + 1] !== 0) this.refuse(`argument ${argument} is not a map`);
    return map;
  }

  /** Guest address in register `argument`, from which the program may read `size` bytes, or a trap. */
  readable(registers: Registers, argument: number, size: number): number {
    const address = registers.u32[argument * 2] as number;
    if (size === 0 && registers.u32[argument * 2 + 1] === 0) return address;
    const wild = registers.u32[argument * 2 + 1] !== 0 || this.lane.isContext(address);
    if (wild || !this.memory.canRead(address, size)) this.memoryTrap(registers, argument, 'read', size);
    return address;
  }

  /** Guest address in register `argument`, to which the program may write `size` bytes, or a trap. */
  writable(registers: Registers, argument: number, size: number): number {
    const address = registers.u32[argument * 2] as number;
    if (size === 0 && registers.u32[argument * 2 + 1] === 0) return address;
    const wild = registers.u32[argument * 2 + 1] !== 0 || this.lane.isContext(address);
    if (wild || !this.memory.canWrite(address, size)) this.memoryTrap(registers, argument, 'write', size);
    return address;
  }

  /** Traps unless register `argument` holds the context. */
  contextArgument(registers: Registers, argument: number): void {
    if (registers.u32[argument * 2] !== this.lane.ctx.start || registers.u32[argument * 2 + 1] !== 0) {
      this.refuse(`argument ${argument} is not the context`);
    }
  }

  /** Stops the packet: the running helper refuses. */
  refuse(what: string): never {
    const name = kfuncName(this.helper) ?? `bpf_${helperNames[this.helper] ?? this.helper}`;
    throw new ProgramTrap({ kind: 'helper', what: `${name}: ${what}` });
  }

  private memoryTrap(registers: Registers, argument: number, access: 'read' | 'write', size: number): never {
    const fault = this.memory.explainFault(access, registers.u64[argument] as bigint, size);
    const text = this.lane.isContext(registers.u32[argument * 2] as number) ? 'it is the context' : formatFault(fault);
    this.refuse(`argument ${argument}: ${text}`);
  }
}

/** Lays the sockets out as an array of read-only `struct bpf_sock`. */
function allocateSockets(memory: GuestMemory, table: SocketTable | undefined): GuestAddress {
  const sockets = table?.sockets ?? [];
  if (sockets.length === 0) return nowhere;
  const region = memory.allocate('scratch', 'socket', sockets.length * sockStride);
  region.stride = sockStride;
  region.span = sockSize;
  region.writable = false;
  for (const [i, socket] of sockets.entries()) memory.write(region.start + i * sockStride, encodeSocket(socket));
  return region.start;
}
