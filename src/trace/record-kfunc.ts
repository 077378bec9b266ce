/**
 * Kernel functions in a recording. A numbers iterator lies on the program's stack (vm/helpers/kfuncs.ts has its
 * layout), whose bytes a recording knows by value: so its steps become arithmetic, and whether there is another number
 * a guard, as in a loop that was written out.
 */
import { low32, onesOf, type Value } from '../ir/index.js';
import { errno, kfuncName, maxLoops, probeStep } from '../platform/index.js';
import { probe } from '../vm/index.js';
import { emitCall, finishWith, holds } from './record-helper.js';
import type { Recorder } from './recorder.js';

/** False: not followed. */
export function recordKfunc(recorder: Recorder, number: number): boolean {
  switch (kfuncName(number)) {
    case 'bpf_iter_num_new':
      recordNew(recorder);
      return true;
    case 'bpf_iter_num_next':
      recordNext(recorder);
      return true;
    case 'bpf_iter_num_destroy':
      put(recorder, undefined, undefined);
      finishWith(recorder, recorder.values.graph.constant(0n));
      return true;
    case 'bpf_rdonly_cast':
      finishWith(recorder, recorder.register(1));
      return true;
    case 'bpf_xdp_pull_data':
      recordPull(recorder);
      return true;
    default:
      return false;
  }
}

/** (iterator, start, end) */
function recordNew(recorder: Recorder): void {
  const { graph } = recorder.values;
  const start = graph.make('sext32', recorder.register(2));
  const end = graph.make('sext32', recorder.register(3));
  const distance = graph.sub(end, start);
  let result = 0;
  if (!holds(recorder, graph.make('sle', start, end))) result = -errno.EINVAL;
  else if (!holds(recorder, graph.make('ule', distance, graph.constant(BigInt(maxLoops))))) result = -errno.E2BIG;
  if (result === 0) put(recorder, graph.sub(start, graph.constant(1n)), end);
  else put(recorder, undefined, undefined);
  finishWith(recorder, graph.constant(BigInt(result)));
}

/**
 * A load through a pointer that bpf_rdonly_cast made of anything. Where it is inside of something for every packet of
 * the trace it is a load like any other; else the trace asks (probeStep), since there may be nothing.
 */
export function recordProbe(recorder: Recorder, pointer: Value, offset: number, size: number): Value {
  const { memory, values, machine } = recorder;
  const { graph } = values;
  const address = graph.add(pointer, graph.constant(BigInt(offset)));
  const sample = values.sample(address);
  // The stack is not in memory while a trace runs.
  if (machine.lane.onStack(sample) !== undefined) return memory.load(pointer, offset, size);
  const at = memory.certain(pointer, offset, size, true);
  if (at?.space === 'map') return memory.read(at, size);
  const value = emitCall(recorder, probeStep, [address, graph.constant(BigInt(size))], [], false);
  values.setSample(value, probe(machine, sample, size));
  return graph.and(value, graph.constant(onesOf(size)));
}

/** (context, length): a packet in one piece, as all that are recorded, has nothing to pull. */
function recordPull(recorder: Recorder): void {
  const { memory, values } = recorder;
  const { graph } = values;
  const length = graph.sub(memory.endOffset, graph.constant(memory.dataOffset));
  const isThere = holds(recorder, graph.make('ule', low32(graph, recorder.register(2)), length));
  finishWith(recorder, graph.constant(BigInt(isThere ? 0 : -errno.EINVAL)));
}

/** (iterator): its address, where the number lies, or 0 at the end. */
function recordNext(recorder: Recorder): void {
  const { values, memory } = recorder;
  const { graph } = values;
  const iterator = recorder.register(1);
  const next = low32(graph, graph.add(memory.load(iterator, 0, 4), graph.constant(1n)));
  const end = memory.load(iterator, 4, 4);
  const isOver = holds(recorder, graph.make('sle', graph.make('sext32', end), graph.make('sext32', next)));
  if (isOver) put(recorder, undefined, undefined);
  else memory.store(iterator, 0, 4, next);
  finishWith(recorder, isOver ? graph.constant(0n) : iterator);
}

/** Writes both numbers of the iterator in r1; undefined: 0. */
function put(recorder: Recorder, current: Value | undefined, end: Value | undefined): void {
  const { values, memory } = recorder;
  const zero = values.graph.constant(0n);
  const iterator = recorder.register(1);
  memory.store(iterator, 0, 4, current ?? zero);
  memory.store(iterator, 4, 4, end ?? zero);
}
