/**
 * Dynamic pointers (kernel/bpf/helpers.c, ringbuf.c): a `struct bpf_dynptr` on the program's stack. Linux's verifier
 * keeps programs from looking inside; here every use checks the memory that it refers to, so that a forged one gives
 * nothing away.
 *
 *     0   u64   guest address of the memory, or of the context where it stands for the packet; 0: null
 *     8   u32   bytes; bits 28 to 30: what it stands for (enum bpf_dynptr_type); bit 31: read-only
 *     12  u32   where in that memory it begins
 */
import { errno, maxPacketOffset } from '../../platform/index.js';
import type { Registers } from '../engine.js';
import type { Machine } from '../machine.js';
import { RingbufMap } from '../maps/index.js';
import { setSigned, setUnsigned, u32, u64 } from './helper.js';
import { copyFromPacket, copyToPacket } from './packet-helpers.js';

const dynptrSize = 16;
const readOnly = 0x80000000;
const typeShift = 28;
const packetType = 4;
const sizeMask = 0xffffff;

function set(machine: Machine, at: number, data: number, size: number): void {
  machine.memory.storeHalves(at, data, 0);
  machine.memory.storeHalves(at + 8, size, 0);
}

interface Dynptr {
  /** Where it begins: a guest address; for one of the packet the context. 0: null. */
  readonly data: number;
  readonly size: number;
  readonly readOnly: boolean;
  readonly isPacket: boolean;
  /** What is added to offsets. */
  readonly offset: number;
}

function get(machine: Machine, registers: Registers, argument: number): Dynptr {
  const at = machine.readable(registers, argument, dynptrSize);
  const word = machine.memory.load32(at + 8);
  return {
    data: machine.memory.load32(at),
    size: word & sizeMask,
    readOnly: (word & readOnly) !== 0,
    isPacket: ((word >> typeShift) & 7) === packetType,
    offset: machine.memory.load32(at + 12),
  };
}

/** bpf_dynptr_check_off_len. */
function fits(dynptr: Dynptr, offset: number, length: number): boolean {
  return length <= dynptr.size && offset <= dynptr.size - length;
}

/** r1, r2: memory of a map value; r3: flags, 0; r4: the dynptr. r0: 0, -E2BIG or -EINVAL; the dynptr is null then. */
export function dynptrFromMem(machine: Machine, registers: Registers): void {
  const size = u32(registers, 2);
  const at = machine.writable(registers, 4, dynptrSize);
  const data = machine.writable(registers, 1, size);
  const result = size > sizeMask ? -errno.E2BIG : u64(registers, 3) !== 0n ? -errno.EINVAL : 0;
  set(machine, at, result === 0 ? data : 0, result === 0 ? size : 0);
  setSigned(registers, result);
}

/** bpf_dynptr_read(dst, len, src, offset, flags). */
export function dynptrRead(machine: Machine, registers: Registers): void {
  const length = u32(registers, 2);
  const to = machine.writable(registers, 1, length);
  const from = get(machine, registers, 3);
  const offset = u32(registers, 4);
  if (from.data === 0 || u64(registers, 5) !== 0n) setSigned(registers, -errno.EINVAL);
  else if (!fits(from, offset, length)) setSigned(registers, -errno.E2BIG);
  else {
    const at = from.offset + offset;
    if (from.isPacket) setSigned(registers, copyFromPacket(machine, at, to, length));
    else {
      if (!machine.memory.canRead(from.data + at, length)) machine.refuse('the dynptr refers to no readable memory');
      machine.memory.copy(to, from.data + at, length);
      setUnsigned(registers, 0);
    }
  }
}

/** bpf_dynptr_write(dst, offset, src, len, flags). */
export function dynptrWrite(machine: Machine, registers: Registers): void {
  const to = get(machine, registers, 1);
  const offset = u32(registers, 2);
  const length = u32(registers, 4);
  const from = machine.readable(registers, 3, length);
  if (to.data === 0 || to.readOnly || u64(registers, 5) !== 0n) setSigned(registers, -errno.EINVAL);
  else if (!fits(to, offset, length)) setSigned(registers, -errno.E2BIG);
  else {
    const at = to.offset + offset;
    if (to.isPacket) setSigned(registers, copyToPacket(machine, at, from, length));
    else {
      if (!machine.memory.canWrite(to.data + at, length)) machine.refuse('the dynptr refers to no writable memory');
      machine.memory.copy(to.data + at, from, length);
      setUnsigned(registers, 0);
    }
  }
}

/** bpf_dynptr_data(ptr, offset, len): the address, or 0. */
export function dynptrData(machine: Machine, registers: Registers): void {
  const dynptr = get(machine, registers, 1);
  const offset = u32(registers, 2);
  const { data, isPacket } = dynptr;
  // The packet may be in pieces: only slices are of it.
  const usable = data !== 0 && !isPacket && !dynptr.readOnly && fits(dynptr, offset, u32(registers, 3));
  setUnsigned(registers, usable ? data + dynptr.offset + offset : 0);
}

/** bpf_dynptr_from_xdp(ctx, flags, ptr). r0: 0, or -EINVAL for flags; the dynptr is null then. */
export function dynptrFromXdp(machine: Machine, registers: Registers): void {
  machine.contextArgument(registers, 1);
  const at = machine.writable(registers, 3, dynptrSize);
  const isValid = u64(registers, 2) === 0n;
  const size = machine.lane.packet.length | (packetType << typeShift);
  set(machine, at, isValid ? machine.lane.ctx.start : 0, isValid ? size >>> 0 : 0);
  setSigned(registers, isValid ? 0 : -errno.EINVAL);
}

/**
 * bpf_dynptr_slice(ptr, offset, buffer, size): the address of the memory; where the packet is in several pieces there,
 * the buffer, with a copy, or 0 without one.
 */
export function dynptrSlice(machine: Machine, registers: Registers): void {
  slice(machine, registers, get(machine, registers, 1));
}

/** bpf_dynptr_slice_rdwr(ptr, offset, buffer, size). */
export function dynptrSliceRdwr(machine: Machine, registers: Registers): void {
  const dynptr = get(machine, registers, 1);
  if (dynptr.readOnly) setUnsigned(registers, 0);
  else slice(machine, registers, dynptr);
}

function slice(machine: Machine, registers: Registers, dynptr: Dynptr): void {
  const offset = u32(registers, 2);
  const size = u32(registers, 4);
  const at = dynptr.offset + offset;
  if (dynptr.data === 0 || !fits(dynptr, offset, size)) setUnsigned(registers, 0);
  else if (!dynptr.isPacket) setUnsigned(registers, dynptr.data + at);
  else {
    const direct = machine.lane.packet.addressOf(at, size);
    const buffer = direct === 0 && u64(registers, 3) !== 0n ? machine.writable(registers, 3, size) : 0;
    if (buffer !== 0) copyFromPacket(machine, at, buffer, size);
    setUnsigned(registers, direct === 0 ? buffer : direct);
  }
}

/** bpf_dynptr_adjust(ptr, start, end): what is left is from `start` up to `end`. r0: 0, -EINVAL or -ERANGE. */
export function dynptrAdjust(machine: Machine, registers: Registers): void {
  const dynptr = get(machine, registers, 1);
  const start = u32(registers, 2);
  const end = u32(registers, 3);
  if (dynptr.data === 0 || start > end) setSigned(registers, -errno.EINVAL);
  else if (end > dynptr.size) setSigned(registers, -errno.ERANGE);
  else {
    const at = machine.writable(registers, 1, dynptrSize);
    const { memory } = machine;
    const word = memory.load32(at + 8);
    memory.storeHalves(at + 8, ((word & ~sizeMask) | (end - start)) >>> 0, dynptr.offset + start);
    setUnsigned(registers, 0);
  }
}

/** bpf_dynptr_is_null(ptr). */
export function dynptrIsNull(machine: Machine, registers: Registers): void {
  setUnsigned(registers, get(machine, registers, 1).data === 0 ? 1 : 0);
}

/** bpf_dynptr_is_rdonly(ptr). */
export function dynptrIsRdonly(machine: Machine, registers: Registers): void {
  const { data, readOnly: isReadOnly } = get(machine, registers, 1);
  setUnsigned(registers, data !== 0 && isReadOnly ? 1 : 0);
}

/** bpf_dynptr_size(ptr): its bytes, or -EINVAL as a number of 32 bits. */
export function dynptrSizeOf(machine: Machine, registers: Registers): void {
  const { data, size } = get(machine, registers, 1);
  setUnsigned(registers, data === 0 ? -errno.EINVAL >>> 0 : size);
}

/** bpf_dynptr_clone(ptr, clone). r0: 0, or -EINVAL for a null one, whose clone is null. */
export function dynptrClone(machine: Machine, registers: Registers): void {
  const from = machine.readable(registers, 1, dynptrSize);
  const to = machine.writable(registers, 2, dynptrSize);
  const isNull = machine.memory.load32(from) === 0;
  if (isNull) set(machine, to, 0, 0);
  else machine.memory.copy(to, from, dynptrSize);
  setSigned(registers, isNull ? -errno.EINVAL : 0);
}

/** Bytes that Linux copies at a time where neither side is in one piece. */
const copyChunk = 256;

/**
 * bpf_dynptr_copy(to, offset, from, offset, size). Bytes that lie over each other are read first, but where both sides
 * are in several pieces: these are copied chunk by chunk.
 */
export function dynptrCopy(machine: Machine, registers: Registers): void {
  const to = get(machine, registers, 1);
  const toOffset = u32(registers, 2);
  const from = get(machine, registers, 3);
  const fromOffset = u32(registers, 4);
  const size = u32(registers, 5);
  const isWhole = inOnePiece(machine, from, fromOffset, size) || inOnePiece(machine, to, toOffset, size);
  if (!isWhole && !(fits(to, toOffset, size) && fits(from, fromOffset, size))) {
    setSigned(registers, -errno.E2BIG);
    return;
  }
  for (let done = 0; done < size || (isWhole && done === 0); ) {
    const count = isWhole ? size : Math.min(copyChunk, size - done);
    const bytes = readBytes(machine, from, fromOffset + done, count);
    const result = typeof bytes === 'number' ? bytes : writeBytes(machine, to, toOffset + done, bytes);
    if (result !== 0 || isWhole) {
      setSigned(registers, result);
      return;
    }
    done += count;
  }
  setUnsigned(registers, 0);
}

/** Would a slice of these bytes be the memory itself? */
function inOnePiece(machine: Machine, dynptr: Dynptr, from: number, size: number): boolean {
  if (dynptr.data === 0 || !fits(dynptr, from, size)) return false;
  let pieces = 0;
  if (dynptr.isPacket) machine.lane.packet.pieces(dynptr.offset + from, size, () => pieces++);
  return pieces <= 1;
}

/** bpf_dynptr_memset(ptr, offset, size, byte). */
export function dynptrMemset(machine: Machine, registers: Registers): void {
  const to = get(machine, registers, 1);
  const offset = u32(registers, 2);
  const size = u32(registers, 3);
  if (to.readOnly) setSigned(registers, -errno.EINVAL);
  else if (!fits(to, offset, size)) setSigned(registers, -errno.E2BIG);
  else if (to.data === 0) setUnsigned(registers, 0);
  else setSigned(registers, writeBytes(machine, to, offset, new Uint8Array(size).fill(u32(registers, 4) & 0xff)));
}

/** Bytes of the memory behind a dynptr, or the negated error. */
function readBytes(machine: Machine, from: Dynptr, offset: number, size: number): Uint8Array | number {
  if (from.data === 0) return -errno.EINVAL;
  if (!fits(from, offset, size)) return -errno.E2BIG;
  const at = from.offset + offset;
  if (!from.isPacket) {
    if (!machine.memory.canRead(from.data + at, size)) machine.refuse('the dynptr refers to no readable memory');
    return machine.memory.read(from.data + at, size);
  }
  if (at > maxPacketOffset || size > maxPacketOffset) return -errno.EFAULT;
  if (at + size > machine.lane.packet.length) return -errno.EINVAL;
  const bytes = new Uint8Array(size);
  machine.lane.packet.read(at, bytes);
  return bytes;
}

/** Writes to the memory behind a dynptr: 0, or the negated error. */
function writeBytes(machine: Machine, to: Dynptr, offset: number, bytes: Uint8Array): number {
  if (to.data === 0 || to.readOnly) return -errno.EINVAL;
  if (!fits(to, offset, bytes.length)) return -errno.E2BIG;
  const at = to.offset + offset;
  if (to.isPacket) {
    if (at > maxPacketOffset || bytes.length > maxPacketOffset) return -errno.EFAULT;
    if (at + bytes.length > machine.lane.packet.length) return -errno.EINVAL;
    machine.lane.packet.pieces(at, bytes.length, (address, size, done) =>
      machine.memory.write(address, bytes.subarray(done, done + size)),
    );
    return 0;
  }
  if (!machine.memory.canWrite(to.data + at, bytes.length)) machine.refuse('the dynptr refers to no writable memory');
  machine.memory.write(to.data + at, bytes);
  return 0;
}

/** bpf_ringbuf_reserve_dynptr(ringbuf, size, flags, ptr). */
export function ringbufReserveDynptr(machine: Machine, registers: Registers): void {
  const map = machine.mapArgument(registers, 1);
  if (!(map instanceof RingbufMap)) {
    machine.refuse(`cannot pass map_type ${map.spec.typeNumber} into func bpf_ringbuf_reserve_dynptr#198`);
  }
  const size = u32(registers, 2);
  const at = machine.writable(registers, 4, dynptrSize);
  const isTooLong = size > sizeMask;
  const sample = isTooLong ? 0 : map.reserve(BigInt(size), u64(registers, 3));
  set(machine, at, sample, sample === 0 ? 0 : size);
  setSigned(registers, isTooLong ? -errno.E2BIG : sample === 0 ? -errno.EINVAL : 0);
}

/** r1: a reserved record, which the consumer may now see; r2: wake-up flags. */
export function ringbufSubmitDynptr(machine: Machine, registers: Registers): void {
  close(machine, registers, (map, sample) => map.submit(sample, u64(registers, 2)));
}

/** r1: a reserved record, which the consumer skips; r2: wake-up flags. */
export function ringbufDiscardDynptr(machine: Machine, registers: Registers): void {
  close(machine, registers, (map, sample) => map.discard(sample, u64(registers, 2)));
}

/** Ends the reservation and makes the dynptr null; a null one was refused by the reservation and is left alone. */
function close(machine: Machine, registers: Registers, end: (map: RingbufMap, sample: number) => boolean): void {
  const at = machine.writable(registers, 1, dynptrSize);
  const { data } = get(machine, registers, 1);
  if (data !== 0 && !machine.store.ringbufs.some((map) => end(map, data)))
    machine.refuse('the dynptr is no reserved record');
  set(machine, at, 0, 0);
  setUnsigned(registers, 0);
}
