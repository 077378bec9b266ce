/**
 * Dynamic pointers (kernel/bpf/helpers.c, ringbuf.c): a `struct bpf_dynptr` on the program's stack. Linux's verifier
 * keeps programs from looking inside; here every use checks the memory that it refers to, so that a forged one gives
 * nothing away.
 *
 *     0   u64   guest address of the memory, 0: null
 *     8   u32   bytes; bit 31: read-only
 *     12  u32   offset, always 0 here
 */
import { errno } from '../../platform/index.js';
import type { Registers } from '../engine.js';
import type { Machine } from '../machine.js';
import { RingbufMap } from '../maps/index.js';
import { setSigned, setUnsigned, u32, u64 } from './helper.js';

const dynptrSize = 16;
const readOnly = 0x80000000;
const sizeMask = 0xffffff;

function set(machine: Machine, at: number, data: number, size: number): void {
  machine.memory.storeHalves(at, data, 0);
  machine.memory.storeHalves(at + 8, size, 0);
}

interface Dynptr {
  readonly data: number;
  readonly size: number;
  readonly readOnly: boolean;
}

function get(machine: Machine, registers: Registers, argument: number): Dynptr {
  const at = machine.readable(registers, argument, dynptrSize);
  const word = machine.memory.load32(at + 8);
  return { data: machine.memory.load32(at), size: word & sizeMask, readOnly: (word & readOnly) !== 0 };
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
    if (!machine.memory.canRead(from.data + offset, length)) machine.refuse('the dynptr refers to no readable memory');
    machine.memory.copy(to, from.data + offset, length);
    setUnsigned(registers, 0);
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
    if (!machine.memory.canWrite(to.data + offset, length)) machine.refuse('the dynptr refers to no writable memory');
    machine.memory.copy(to.data + offset, from, length);
    setUnsigned(registers, 0);
  }
}

/** bpf_dynptr_data(ptr, offset, len): the address, or 0. */
export function dynptrData(machine: Machine, registers: Registers): void {
  const dynptr = get(machine, registers, 1);
  const offset = u32(registers, 2);
  const usable = dynptr.data !== 0 && !dynptr.readOnly && fits(dynptr, offset, u32(registers, 3));
  setUnsigned(registers, usable ? dynptr.data + offset : 0);
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
  if (data !== 0 && !machine.ringbufs.some((map) => end(map, data))) machine.refuse('the dynptr is no reserved record');
  set(machine, at, 0, 0);
  setUnsigned(registers, 0);
}
