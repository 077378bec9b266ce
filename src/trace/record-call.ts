/**
 * Helper calls in a recording: those that become values or guards, those that move the packet's bounds; the rest,
 * which the trace calls, is record-helper.ts.
 */

import { type Detail, isConst, isStatic, low32, mask64, type Piece, type Value } from '../ir/index.js';
import { headroom, helperId, isArrayMap, maxLinear, maxTailCalls } from '../platform/index.js';
import type { LoadedProgram } from '../vm/index.js';
import { ProgArrayMap } from '../vm/maps/index.js';
import { TraceAbort } from './aborts.js';
import { recordForEach, recordLoop } from './record-callback.js';
import { recordDynptr } from './record-dynptr.js';
import {
  bytesAt,
  elementOf,
  emitCall,
  finishWith,
  holds,
  mapOf,
  recordHelper,
  setResult,
  specOf,
} from './record-helper.js';
import { recordKfunc } from './record-kfunc.js';
import type { Recorder } from './recorder.js';
import { toRuns } from './shadow.js';

/** Longest copy out of the packet that is followed byte by byte. */
const maxFollowedCopy = 256;

/** Records a call by the helper's number. Throws TraceAbort for one that no card can run. */
export function recordCall(recorder: Recorder, program: LoadedProgram, helper: number): void {
  switch (helper) {
    case helperId.map_lookup_elem:
      recordLookup(recorder);
      return;
    case helperId.tail_call:
      recordTailCall(recorder);
      return;
    case helperId.xdp_adjust_head:
    case helperId.xdp_adjust_meta:
    case helperId.xdp_adjust_tail:
      recordAdjust(recorder, helper);
      return;
    case helperId.loop:
      recordLoop(recorder, program);
      return;
    case helperId.for_each_map_elem:
      recordForEach(recorder, program);
      return;
    case helperId.xdp_get_buff_len: {
      const { graph } = recorder.values;
      finishWith(recorder, graph.sub(recorder.memory.endOffset, graph.constant(recorder.memory.dataOffset)));
      return;
    }
    case helperId.xdp_load_bytes:
      if (followLoadBytes(recorder)) return;
      break;
    default:
      if (recordDynptr(recorder, helper) || recordKfunc(recorder, helper)) return;
  }
  recordHelper(recorder, helper);
}

/** A look-up: its key becomes pieces of values, and whether it found something a guard. */
function recordLookup(recorder: Recorder): void {
  const { values, memory } = recorder;
  const { graph } = values;
  const index = mapOf(recorder, 1);
  const spec = specOf(recorder, index);
  const key = recorder.register(2);
  const runs = toRuns(graph, bytesAt(recorder, key, spec.keySize));
  let at = 0;
  const pieces: Piece[] = runs.map((run) => {
    const piece = { at, size: run.size };
    at += run.size;
    return piece;
  });
  const isArray = isArrayMap(spec.type);
  // Whether an array has an element is arithmetic.
  let outside = false;
  let subscript: Value | undefined;
  if (isArray) {
    subscript = graph.constant(0n);
    for (const [i, run] of runs.entries()) {
      const shift = graph.constant(BigInt(8 * (pieces[i]?.at ?? 0)));
      subscript = graph.make('or', subscript, graph.make('shl', run.value, shift));
    }
    const inside = graph.make('ult', subscript, graph.constant(BigInt(spec.maxEntries)));
    outside = values.sample(inside) === 0n;
    values.guard(inside, !outside);
  }
  if (outside) {
    finishWith(recorder, graph.constant(0n));
    return;
  }
  const version = memory.mapVersion(index);
  const detail: Detail = { kind: 'lookup', map: index, pieces, marks: spec.type.startsWith('lru') };
  const value = graph.query(
    'lookup',
    runs.map((run) => run.value),
    detail,
    version,
    version === 0 && !(detail.marks && values.mayFailLate),
  );
  const size = spec.type.endsWith('_of_maps') ? 0 : spec.valueSize;
  memory.change({ kind: 'root', pointer: value, root: { space: 'map', map: index, size }, found: isArray });
  // Elements of an array stay where they are.
  const element = spec.type === 'array' && subscript !== undefined && isConst(subscript) ? subscript : undefined;
  recorder.pending = {
    kind: 'result',
    finish: (r0) => {
      if (element !== undefined) {
        setResult(recorder, elementOf(recorder, index, element));
        return;
      }
      values.setSample(value, r0);
      setResult(recorder, value);
    },
  };
}

/** A tail call is a guard on what the slot holds; the trace goes on in that program. */
function recordTailCall(recorder: Recorder): void {
  const { machine, values } = recorder;
  const { graph } = values;
  const map = mapOf(recorder, 2);
  const found = machine.maps[map];
  const slotIndex = low32(graph, recorder.register(3));
  const concrete = Number(values.sample(slotIndex));
  const previous = recorder.frames.at(-1)?.registers[0];
  const fail = (): void => {
    recorder.pending = {
      kind: 'result',
      finish: () => {
        for (let r = 1; r <= 5; r++) recorder.setRegister(r, undefined);
        recorder.setRegister(0, previous);
      },
    };
  };
  if (!(found instanceof ProgArrayMap)) throw new TraceAbort('trap', 'not a PROG_ARRAY');
  const inside = graph.make('ult', slotIndex, graph.constant(BigInt(found.spec.maxEntries)));
  const isInside = concrete < found.spec.maxEntries;
  values.guard(inside, isInside);
  if (!isInside || recorder.tailCalls >= maxTailCalls) {
    fail();
    return;
  }
  const content = found.programAt(concrete);
  const slot = graph.query('slot', [slotIndex], { kind: 'slot', map }, 0, true);
  values.setSample(slot, BigInt(content));
  values.specialise(slot);
  if (machine.programs[content - 1] === undefined) {
    fail();
    return;
  }
  recorder.tailCalls++;
  recorder.pending = { kind: 'result', finish: () => recorder.enterProgram() };
}

/**
 * bpf_xdp_adjust_head, _meta and _tail: their conditions become guards on the packet's length, their success moves
 * what data and data_end read as.
 */
function recordAdjust(recorder: Recorder, helper: number): void {
  const { values, memory } = recorder;
  const { graph } = values;
  const argument = graph.make('sext32', recorder.register(2));
  if (helper === helperId.xdp_adjust_tail) {
    recordAdjustTail(recorder, argument);
    return;
  }
  // Where the start moves by a variable amount, every offset would become symbolic.
  const delta = values.specialise(argument);
  const amount = BigInt.asIntN(64, delta.imm);
  const before = { data: memory.dataOffset, meta: memory.metaOffset(), end: memory.endOffset };
  const lowest = -BigInt(headroom) + 40n;
  let success: boolean;
  let failure = -22n;
  if (helper === helperId.xdp_adjust_head) {
    const data = before.data + amount;
    success = data >= lowest + (before.data - before.meta) && isAtLeast(recorder, before.end, data + 14n);
    if (success) {
      memory.change({ kind: 'bounds', data, meta: before.meta + amount, end: before.end });
      // Metadata moves along.
      if (before.data !== before.meta) memory.change({ kind: 'clobber-all', space: 'packet', map: -1 });
    }
  } else {
    const meta = before.meta + amount;
    success = meta >= lowest && meta <= before.data;
    if (success && ((before.data - meta) % 4n !== 0n || before.data - meta > 252n)) {
      success = false;
      failure = -13n;
    }
    if (success) memory.change({ kind: 'bounds', ...before, meta });
  }
  finishAdjust(recorder, helper, delta, success, failure);
}

/** bpf_xdp_adjust_tail: its conditions for success become guards, as the packet's length is not known. */
function recordAdjustTail(recorder: Recorder, delta: Value): void {
  const { values, memory } = recorder;
  const { graph } = values;
  const end = graph.add(memory.endOffset, delta);
  let success = isAtLeast(recorder, end, memory.dataOffset + 14n);
  if (success && !holds(recorder, graph.make('sle', end, graph.constant(BigInt(maxLinear))))) {
    // A packet longer than a page has a frame of its own, without room behind it.
    success = holds(recorder, graph.make('sle', end, graph.length));
  }
  if (success) {
    memory.change({ kind: 'end', end });
    const grows = BigInt.asIntN(64, values.sample(delta)) > 0n;
    if (grows || !isConst(delta)) memory.change({ kind: 'clobber-all', space: 'packet', map: -1 });
  }
  finishAdjust(recorder, helperId.xdp_adjust_tail, delta, success, -22n);
}

/** Guards that the end lies at or behind `least`, or that it does not; tells which. */
function isAtLeast(recorder: Recorder, end: Value, least: bigint): boolean {
  const { graph } = recorder.values;
  return holds(recorder, graph.make('sle', graph.constant(least), end));
}

/** Calls the helper where it succeeded, and gives r0. */
function finishAdjust(recorder: Recorder, helper: number, delta: Value, success: boolean, failure: bigint): void {
  // A helper that refuses changes nothing.
  if (success) emitCall(recorder, helper, [recorder.register(1), delta], [], true);
  finishWith(recorder, recorder.values.graph.constant(success ? 0n : failure & mask64));
}

/** bpf_xdp_load_bytes to the stack, constant length: the bytes are packet loads like any other. */
function followLoadBytes(recorder: Recorder): boolean {
  const { values, memory } = recorder;
  const { graph } = values;
  const length = recorder.register(4);
  const target = recorder.register(3);
  if (!isStatic(target) || !isConst(length) || length.imm > BigInt(maxFollowedCopy) || length.imm === 0n) return false;
  const size = Number(length.imm);
  const to = memory.locate(target);
  if (to.space !== 'stack') return false;
  const offset = low32(graph, recorder.register(2));
  const small = graph.make('ule', offset, graph.constant(0xffffn));
  const isSmall = values.sample(small) !== 0n;
  values.guard(small, isSmall);
  if (!isSmall) {
    finishWith(recorder, graph.constant(-14n));
    return true;
  }
  const pointer = graph.pointer(graph.add(graph.constant(memory.dataOffset), offset));
  const inside = graph.make('ule', graph.add(pointer, length), graph.pointer(memory.endOffset));
  const isInside = values.sample(inside) !== 0n;
  values.guard(inside, isInside);
  if (!isInside) {
    finishWith(recorder, graph.constant(-22n));
    return true;
  }
  memory.change({ kind: 'filled', address: to.offset, bytes: bytesAt(recorder, pointer, size) });
  finishWith(recorder, graph.constant(0n));
  return true;
}
