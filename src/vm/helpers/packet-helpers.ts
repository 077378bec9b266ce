/** The packet itself: its bounds, bytes in fragments, where it goes (net/core/filter.c). */
import { errno, maxPacketOffset } from '../../platform/index.js';
import type { Registers } from '../engine.js';
import type { Machine } from '../machine.js';
import { redirectToInterface, redirectToMap } from '../redirect.js';
import { s32, setSigned, setUnsigned, u32, u64 } from './helper.js';

/** r1: context; r2: bytes by which the head moves, signed. r0: 0 or -EINVAL. */
export function xdpAdjustHead(machine: Machine, registers: Registers): void {
  machine.contextArgument(registers, 1);
  setSigned(registers, machine.lane.packet.adjustHead(s32(registers, 2)));
}

/** r1: context; r2: bytes by which the start of the metadata moves, signed. r0: 0 or a negated errno. */
export function xdpAdjustMeta(machine: Machine, registers: Registers): void {
  machine.contextArgument(registers, 1);
  setSigned(registers, machine.lane.packet.adjustMeta(s32(registers, 2)));
}

/** r1: context; r2: bytes by which the tail moves, signed. r0: 0 or -EINVAL. */
export function xdpAdjustTail(machine: Machine, registers: Registers): void {
  machine.contextArgument(registers, 1);
  setSigned(registers, machine.lane.packet.adjustTail(s32(registers, 2)));
}

/** bpf_xdp_pull_data(ctx, length): so many bytes of the packet are linear afterwards. r0: 0 or -EINVAL. */
export function xdpPullData(machine: Machine, registers: Registers): void {
  machine.contextArgument(registers, 1);
  setSigned(registers, machine.lane.packet.pull(u32(registers, 2)));
}

/** r1: context. r0: bytes of the packet, fragments included. */
export function xdpGetBuffLen(machine: Machine, registers: Registers): void {
  machine.contextArgument(registers, 1);
  setUnsigned(registers, machine.lane.packet.length);
}

/** bpf_xdp_pointer's checks: 0, or the negated error. */
function checkRange(machine: Machine, offset: number, length: number): number {
  if (offset > maxPacketOffset || length > maxPacketOffset) return -errno.EFAULT;
  return offset + length > machine.lane.packet.length ? -errno.EINVAL : 0;
}

/** r1: context; r2: offset; r3, r4: where the bytes go. r0: 0 or a negated errno. */
export function xdpLoadBytes(machine: Machine, registers: Registers): void {
  machine.contextArgument(registers, 1);
  const offset = u32(registers, 2);
  const length = u32(registers, 4);
  setSigned(registers, copyFromPacket(machine, offset, machine.writable(registers, 3, length), length));
}

/** Packet bytes to guest address `to`: 0, or a negated errno. */
export function copyFromPacket(machine: Machine, offset: number, to: number, length: number): number {
  const result = checkRange(machine, offset, length);
  if (result === 0) {
    machine.lane.packet.pieces(offset, length, (address, size, done) => machine.memory.copy(to + done, address, size));
  }
  return result;
}

/** Bytes at guest address `from` into the packet: 0, or a negated errno. */
export function copyToPacket(machine: Machine, offset: number, from: number, length: number): number {
  const result = checkRange(machine, offset, length);
  if (result === 0) {
    machine.lane.packet.pieces(offset, length, (address, size, done) =>
      machine.memory.copy(address, from + done, size),
    );
  }
  return result;
}

/** r1: context; r2: offset; r3, r4: bytes to write. r0: 0 or a negated errno. */
export function xdpStoreBytes(machine: Machine, registers: Registers): void {
  machine.contextArgument(registers, 1);
  const offset = u32(registers, 2);
  const length = u32(registers, 4);
  setSigned(registers, copyToPacket(machine, offset, machine.readable(registers, 3, length), length));
}

/** r1: interface; r2: flags, 0. r0: XDP_REDIRECT, or XDP_ABORTED for flags. */
export function redirect(machine: Machine, registers: Registers): void {
  setUnsigned(registers, redirectToInterface(machine, u32(registers, 1), u64(registers, 2)));
}

/** r1: map of targets; r2: key; r3: the verdict where there is none. r0: XDP_REDIRECT or that verdict. */
export function redirectMap(machine: Machine, registers: Registers): void {
  const map = machine.mapArgument(registers, 1);
  switch (map.spec.type) {
    case 'devmap':
    case 'devmap_hash':
    case 'cpumap':
    case 'xskmap':
      setUnsigned(registers, redirectToMap(machine, map, u32(registers, 2), u64(registers, 3)));
      return;
    default:
      machine.refuse(`cannot pass map_type ${map.spec.typeNumber} into func bpf_redirect_map#51`);
  }
}
