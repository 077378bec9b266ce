/**
 * The kfuncs of connection tracking (net/netfilter/nf_conntrack_bpf.c, nf_nat_bpf.c) on a machine's {@link Conntrack}.
 * One network namespace: that of the interface that packets come in on.
 */
import { connStatus, errno, nfConnAt, tupleAt } from '../../platform/index.js';
import { type Conntrack, encodeTuple, invertTuple, slotState } from '../conntrack.js';
import type { Registers } from '../engine.js';
import type { Machine } from '../machine.js';
import { privateState } from '../private-state.js';
import { jiffies } from './environment-helpers.js';
import { s32, setSigned, setUnsigned, u32, u64 } from './helper.js';

/** struct bpf_ct_opts. Older programs end it with the zone. */
const opts = { netnsId: 0, error: 4, protocol: 8, direction: 9, zoneId: 10, zoneDirection: 12, reserved: 13 } as const;
const optsSize = 16;
const oldOptsSize = 12;

const tcp = 6;
const udp = 17;
const bothDirections = 3;
const maxTimeout = 0x7fffffffn;
/** Seconds that a new connection has. */
const firstTimeout = 10;

/** What a look-up or a new connection is asked for. */
interface Asked {
  /** In the original direction. */
  readonly tuple: Uint8Array;
  readonly zone: { readonly id: number; readonly directions: number };
}

function table(machine: Machine): Conntrack {
  const conntrack = machine.conntrack ?? machine.refuse('the program has no connection table');
  conntrack.start(now(machine));
  return conntrack;
}

/** jiffies as connections have them: the lower 32 bits. */
function now(machine: Machine): number {
  return Number(jiffies(machine) & 0xffffffffn);
}

/**
 * (ctx, tuple, its size, opts, their size): what they ask for, or the negated error (__bpf_nf_ct_lookup, and for a
 * new connection __bpf_nf_ct_alloc_entry, which looks at the namespace first).
 */
function parse(machine: Machine, registers: Registers, isNew: boolean): Asked | number {
  machine.contextArgument(registers, 1);
  const { memory } = machine;
  const tupleSize = u32(registers, 3);
  const size = u32(registers, 5);
  const from = memoryOrNull(machine, registers, 2, tupleSize);
  const at = memoryOrNull(machine, registers, 4, size);
  if (from === 0 || at === 0 || (size !== optsSize && size !== oldOptsSize)) return -errno.EINVAL;
  const zoneId = memory.load16(at + opts.zoneId);
  if (size === oldOptsSize && zoneId !== 0) return -errno.EINVAL;
  if (size === optsSize && memory.read(at + opts.reserved, 3).some((byte) => byte !== 0)) return -errno.EINVAL;
  const protocol = memory.load8(at + opts.protocol);
  const netns = memory.load32(at + opts.netnsId) | 0;
  const isKnown = protocol === tcp || protocol === udp;
  const width = tupleSize === 12 ? 4 : tupleSize === 36 ? 16 : 0;
  if (isNew && netns < -1) return -errno.EINVAL;
  if (!isKnown) return -errno.EPROTO;
  if (netns < -1) return -errno.EINVAL;
  if (width === 0) return -errno.EAFNOSUPPORT;
  if (netns >= 0) return -errno.ENONET;
  let directions = bothDirections;
  if (size === optsSize) {
    const given = memory.load8(at + opts.zoneDirection);
    if (given === 0) memory.store8(at + opts.zoneDirection, bothDirections);
    else directions = given;
  }
  const flow = {
    source: memory.read(from, width),
    destination: memory.read(from + width, width),
    sourcePort: memory.view.getUint16(from + 2 * width, false),
    destinationPort: memory.view.getUint16(from + 2 * width + 2, false),
  };
  return { tuple: encodeTuple(flow, protocol, 0), zone: { id: zoneId, directions } };
}

/** Address of an argument that may be NULL whatever its size is. */
function memoryOrNull(machine: Machine, registers: Registers, argument: number, size: number): number {
  return registers.u64[argument] === 0n ? 0 : machine.readable(registers, argument, size);
}

/** The zone's id in either direction. */
function zoneIds({ id, directions }: Asked['zone']): readonly [number, number] {
  return [(directions & 1) !== 0 ? id : 0, (directions & 2) !== 0 ? id : 0];
}

/** Answers null, and `opts->error` says why. */
function fail(machine: Machine, registers: Registers, error: number): void {
  const at = u32(registers, 4);
  if (at !== 0 && machine.memory.canWrite(at + opts.error, 4)) machine.memory.store32(at + opts.error, error >>> 0);
  setUnsigned(registers, 0);
}

/** The program holds one thing more, or less, that it has to release. */
function hold(machine: Machine, change: 1 | -1): void {
  const held = machine.lane.state + privateState.references;
  const count = machine.memory.load32(held) + change;
  if (count < 0) machine.refuse('the connection is not held');
  machine.memory.store32(held, count);
}

/** bpf_xdp_ct_lookup(ctx, tuple, size, opts, size): a connection that is held, or null. */
export function xdpCtLookup(machine: Machine, registers: Registers): void {
  const asked = parse(machine, registers, false);
  if (typeof asked === 'number') {
    fail(machine, registers, asked);
    return;
  }
  const { memory } = machine;
  const conntrack = table(machine);
  for (;;) {
    const found = conntrack.find(asked.tuple, zoneIds(asked.zone));
    if (found === undefined) {
      fail(machine, registers, -errno.ENOENT);
      return;
    }
    const [at, direction] = found;
    if (((memory.load32(at + nfConnAt.timeout) - now(machine)) | 0) > 0) {
      memory.store32(at + nfConnAt.use, memory.load32(at + nfConnAt.use) + 1);
      memory.store8(u32(registers, 4) + opts.direction, direction);
      hold(machine, 1);
      setUnsigned(registers, at);
      return;
    }
    // Its time is over: whoever comes by takes it out (nf_ct_gc_expired).
    conntrack.unlink(at);
    setStatus(machine, at, connStatus.dying);
    put(machine, conntrack, at);
  }
}

/** bpf_xdp_ct_alloc(ctx, tuple, size, opts, size): a connection that is not in the table yet, or null. */
export function xdpCtAlloc(machine: Machine, registers: Registers): void {
  const asked = parse(machine, registers, true);
  const conntrack = table(machine);
  const at = typeof asked === 'number' ? 0 : conntrack.allocate();
  if (typeof asked === 'number' || at === 0) {
    fail(machine, registers, typeof asked === 'number' ? asked : -errno.ENOMEM);
    return;
  }
  const { memory } = machine;
  conntrack.writeTuple(conntrack.tuple(at, 0), asked.tuple);
  conntrack.writeTuple(conntrack.tuple(at, 1), invertTuple(asked.tuple));
  memory.store16(at + nfConnAt.zoneId, asked.zone.id);
  memory.store8(at + nfConnAt.zoneDir, asked.zone.directions);
  memory.store32(at + nfConnAt.timeout, firstTimeout * machine.hz);
  hold(machine, 1);
  setUnsigned(registers, at);
}

/** The connection in r1, in one of these states of its slot, or a trap. */
function connection(machine: Machine, registers: Registers, ...states: readonly number[]): number {
  const at = u32(registers, 1);
  const state = registers.u32[3] === 0 ? table(machine).stateOf(at) : undefined;
  if (state === undefined || !states.includes(state)) machine.refuse('argument 1 is not such a connection');
  return at;
}

/** bpf_ct_insert_entry(new connection): the same, in the table, or null where there is one like it already. */
export function ctInsertEntry(machine: Machine, registers: Registers): void {
  const at = connection(machine, registers, slotState.fresh);
  const { memory } = machine;
  const conntrack = table(machine);
  memory.store32(at + nfConnAt.timeout, (memory.load32(at + nfConnAt.timeout) + now(machine)) >>> 0);
  setStatus(machine, at, connStatus.confirmed);
  const zone = [conntrack.zoneOf(at, 0), conntrack.zoneOf(at, 1)] as const;
  const isThere = [0, 1].some((direction) => {
    const found = conntrack.find(memory.read(conntrack.tuple(at, direction), tupleAt.size), zone);
    return found !== undefined;
  });
  if (isThere) {
    conntrack.free(at);
    hold(machine, -1);
    setUnsigned(registers, 0);
    return;
  }
  // The table's reference, and the program's.
  memory.store32(at + nfConnAt.use, 2);
  conntrack.link(at);
  setUnsigned(registers, at);
}

/** bpf_ct_release(connection). */
export function ctRelease(machine: Machine, registers: Registers): void {
  const at = connection(machine, registers, slotState.listed, slotState.removed);
  hold(machine, -1);
  put(machine, table(machine), at);
  setUnsigned(registers, 0);
}

/** One reference less; a connection that has none is gone (nf_ct_put). */
function put(machine: Machine, conntrack: Conntrack, at: number): void {
  const { memory } = machine;
  const use = memory.load32(at + nfConnAt.use) - 1;
  memory.store32(at + nfConnAt.use, Math.max(use, 0));
  if (use <= 0 && conntrack.stateOf(at) === slotState.removed) conntrack.free(at);
}

/** Sets bits of the status, which has 64; the upper ones are none's. */
function setStatus(machine: Machine, at: number, bits: number): void {
  const { memory } = machine;
  memory.store32(at + nfConnAt.status, (memory.load32(at + nfConnAt.status) | bits) >>> 0);
}

/** r2 milliseconds as jiffies, rounded up (msecs_to_jiffies). */
function millisecondsToJiffies(machine: Machine, milliseconds: number): bigint {
  if ((milliseconds | 0) < 0) return maxTimeout; // MAX_JIFFY_OFFSET
  return (BigInt(milliseconds) * BigInt(machine.hz) + 999n) / 1000n;
}

function storeTimeout(machine: Machine, at: number, timeout: bigint): void {
  const { memory } = machine;
  const jiffiesLeft = Number(timeout > maxTimeout ? maxTimeout : timeout);
  const isConfirmed = (memory.load32(at + nfConnAt.status) & connStatus.confirmed) !== 0;
  memory.store32(at + nfConnAt.timeout, (jiffiesLeft + (isConfirmed ? now(machine) : 0)) >>> 0);
}

/** bpf_ct_set_timeout(new connection, milliseconds). */
export function ctSetTimeout(machine: Machine, registers: Registers): void {
  const at = connection(machine, registers, slotState.fresh);
  storeTimeout(machine, at, millisecondsToJiffies(machine, u32(registers, 2)));
  setUnsigned(registers, 0);
}

/** bpf_ct_change_timeout(connection, milliseconds). */
export function ctChangeTimeout(machine: Machine, registers: Registers): void {
  const at = connection(machine, registers, slotState.listed, slotState.removed);
  const status = machine.memory.load32(at + nfConnAt.status);
  if ((status & connStatus.fixed_timeout) !== 0) {
    setSigned(registers, -errno.EPERM);
    return;
  }
  storeTimeout(machine, at, millisecondsToJiffies(machine, u32(registers, 2)));
  setSigned(registers, (status & connStatus.dying) !== 0 ? -errno.ETIME : 0);
}

/** Bits that a program does not change (IPS_UNCHANGEABLE_MASK). */
const unchangeable =
  connStatus.src_nat_done |
  connStatus.dst_nat_done |
  connStatus.src_nat |
  connStatus.dst_nat |
  connStatus.expected |
  connStatus.confirmed |
  connStatus.dying |
  connStatus.seq_adjust |
  connStatus.template |
  connStatus.nat_clash |
  connStatus.offload |
  connStatus.hw_offload;
const allBits = 0xffff;

/** nf_ct_change_status_common: bits are set, never cleared, and some must be as they are. */
function changeStatus(machine: Machine, registers: Registers, ...states: readonly number[]): void {
  const at = connection(machine, registers, ...states);
  const wanted = u32(registers, 2);
  const status = machine.memory.load32(at + nfConnAt.status);
  const differ = status ^ wanted;
  const fixed = connStatus.expected | connStatus.confirmed | connStatus.dying;
  const lost = differ & ~wanted & (connStatus.seen_reply | connStatus.assured);
  if ((differ & fixed) !== 0 || lost !== 0) {
    setSigned(registers, -errno.EBUSY);
    return;
  }
  setStatus(machine, at, wanted & ~unchangeable & allBits);
  setSigned(registers, 0);
}

/** bpf_ct_set_status(new connection, bits). */
export function ctSetStatus(machine: Machine, registers: Registers): void {
  changeStatus(machine, registers, slotState.fresh);
}

/** bpf_ct_change_status(connection, bits). */
export function ctChangeStatus(machine: Machine, registers: Registers): void {
  changeStatus(machine, registers, slotState.listed, slotState.removed);
}

/**
 * bpf_ct_set_nat_info(new connection, address, port, which end): one end of the connection is translated to this
 * address, and to the port where one is given (nf_nat_setup_info). Without one the own port is kept where answers can
 * still be told apart, else the next free one is taken, where Linux begins with a random one.
 */
export function ctSetNatInfo(machine: Machine, registers: Registers): void {
  const at = connection(machine, registers, slotState.fresh);
  const { memory } = machine;
  const conntrack = table(machine);
  const from = machine.readable(registers, 2, 16);
  const port = s32(registers, 3);
  const isDestination = u64(registers, 4) !== 0n;
  const done = isDestination ? connStatus.dst_nat_done : connStatus.src_nat_done;
  if ((memory.load32(at + nfConnAt.status) & done) !== 0) {
    setSigned(registers, -errno.ENOMEM);
    return;
  }
  const current = invertTuple(memory.read(conntrack.tuple(at, 1), tupleAt.size));
  const changed = current.slice();
  const isV6 = memory.load16(conntrack.tuple(at, 0) + tupleAt.family) !== 2;
  const [addressAt, portAt] = isDestination
    ? [tupleAt.destination, tupleAt.destinationPort]
    : [tupleAt.source, tupleAt.sourcePort];
  changed.set(memory.read(from, isV6 ? 16 : 4), addressAt);
  choosePort(conntrack, at, changed, portAt, port, isDestination);
  if (!changed.every((byte, i) => byte === current[i])) {
    conntrack.writeTuple(conntrack.tuple(at, 1), invertTuple(changed));
    setStatus(machine, at, isDestination ? connStatus.dst_nat : connStatus.src_nat);
  }
  setStatus(machine, at, done);
  setSigned(registers, 0);
}

/** Writes the port of a translated end into `tuple`. */
function choosePort(
  conntrack: Conntrack,
  at: number,
  tuple: Uint8Array,
  portAt: number,
  port: number,
  isDestination: boolean,
): void {
  const view = new DataView(tuple.buffer, tuple.byteOffset, tuple.byteLength);
  if (port > 0) {
    view.setUint16(portAt, port & 0xffff, false);
    return;
  }
  const zone = [conntrack.zoneOf(at, 0), conntrack.zoneOf(at, 1)] as const;
  const isTaken = (): boolean => conntrack.find(invertTuple(tuple), zone, at) !== undefined;
  const own = view.getUint16(portAt, false);
  // Only the source's port may change unasked.
  if (isDestination || !isTaken()) return;
  const [least, count] = own < 1024 ? [1, 1023] : [1024, 64512];
  for (let i = 1; i < count; i++) {
    view.setUint16(portAt, least + ((own - least + i) % count), false);
    if (!isTaken()) return;
  }
}
