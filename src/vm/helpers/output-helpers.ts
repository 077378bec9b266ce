/** What a program sends to user space: perf events, ring buffer records, trace_printk lines. */
import { decodeUtf8 } from '../../base/index.js';
import { errno } from '../../platform/index.js';
import type { Registers } from '../engine.js';
import type { Machine } from '../machine.js';
import { PerfEventArrayMap, RingbufMap } from '../maps/index.js';
import { formatPrintk } from '../printk-format.js';
import { setSigned, setUnsigned, u32, u64 } from './helper.js';

/** BPF_F_INDEX_MASK and BPF_F_CTXLEN_MASK. */
const indexMask = 0xffff_ffffn;
const contextLengthMask = 0xf_ffffn << 32n;

/**
 * bpf_perf_event_output for XDP: `size` bytes of the program's, then as many bytes of the packet as bits 32 to 51 of
 * the flags say.
 */
export function perfEventOutput(machine: Machine, registers: Registers): void {
  machine.contextArgument(registers, 1);
  const map = machine.mapArgument(registers, 2);
  if (!(map instanceof PerfEventArrayMap)) {
    machine.refuse(`cannot pass map_type ${map.spec.typeNumber} into func bpf_perf_event_output#25`);
  }
  const flags = u64(registers, 3);
  const size = u32(registers, 5);
  const from = machine.readable(registers, 4, size);
  if ((flags & ~(indexMask | contextLengthMask)) !== 0n) {
    setSigned(registers, -errno.EINVAL);
    return;
  }
  const packetBytes = Number((flags & contextLengthMask) >> 32n);
  if (packetBytes > machine.lane.packet.length) {
    setSigned(registers, -errno.EFAULT);
    return;
  }
  const index = map.slotFor(Number(flags & indexMask), machine.lane.cpu);
  if (index < 0) {
    setSigned(registers, index);
    return;
  }
  const data = new Uint8Array(size + packetBytes);
  data.set(machine.memory.read(from, size));
  machine.lane.packet.read(0, data.subarray(size));
  machine.lane.emitted.push({ kind: 'perf', map: map.spec.name, index, data });
  setUnsigned(registers, 0);
}

function ringbufArgument(machine: Machine, registers: Registers, helper: string): RingbufMap {
  const map = machine.mapArgument(registers, 1);
  if (map instanceof RingbufMap) return map;
  return machine.refuse(`cannot pass map_type ${map.spec.typeNumber} into func bpf_${helper}`);
}

/** r1: ring buffer; r2, r3: data; r4: wake-up flags. r0: 0 or a negated errno. */
export function ringbufOutput(machine: Machine, registers: Registers): void {
  const map = ringbufArgument(machine, registers, 'ringbuf_output#130');
  const size = u64(registers, 3);
  const data = machine.readable(registers, 2, Number(size));
  setSigned(registers, map.output(data, size, u64(registers, 4)));
}

/** r1: ring buffer; r2: bytes; r3: 0. r0: address of the record, or 0 where there is no room. */
export function ringbufReserve(machine: Machine, registers: Registers): void {
  const map = ringbufArgument(machine, registers, 'ringbuf_reserve#131');
  setUnsigned(registers, map.reserve(u64(registers, 2), u64(registers, 3)));
}

/** r1: a reserved record; r2: wake-up flags. */
export function ringbufSubmit(machine: Machine, registers: Registers): void {
  closeRecord(machine, registers, (map, sample, flags) => map.submit(sample, flags));
}

/** r1: a reserved record; r2: wake-up flags. */
export function ringbufDiscard(machine: Machine, registers: Registers): void {
  closeRecord(machine, registers, (map, sample, flags) => map.discard(sample, flags));
}

/** The record alone says which ring buffer it belongs to; there are few, so they are asked in turn. */
function closeRecord(
  machine: Machine,
  registers: Registers,
  close: (map: RingbufMap, sample: number, flags: bigint) => boolean,
): void {
  const sample = machine.writable(registers, 1, 1);
  const flags = u64(registers, 2);
  if (!machine.store.ringbufs.some((map) => close(map, sample, flags))) {
    machine.refuse('argument 1 is not a reserved ring buffer record');
  }
  setUnsigned(registers, 0);
}

/** r1: ring buffer; r2: BPF_RB_*. r0: the figure, 0 for an unknown question. */
export function ringbufQuery(machine: Machine, registers: Registers): void {
  const map = ringbufArgument(machine, registers, 'ringbuf_query#134');
  registers.u64[0] = map.query(u64(registers, 2));
}

/** Longest line of bpf_trace_printk (BPF_TRACE_PRINTK_SIZE), with its zero. */
const maxLine = 1024;
/** MAX_BPRINTF_VARARGS. */
const maxArguments = 12;

/** Text at `address` up to its zero, one character a byte, or undefined if there is none within `size` bytes. */
function format(machine: Machine, address: number, size: number): string | undefined {
  const bytes = machine.memory.read(address, size);
  const end = bytes.indexOf(0);
  return end < 0 ? undefined : String.fromCharCode(...bytes.subarray(0, end));
}

function print(machine: Machine, registers: Registers, args: readonly bigint[]): void {
  const size = u32(registers, 2);
  const text = format(machine, machine.readable(registers, 1, size), size);
  const line = text === undefined ? undefined : formatPrintk(machine.memory, text, args);
  if (line === undefined) {
    setSigned(registers, -errno.EINVAL);
    return;
  }
  const bytes = Uint8Array.from(line.slice(0, maxLine - 1), (character) => character.charCodeAt(0));
  machine.lane.emitted.push({ kind: 'printk', text: decodeUtf8(bytes) });
  setUnsigned(registers, line.length);
}

/** r1, r2: format; r3 to r5: arguments. r0: bytes printed, or a negated errno. */
export function tracePrintk(machine: Machine, registers: Registers): void {
  print(machine, registers, [u64(registers, 3), u64(registers, 4), u64(registers, 5)]);
}

/** The `size` bytes of arguments that register `argument` points to, or undefined for an impossible size. */
function argumentArray(machine: Machine, registers: Registers, argument: number): bigint[] | undefined {
  const size = u32(registers, argument + 1);
  const from = machine.readable(registers, argument, size);
  if (size % 8 !== 0 || size > maxArguments * 8 || (size > 0 && from === 0)) return undefined;
  return Array.from({ length: size / 8 }, (_, i) => machine.memory.load64(from + i * 8));
}

/** r1, r2: format; r3, r4: arguments, u64 each. r0 as for bpf_trace_printk. */
export function traceVprintk(machine: Machine, registers: Registers): void {
  const args = argumentArray(machine, registers, 3);
  if (args === undefined) setSigned(registers, -errno.EINVAL);
  else print(machine, registers, args);
}

/**
 * bpf_snprintf: r1 of r2 bytes gets format r3 with the arguments at r4, r5 bytes. r0 is the whole length, zero
 * included.
 */
export function snprintf(machine: Machine, registers: Registers): void {
  const size = u32(registers, 2);
  const to = machine.writable(registers, 1, size);
  const args = argumentArray(machine, registers, 4);
  const at = u32(registers, 3);
  let length = 0;
  while (machine.memory.canRead(at + length, 1) && machine.memory.load8(at + length) !== 0) length++;
  machine.readable(registers, 3, length + 1);
  const text = format(machine, at, length + 1) ?? '';
  const line = args === undefined ? undefined : formatPrintk(machine.memory, text, args);
  if (line === undefined) {
    setSigned(registers, -errno.EINVAL);
    return;
  }
  if (size > 0) {
    const bytes = new Uint8Array(Math.min(line.length, size - 1) + 1);
    for (let i = 0; i < bytes.length - 1; i++) bytes[i] = line.charCodeAt(i);
    machine.memory.write(to, bytes);
  }
  setUnsigned(registers, line.length + 1);
}
