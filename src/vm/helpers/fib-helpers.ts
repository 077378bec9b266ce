/** bpf_fib_lookup and bpf_check_mtu (net/core/filter.c) on a {@link FibTable}. */
import { errno, ethHeader } from '../../platform/index.js';
import type { Registers } from '../engine.js';
import { FibTable, type Interface, type Route } from '../fib.js';
import type { Machine } from '../machine.js';
import { s32, setSigned, u32, u64 } from './helper.js';

/** struct bpf_fib_lookup. */
const params = {
  family: 0,
  totalLength: 6,
  ifindex: 8,
  metric: 12,
  src: 16,
  dst: 32,
  table: 48,
  smac: 52,
  dmac: 58,
  size: 64,
} as const;

/** BPF_FIB_LOOKUP_*. */
const direct = 1;
const output = 2;
const skipNeighbour = 4;
const tableId = 8;
const source = 16;
/** The firewall mark steers policy rules only, and the table has none. */
const mark = 32;
const knownFlags = direct | output | skipNeighbour | tableId | source | mark;

/** BPF_FIB_LKUP_RET_*. */
const answer = {
  success: 0,
  blackhole: 1,
  unreachable: 2,
  prohibit: 3,
  notForwarded: 4,
  forwardingDisabled: 5,
  noNeighbour: 7,
  fragmentationNeeded: 8,
  noSource: 9,
} as const;

const inet = 2;
const inet6 = 10;
const ipMaxMtu = 0xffff;

const emptyTable = new FibTable();
/** What the interface that a packet came in on is like when the table does not tell. */
const unknownInterface: Interface = {
  ifindex: 0,
  mac: new Uint8Array(6),
  mtu: 1500,
  forwarding: false,
  addresses: [],
};

/**
 * r1: context; r2, r3: a `struct bpf_fib_lookup`, in and out; r4: BPF_FIB_LOOKUP_*. r0: BPF_FIB_LKUP_RET_* or a
 * negated errno.
 */
export function fibLookup(machine: Machine, registers: Registers): void {
  machine.contextArgument(registers, 1);
  const size = s32(registers, 3);
  const flags = u32(registers, 4);
  const at = machine.writable(registers, 2, Math.max(size, 0));
  if (size < params.size || (flags & ~knownFlags) !== 0) {
    setSigned(registers, -errno.EINVAL);
    return;
  }
  const family = machine.memory.load8(at + params.family);
  if (family !== inet && family !== inet6) setSigned(registers, -errno.EAFNOSUPPORT);
  else setSigned(registers, lookup(machine, machine.fib ?? emptyTable, at, family === inet ? 4 : 16, flags));
}

function lookup(machine: Machine, fib: FibTable, at: number, width: 4 | 16, flags: number): number {
  const { memory } = machine;
  const destination = memory.read(at + params.dst, width);
  const ifindex = memory.load32(at + params.ifindex);
  if (width === 16 && (isStrict(destination) || isStrict(memory.read(at + params.src, width)))) {
    return answer.notForwarded;
  }
  const input = fib.interfaces.get(ifindex);
  if (input === undefined) return -errno.ENODEV;
  if (!input.forwarding) return answer.forwardingDisabled;

  let table: number | undefined;
  if ((flags & direct) !== 0) {
    table = 254;
    if ((flags & tableId) !== 0) {
      table = memory.load32(at + params.table);
      memory.store32(at + params.table, 0);
    }
    if (!fib.hasTable(table)) return answer.notForwarded;
  }
  const route = fib.route(destination, table, (flags & output) !== 0 ? ifindex : 0);
  const refusal = refuse(route);
  if (route === undefined || refusal !== undefined) return refusal ?? answer.notForwarded;

  const dev = fib.interfaces.get(route.dev) ?? { ...unknownInterface, ifindex: route.dev };
  const mtu = route.mtu !== 0 ? route.mtu : width === 4 ? Math.min(dev.mtu, ipMaxMtu) : dev.mtu;
  if (memory.load16(at + params.totalLength) > mtu) {
    memory.store16(at + params.totalLength, mtu);
    return answer.fragmentationNeeded;
  }
  memory.store32(at + params.metric, route.metric);
  memory.store32(at + params.ifindex, dev.ifindex);
  if ((flags & source) !== 0) {
    const address = route.src ?? dev.addresses.find((candidate) => candidate.length === width);
    if (address === undefined && width === 16) return answer.noSource;
    memory.write(at + params.src, address ?? new Uint8Array(width));
  }
  const nextHop = route.via ?? destination;
  if (route.via !== undefined) {
    // An IPv4 route may have an IPv6 gateway; then the answer's family changes.
    if (route.via.length === 16 && width === 4) memory.store8(at + params.family, inet6);
    memory.write(at + params.dst, route.via);
  }
  if ((flags & skipNeighbour) === 0) {
    const mac = fib.neighbour(nextHop, dev.ifindex);
    if (mac === undefined) return answer.noNeighbour;
    memory.write(at + params.dmac, mac);
    memory.write(at + params.smac, dev.mac);
  }
  memory.store32(at + params.table, 0); // h_vlan_proto and h_vlan_TCI
  memory.store16(at + params.totalLength, mtu);
  return answer.success;
}

function refuse(route: Route | undefined): number | undefined {
  switch (route?.type) {
    case 'unicast':
      return undefined;
    case 'blackhole':
      return answer.blackhole;
    case 'unreachable':
      return answer.unreachable;
    case 'prohibit':
      return answer.prohibit;
    default:
      return answer.notForwarded;
  }
}

/** rt6_need_strict: multicast, link-local and loopback addresses are never forwarded. */
function isStrict(address: Uint8Array): boolean {
  const [first = 0, second = 0] = address;
  if (first === 0xff || (first === 0xfe && (second & 0xc0) === 0x80)) return true;
  return address.every((byte, i) => byte === (i === 15 ? 1 : 0));
}

/** BPF_MTU_CHK_RET_FRAG_NEEDED. */
const tooLong = 1;

/**
 * r1: context; r2: interface, 0 for the packet's own; r3: u32, in and out; r4: change of length; r5: flags. r0:
 * BPF_MTU_CHK_RET_* or a negated errno.
 */
export function checkMtu(machine: Machine, registers: Registers): void {
  machine.contextArgument(registers, 1);
  const { memory } = machine;
  const { packet } = machine.lane;
  const at = machine.writable(registers, 3, 4);
  if (u64(registers, 5) !== 0n) {
    setSigned(registers, -errno.EINVAL);
    return;
  }
  const fib = machine.fib ?? emptyTable;
  const ifindex = u32(registers, 2);
  const ingress = memory.load32(machine.lane.ctx.start + 12);
  // Without an interface the one that the packet came in on is meant; it exists whatever the table says.
  const dev = ifindex === 0 ? (fib.interfaces.get(ingress) ?? unknownInterface) : fib.interfaces.get(ifindex);
  if (dev === undefined) {
    setSigned(registers, -errno.ENODEV);
    return;
  }
  const given = memory.load32(at);
  const length = (given !== 0 ? given + ethHeader : packet.dataEnd - packet.data) + s32(registers, 4);
  memory.store32(at, dev.mtu);
  setSigned(registers, (length | 0) > dev.mtu + ethHeader ? tooLong : 0);
}
