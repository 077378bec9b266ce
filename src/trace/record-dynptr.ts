/**
 * Dynptrs in a recording: 16 bytes of the stack (vm/helpers/dynptr-helpers.ts has their layout) which the recording
 * knows by value where it has followed all that was done to them. Then their bounds are guards, a slice is a pointer
 * like any other, and what is read or written is loads and stores. One that a call has filled is in memory only, as
 * that of a ring buffer's record is: what is done with it is called (record-helper.ts).
 */
import { isConst, low32, type Value } from '../ir/index.js';
import { errno, helperId, kfuncName, maxPacketOffset } from '../platform/index.js';
import { TraceAbort } from './aborts.js';
import { bytesAt, finishWith, holds } from './record-helper.js';
import type { Recorder } from './recorder.js';
import { type ByteOf, joinRuns, toRuns } from './shadow.js';

/** Longest copy that becomes loads and stores. */
const mostBytes = 256;
const mostSize = 0xffffffn;
/** BPF_DYNPTR_TYPE_XDP where the size's upper bits tell what it is of. */
const packetBits = 4n << 28n;

/** One in use. */
interface Dynptr {
  readonly at: Value;
  /** A pointer, the context where it is of the packet, or the constant 0 where it is null. */
  readonly data: Value;
  readonly size: Value;
  /** Where in that memory it begins. */
  readonly offset: Value;
}

/** False: not followed, or no dynptr's. */
export function recordDynptr(recorder: Recorder, number: number): boolean {
  switch (number) {
    case helperId.dynptr_from_mem:
      return recordFromMem(recorder);
    case helperId.dynptr_read:
      return recordRead(recorder);
    case helperId.dynptr_write:
      return recordWrite(recorder);
    case helperId.dynptr_data:
      return recordSlice(recorder, recorder.register(3), false);
    default:
  }
  switch (kfuncName(number)) {
    case 'bpf_dynptr_from_xdp':
      return recordFromXdp(recorder);
    case 'bpf_dynptr_slice':
    case 'bpf_dynptr_slice_rdwr':
      return recordSlice(recorder, recorder.register(4), true);
    case 'bpf_dynptr_adjust':
      return recordAdjust(recorder);
    case 'bpf_dynptr_clone':
      return recordClone(recorder);
    case 'bpf_dynptr_is_null':
      return answer(recorder, ({ data }) => (isNull(data) ? 1n : 0n));
    case 'bpf_dynptr_is_rdonly':
      return answer(recorder, () => 0n);
    case 'bpf_dynptr_size':
      return answer(recorder, ({ data, size }) => (isNull(data) ? BigInt(-errno.EINVAL >>> 0) : size));
    default:
      return false;
  }
}

/** The dynptr that an argument points to; undefined: it is in memory. */
function dynptrOf(recorder: Recorder, argument: number): Dynptr | undefined {
  const { memory, values } = recorder;
  const { graph } = values;
  const at = recorder.register(argument);
  if (memory.isInMemory(at, 16)) return undefined;
  const data = memory.load(at, 0, 8);
  const size = graph.and(memory.load(at, 8, 4), graph.constant(mostSize));
  return { at, data, size, offset: memory.load(at, 12, 4) };
}

function isNull(data: Value): boolean {
  return isConst(data) && data.imm === 0n;
}

function isOfPacket({ data }: Dynptr): boolean {
  return data.op === 'context';
}

/** Writes one. `data` undefined: null. */
function put(recorder: Recorder, at: Value, data: Value | undefined, size: Value, offset: Value): void {
  const { memory, values } = recorder;
  const { graph } = values;
  const zero = graph.constant(0n);
  const isPacket = data?.op === 'context';
  const word = isPacket ? graph.make('or', size, graph.constant(packetBits)) : size;
  memory.store(at, 0, 8, data ?? zero);
  memory.store(at, 8, 4, data === undefined ? zero : word);
  memory.store(at, 12, 4, data === undefined ? zero : offset);
}

function finish(recorder: Recorder, result: bigint | Value): true {
  finishWith(recorder, typeof result === 'bigint' ? recorder.values.graph.constant(result) : result);
  return true;
}

/** A question about one. */
function answer(recorder: Recorder, what: (dynptr: Dynptr) => bigint | Value): boolean {
  const dynptr = dynptrOf(recorder, 1);
  return dynptr !== undefined && finish(recorder, what(dynptr));
}

function isZero(recorder: Recorder, value: Value): boolean {
  const { graph } = recorder.values;
  return holds(recorder, graph.make('eq', value, graph.constant(0n)));
}

/** (context, flags, dynptr) */
function recordFromXdp(recorder: Recorder): true {
  const { memory, values } = recorder;
  const { graph } = values;
  const zero = graph.constant(0n);
  const isValid = isZero(recorder, recorder.register(2));
  const length = graph.sub(memory.endOffset, graph.constant(memory.dataOffset));
  put(recorder, recorder.register(3), isValid ? graph.context : undefined, length, zero);
  return finish(recorder, isValid ? 0n : BigInt(-errno.EINVAL));
}

/** (memory, size, flags, dynptr) */
function recordFromMem(recorder: Recorder): true {
  const { graph } = recorder.values;
  const zero = graph.constant(0n);
  const size = low32(graph, recorder.register(2));
  const at = recorder.register(4);
  let result = 0;
  if (!holds(recorder, graph.make('ule', size, graph.constant(mostSize)))) result = -errno.E2BIG;
  else if (!isZero(recorder, recorder.register(3))) result = -errno.EINVAL;
  put(recorder, at, result === 0 ? recorder.register(1) : undefined, size, zero);
  return finish(recorder, BigInt(result));
}

/** Whether so many bytes from there on are inside of it, guarded as it comes out. */
function fits(recorder: Recorder, dynptr: Dynptr, offset: Value, size: Value): boolean {
  const { graph } = recorder.values;
  return holds(recorder, graph.make('ule', graph.add(offset, size), dynptr.size));
}

/** A pointer to its bytes from `offset` on; undefined: the packet has become shorter, and they are gone. */
function pointerTo(recorder: Recorder, dynptr: Dynptr, offset: Value, size: Value): Value | undefined {
  const { memory, values } = recorder;
  const { graph } = values;
  const at = graph.add(dynptr.offset, offset);
  if (!isOfPacket(dynptr)) return graph.add(dynptr.data, at);
  const pointer = graph.pointer(graph.add(graph.constant(memory.dataOffset), at));
  const end = graph.pointer(memory.endOffset);
  return holds(recorder, graph.make('ule', graph.add(pointer, size), end)) ? pointer : undefined;
}

/** (dynptr, offset, ...): the address of `bytes` bytes, or 0; those of the packet for slices alone. */
function recordSlice(recorder: Recorder, bytes: Value, ofPacket: boolean): boolean {
  const dynptr = dynptrOf(recorder, 1);
  if (dynptr === undefined) return false;
  const { graph } = recorder.values;
  const offset = low32(graph, recorder.register(2));
  const size = low32(graph, bytes);
  if (isNull(dynptr.data) || (isOfPacket(dynptr) && !ofPacket) || !fits(recorder, dynptr, offset, size))
    return finish(recorder, 0n);
  const pointer = pointerTo(recorder, dynptr, offset, size);
  // The program's buffer stands in for bytes that are not there.
  if (pointer === undefined) throw new TraceAbort('helper-not-traceable', 'a slice of what the packet has no more');
  return finish(recorder, pointer);
}

/** Where a copy begins, or the error that it ends with; undefined: it is not followed. */
function copyAt(
  recorder: Recorder,
  dynptr: Dynptr | undefined,
  offsetRegister: number,
  length: Value,
): Value | number | undefined {
  if (dynptr === undefined || !isConst(length) || length.imm === 0n || length.imm > BigInt(mostBytes)) return undefined;
  const { graph } = recorder.values;
  if (isNull(dynptr.data) || !isZero(recorder, recorder.register(5))) return -errno.EINVAL;
  const offset = low32(graph, recorder.register(offsetRegister));
  if (!fits(recorder, dynptr, offset, length)) return -errno.E2BIG;
  if (isOfPacket(dynptr)) {
    const near = graph.make('ule', graph.add(dynptr.offset, offset), graph.constant(BigInt(maxPacketOffset)));
    if (!holds(recorder, near)) return -errno.EFAULT;
  }
  return pointerTo(recorder, dynptr, offset, length) ?? -errno.EINVAL;
}

/** (to, length, dynptr, offset, flags) */
function recordRead(recorder: Recorder): boolean {
  const length = low32(recorder.values.graph, recorder.register(2));
  const from = copyAt(recorder, dynptrOf(recorder, 3), 4, length);
  if (from === undefined) return false;
  if (typeof from === 'number') return finish(recorder, BigInt(from));
  storeBytes(recorder, recorder.register(1), bytesAt(recorder, from, Number(length.imm)));
  return finish(recorder, 0n);
}

/** (dynptr, offset, from, length, flags) */
function recordWrite(recorder: Recorder): boolean {
  const length = low32(recorder.values.graph, recorder.register(4));
  const to = copyAt(recorder, dynptrOf(recorder, 1), 2, length);
  if (to === undefined) return false;
  if (typeof to === 'number') return finish(recorder, BigInt(to));
  storeBytes(recorder, to, bytesAt(recorder, recorder.register(3), Number(length.imm)));
  return finish(recorder, 0n);
}

/** Stores bytes, as many at once as there may be. */
function storeBytes(recorder: Recorder, to: Value, bytes: readonly ByteOf[]): void {
  const { memory, values } = recorder;
  for (let at = 0; at < bytes.length; ) {
    const left = bytes.length - at;
    const size = left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
    memory.store(to, at, size, joinRuns(values.graph, toRuns(values.graph, bytes.slice(at, at + size))));
    at += size;
  }
}

/** (dynptr, start, end) */
function recordAdjust(recorder: Recorder): boolean {
  const dynptr = dynptrOf(recorder, 1);
  if (dynptr === undefined) return false;
  const { graph } = recorder.values;
  const start = low32(graph, recorder.register(2));
  const end = low32(graph, recorder.register(3));
  if (isNull(dynptr.data) || !holds(recorder, graph.make('ule', start, end)))
    return finish(recorder, BigInt(-errno.EINVAL));
  if (!holds(recorder, graph.make('ule', end, dynptr.size))) return finish(recorder, BigInt(-errno.ERANGE));
  put(recorder, dynptr.at, dynptr.data, graph.sub(end, start), graph.add(dynptr.offset, start));
  return finish(recorder, 0n);
}

/** (dynptr, clone) */
function recordClone(recorder: Recorder): boolean {
  const dynptr = dynptrOf(recorder, 1);
  if (dynptr === undefined) return false;
  const none = isNull(dynptr.data);
  put(recorder, recorder.register(2), none ? undefined : dynptr.data, dynptr.size, dynptr.offset);
  return finish(recorder, none ? BigInt(-errno.EINVAL) : 0n);
}
