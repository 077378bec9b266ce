/** Socket look-ups and SYN cookies (net/core/filter.c) on a {@link SocketTable}. */
import { errno } from '../../platform/index.js';
import type { Registers } from '../engine.js';
import type { Machine } from '../machine.js';
import { privateState } from '../private-state.js';
import { type Socket, SocketTable, sockStride } from '../sockets.js';
import { checkCookie, type Flow, makeCookie } from '../syncookie.js';
import { setSigned, setUnsigned, u32, u64 } from './helper.js';

const emptyTable = new SocketTable();
const tupleSize4 = 12;
const tupleSize6 = 36;

function lookup(machine: Machine, registers: Registers, protocol: 'tcp' | 'udp', fullOnly: boolean): void {
  machine.contextArgument(registers, 1);
  const size = u32(registers, 3);
  const tuple = machine.readable(registers, 2, size);
  const netnsId = u64(registers, 4);
  const flags = u64(registers, 5);
  setUnsigned(registers, 0);
  const width = size === tupleSize4 ? 4 : size === tupleSize6 ? 16 : 0;
  // BPF_F_CURRENT_NETNS is -1; other ids are 31 bits.
  const isOwn = BigInt.asIntN(32, netnsId) < 0n;
  if (width === 0 || flags !== 0n || (!isOwn && netnsId > 0x7fffffffn)) return;
  const { memory } = machine;
  const table = machine.sockets ?? emptyTable;
  const index = table.find(
    protocol,
    memory.read(tuple, width),
    memory.view.getUint16(tuple + 2 * width, false),
    memory.read(tuple + width, width),
    memory.view.getUint16(tuple + 2 * width + 2, false),
    memory.load32(machine.lane.ctx.start + 12),
    isOwn ? undefined : Number(netnsId),
  );
  const socket = table.sockets[index];
  if (socket === undefined) return;
  // Half-sockets are no full sockets: bpf_sk_lookup_* does not give them out.
  if (fullOnly && (socket.state === 'time_wait' || socket.state === 'new_syn_recv')) return;
  const held = machine.lane.state + privateState.references;
  memory.store32(held, memory.load32(held) + 1);
  setUnsigned(registers, machine.socketAddress + index * sockStride);
}

/**
 * r1: context; r2, r3: a `struct bpf_sock_tuple`; r4: network namespace; r5: flags. r0: the socket, to be released, or
 * 0.
 */
export function skLookupTcp(machine: Machine, registers: Registers): void {
  lookup(machine, registers, 'tcp', true);
}

/** As {@link skLookupTcp}, for UDP. */
export function skLookupUdp(machine: Machine, registers: Registers): void {
  lookup(machine, registers, 'udp', true);
}

/** As {@link skLookupTcp}, request and time-wait sockets included. */
export function skcLookupTcp(machine: Machine, registers: Registers): void {
  lookup(machine, registers, 'tcp', false);
}

/** The socket that register `argument` points to, or a trap. */
function socketArgument(machine: Machine, registers: Registers, argument: number): Socket {
  const offset = u32(registers, argument) - machine.socketAddress;
  const socket = offset % sockStride === 0 ? machine.sockets?.sockets[offset / sockStride] : undefined;
  if (socket === undefined || registers.u32[argument * 2 + 1] !== 0) {
    return machine.refuse(`argument ${argument} is not a socket`);
  }
  return socket;
}

/** r1: a socket that was looked up. r0: 0. */
export function skRelease(machine: Machine, registers: Registers): void {
  socketArgument(machine, registers, 1);
  const held = machine.lane.state + privateState.references;
  const count = machine.memory.load32(held);
  if (count === 0) machine.refuse('the socket is not held');
  machine.memory.store32(held, count - 1);
  setUnsigned(registers, 0);
}

const tcpHeader = 20;
const ipv4Header = 20;
const ipv6Header = 40;
/** TCP flags in byte 13 of the header. */
const fin = 0x01;
const syn = 0x02;
const rst = 0x04;
const ack = 0x10;
/** TCP_MSS_DEFAULT, and what fits an IPv6 minimum MTU: for a SYN without the option. */
const defaultMss4 = 536;
const defaultMss6 = 1220;

/** Minutes, as tcp_cookie_time() counts them: on jiffies, which start five minutes before they wrap. */
function minute(machine: Machine): number {
  const jiffies = BigInt.asUintN(
    64,
    (1n << 32n) - 300n * BigInt(machine.hz) + (machine.lane.now * BigInt(machine.hz)) / 1_000_000_000n,
  );
  return Number((jiffies / BigInt(60 * machine.hz)) & 0xffffffffn);
}

function flowOf(machine: Machine, ip: number, tcp: number, isV6: boolean): Flow {
  const { memory } = machine;
  const width = isV6 ? 16 : 4;
  const at = ip + (isV6 ? 8 : 12);
  return { source: memory.read(at, width), destination: memory.read(at + width, width), ports: memory.load32(tcp) };
}

function sequence(machine: Machine, at: number): number {
  return machine.memory.view.getUint32(at, false);
}

/** The MSS option of the TCP header of `length` bytes at `tcp`, or 0 (tcp_parse_mss_option). */
function mssOption(machine: Machine, tcp: number, length: number): number {
  const { view } = machine.memory;
  for (let at = tcp + tcpHeader; at < tcp + length; ) {
    const kind = view.getUint8(at);
    if (kind === 0) return 0;
    if (kind === 1) {
      at++;
      continue;
    }
    if (at + 1 >= tcp + length) return 0;
    const size = view.getUint8(at + 1);
    if (size < 2 || at + size > tcp + length) return 0;
    if (kind === 2 && size === 4) return view.getUint16(at + 2, false);
    at += size;
  }
  return 0;
}

/** r0 = cookie in the low half, MSS above it. */
function generate(
  machine: Machine,
  registers: Registers,
  ip: number,
  tcp: number,
  length: number,
  isV6: boolean,
): void {
  const mss = mssOption(machine, tcp, length) || (isV6 ? defaultMss6 : defaultMss4);
  const flow = flowOf(machine, ip, tcp, isV6);
  const made = makeCookie(machine.seed, flow, sequence(machine, tcp + 4), minute(machine), mss);
  registers.u32[0] = made.cookie;
  registers.u32[1] = made.mss;
}

function isValid(machine: Machine, ip: number, tcp: number, isV6: boolean): boolean {
  const cookie = (sequence(machine, tcp + 8) - 1) >>> 0;
  const syn = (sequence(machine, tcp + 4) - 1) >>> 0;
  return checkCookie(machine.seed, flowOf(machine, ip, tcp, isV6), cookie, syn, minute(machine)) > 0;
}

function rawGenerate(machine: Machine, registers: Registers, isV6: boolean): void {
  const ip = machine.readable(registers, 1, isV6 ? ipv6Header : ipv4Header);
  const length = u32(registers, 3);
  const tcp = machine.readable(registers, 2, length);
  if (length < tcpHeader || length !== (machine.memory.load8(tcp + 12) >> 4) * 4) setSigned(registers, -errno.EINVAL);
  else generate(machine, registers, ip, tcp, length, isV6);
}

function rawCheck(machine: Machine, registers: Registers, isV6: boolean): void {
  const ip = machine.readable(registers, 1, isV6 ? ipv6Header : ipv4Header);
  const tcp = machine.readable(registers, 2, tcpHeader);
  setSigned(registers, isValid(machine, ip, tcp, isV6) ? 0 : -errno.EACCES);
}

/** r1: IPv4 header; r2, r3: TCP header. r0: cookie in the low half, MSS above it, or a negated errno. */
export function tcpRawGenSyncookieIpv4(machine: Machine, registers: Registers): void {
  rawGenerate(machine, registers, false);
}

/** The same behind an IPv6 header. */
export function tcpRawGenSyncookieIpv6(machine: Machine, registers: Registers): void {
  rawGenerate(machine, registers, true);
}

/** r1: IPv4 header; r2: TCP header. r0: 0 if its ACK carries a cookie of ours, else -EACCES. */
export function tcpRawCheckSyncookieIpv4(machine: Machine, registers: Registers): void {
  rawCheck(machine, registers, false);
}

/** The same behind an IPv6 header. */
export function tcpRawCheckSyncookieIpv6(machine: Machine, registers: Registers): void {
  rawCheck(machine, registers, true);
}

/** Version of the IP header that fits the socket: 4 or 6, or the negated error. */
function ipVersion(machine: Machine, socket: Socket, ip: number, length: number): number {
  if (length < ipv4Header) return -errno.EINVAL;
  const version = machine.memory.load8(ip) >> 4;
  const isV6Socket = socket.localIp.length === 16;
  if (version === 4) return isV6Socket && socket.v6only ? -errno.EINVAL : 4;
  if (version !== 6) return -errno.EPROTONOSUPPORT;
  return length < ipv6Header || !isV6Socket ? -errno.EINVAL : 6;
}

/** bpf_tcp_check_syncookie(sk, iph, iph_len, th, th_len). */
export function tcpCheckSyncookie(machine: Machine, registers: Registers): void {
  setSigned(registers, checkSyncookie(machine, registers));
}

function checkSyncookie(machine: Machine, registers: Registers): number {
  const socket = socketArgument(machine, registers, 1);
  const ipLength = u32(registers, 3);
  const tcpLength = u32(registers, 5);
  const ip = machine.readable(registers, 2, ipLength);
  const tcp = machine.readable(registers, 4, tcpLength);
  const syncookies = (machine.sockets ?? emptyTable).syncookies;
  if (tcpLength < tcpHeader || socket.state !== 'listen' || syncookies === 0) return -errno.EINVAL;
  const flags = machine.memory.load8(tcp + 13);
  if ((flags & (ack | rst | syn)) !== ack) return -errno.ENOENT;
  if (ipLength < ipv4Header) return -errno.EINVAL;
  if (!socket.overflow && syncookies !== 2) return -errno.ENOENT;
  const version = ipVersion(machine, socket, ip, ipLength);
  if (version < 0) return version;
  return isValid(machine, ip, tcp, version === 6) ? 0 : -errno.ENOENT;
}

/** bpf_tcp_gen_syncookie(sk, iph, iph_len, th, th_len). */
export function tcpGenSyncookie(machine: Machine, registers: Registers): void {
  const socket = socketArgument(machine, registers, 1);
  const ipLength = u32(registers, 3);
  const length = u32(registers, 5);
  const ip = machine.readable(registers, 2, ipLength);
  const tcp = machine.readable(registers, 4, length);
  const syncookies = (machine.sockets ?? emptyTable).syncookies;
  const refusal = refuseGenerate(machine, socket, tcp, length, syncookies);
  const version = refusal !== 0 ? refusal : ipVersion(machine, socket, ip, ipLength);
  if (version < 0) setSigned(registers, version);
  else if (syncookies !== 2 && !socket.overflow) setSigned(registers, -errno.ENOENT);
  else generate(machine, registers, ip, tcp, length, version === 6);
}

function refuseGenerate(machine: Machine, socket: Socket, tcp: number, length: number, syncookies: number): number {
  if (length < tcpHeader || length !== (machine.memory.load8(tcp + 12) >> 4) * 4) return -errno.EINVAL;
  if (socket.state !== 'listen' || socket.protocol !== 'tcp') return -errno.EINVAL;
  if (syncookies === 0) return -errno.ENOENT;
  return (machine.memory.load8(tcp + 13) & (syn | ack | fin | rst)) === syn ? 0 : -errno.EINVAL;
}
