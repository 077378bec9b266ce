/**
 * Calls that the trace makes itself: helpers with a row in {@link helperEffects}. Stack bytes that the helper reads go
 * with the call, since memory has them only then; what it may have changed is forgotten.
 */
import { depthOf, isConst, isDirectMap, low32, mask32, type Piece, stackAddress, type Value } from '../ir/index.js';
import type { MapSpec } from '../object/index.js';
import { helperName, kfuncName, stepName } from '../platform/index.js';
import { TraceAbort } from './aborts.js';
import { type ArgKind, type HelperEffects, helperEffects } from './helper-effects.js';
import type { Root } from './recorded-memory.js';
import type { Recorder } from './recorder.js';
import { type ByteOf, toRuns } from './shadow.js';

/** r0 after a call; r1 to r5 are lost, as the verifier has it. */
export function setResult(recorder: Recorder, result: Value): void {
  for (let r = 1; r <= 5; r++) recorder.setRegister(r, undefined);
  recorder.setRegister(0, result);
}

/** The call's result is `result`, whatever the machine says; the sample check finds out if that is wrong. */
export function finishWith(recorder: Recorder, result: Value): void {
  recorder.pending = { kind: 'result', finish: () => setResult(recorder, result) };
}

/** Whether a condition holds for this packet, guarded as it comes out. */
export function holds({ values }: Recorder, condition: Value): boolean {
  const result = values.sample(condition) !== 0n;
  values.guard(condition, result);
  return result;
}

/** Index of the map that an argument names. */
export function mapOf(recorder: Recorder, argument: number): number {
  return Number(mapPointer(recorder, recorder.register(argument)).imm);
}

/** The map that an argument names: a guard says so where the program finds it in a map of maps. */
function mapPointer({ machine, values }: Recorder, handle: Value): Value {
  if (handle.op === 'map') return handle;
  const map = machine.store.at(Number(values.sample(handle) & mask32));
  if (map === undefined) throw new TraceAbort('trap', 'not a map');
  return values.pin(handle, values.graph.map(map.index));
}

/** Address of an array's element. */
export function elementOf({ machine, values }: Recorder, map: number, index: Value): Value {
  const spec = machine.maps[map]?.spec;
  return spec !== undefined && isDirectMap(spec) ? values.graph.data(map) : values.graph.element(map, index);
}

/** What a map looks like. Throws TraceAbort where there is none of that index. */
export function specOf(recorder: Recorder, map: number): MapSpec {
  const found = recorder.machine.maps[map];
  if (found === undefined) throw new TraceAbort('desync', 'map');
  return found.spec;
}

/** The bytes at a pointer, as values. */
export function bytesAt(recorder: Recorder, pointer: Value, size: number): ByteOf[] {
  const { memory } = recorder;
  const at = memory.locate(pointer);
  if (at.space === 'stack') return memory.stackBytes(at.offset, size);
  const bytes: ByteOf[] = [];
  for (let i = 0; i < size; ) {
    const left = size - i;
    const width = left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
    const value = memory.load(pointer, i, width);
    for (let b = 0; b < width; b++) bytes.push({ value, byte: b });
    i += width;
  }
  return bytes;
}

/** Emits the call with up to five arguments and the stack bytes that it reads. */
export function emitCall(
  recorder: Recorder,
  helper: number,
  args: readonly Value[],
  reads: readonly { address: number; size: number }[],
  visible: boolean,
): Value {
  const { graph } = recorder.values;
  const zero = graph.constant(0n);
  const all: Value[] = Array.from({ length: 5 }, (_, i) => args[i] ?? zero);
  const pieces: Piece[] = [];
  for (const read of reads) {
    let { address } = read;
    for (const run of toRuns(graph, recorder.memory.stackBytes(read.address, read.size))) {
      // What a helper has put there need not be written again. A value that was loaded from the stack may be another
      // place's, or of before a later call.
      if (!recorder.memory.isFilled(address, run.size)) {
        all.push(run.value);
        pieces.push({ at: address, size: run.size });
      }
      address += run.size;
    }
  }
  return graph.effect('call', all, 0n, {
    kind: 'call',
    helper,
    name: helperName(helper)?.slice(4) ?? kfuncName(helper) ?? stepName(helper) ?? `helper_${helper}`,
    pieces,
    visible,
  });
}

function nameOf(helper: number): string {
  return helperName(helper) ?? kfuncName(helper) ?? `helper ${helper}`;
}

/**
 * Records a call that the trace makes. Its result is seen at the next instruction, when the interpreter has it. Throws
 * TraceAbort.
 */
export function recordHelper(recorder: Recorder, helper: number): void {
  const effects = helperEffects.get(helper);
  if (effects === undefined) throw new TraceAbort('helper-not-traceable', nameOf(helper));
  if (effects.environment) {
    const value = recorder.values.graph.environment(helper);
    recorder.pending = {
      kind: 'result',
      finish: (r0) => {
        recorder.values.setSample(value, r0);
        setResult(recorder, value);
      },
    };
    return;
  }
  const { args, reads, writes, outlives, map } = gatherArguments(recorder, effects);
  const call = emitCall(recorder, helper, args, reads, effects.visible || outlives);
  recorder.pending = {
    kind: 'result',
    finish: (r0) => {
      recorder.values.setSample(call, r0);
      setResult(recorder, call);
      applyEffects(recorder, effects, map, writes, call);
    },
  };
}

/** Arguments, and which memory the call reads and writes. */
interface Gathered {
  readonly args: readonly Value[];
  readonly reads: { address: number; size: number }[];
  readonly writes: { pointer: Value; size: number }[];
  /** It writes to memory that outlives the packet's run: of maps, of the packet. */
  readonly outlives: boolean;
  readonly map: number;
}

/** Takes the arguments from registers. Sizes that decide what is read have to be known: they are specialised. */
function gatherArguments(recorder: Recorder, effects: HelperEffects): Gathered {
  const { values } = recorder;
  const reads: { address: number; size: number }[] = [];
  const writes: { pointer: Value; size: number }[] = [];
  const args: Value[] = [];
  let outlives = false;
  let map = -1;
  for (const [i, kind] of effects.args.entries()) {
    if (kind !== 'map') continue;
    map = mapOf(recorder, i + 1);
  }
  for (const [i, kind] of effects.args.entries()) {
    const register = i + 1;
    let value =
      kind === 'printed' && !recorder.isSet(register) ? values.graph.constant(0n) : recorder.register(register);
    if (kind === 'map') value = mapPointer(recorder, value);
    if (kind === 'printed') value = readPointee(recorder, value, reads);
    const size = sizeOf(recorder, kind, map, register);
    if (size !== undefined && pointsToMemory(recorder, value)) {
      const { isIn, isOut } = directionOf(kind);
      const onStack = recorder.machine.memory.pointee(values.sample(value))?.kind === 'stack';
      const at = onStack ? recorder.memory.locate(value).offset : 0;
      if (onStack) value = recorder.memory.stackPointer(at);
      // A size that varies is pinned where it decides which stack bytes are read.
      const bytes = isConst(size) || !onStack ? Number(values.sample(size)) : Number(values.specialise(size).imm);
      if (onStack && isIn) reads.push({ address: at, size: bytes });
      if (isOut) {
        writes.push({ pointer: value, size: bytes });
        outlives ||= !onStack;
      }
      if (kind === 'printed-list')
        for (let at = 0; at + 8 <= bytes; at += 8) readPointee(recorder, recorder.memory.load(value, at, 8), reads);
    }
    args.push(value);
  }
  return { args, reads, writes, outlives, map };
}

/**
 * Which way bytes go. A value that the helper fills goes in as well: of a map of another type than the recorder thinks
 * it may be asked for (bpf_map_peek_elem of a bloom filter reads it).
 */
function directionOf(kind: ArgKind): { readonly isIn: boolean; readonly isOut: boolean } {
  if (typeof kind === 'object') return { isIn: !('out' in kind), isOut: !('read' in kind) };
  return { isIn: kind !== 'out', isOut: kind === 'out' || kind === 'inout' || kind === 'out-value' };
}

/** Bytes behind a pointer argument; undefined if it is not one. */
function sizeOf(recorder: Recorder, kind: ArgKind, map: number, register: number): Value | undefined {
  const { graph } = recorder.values;
  if (typeof kind === 'object') return graph.constant(BigInt(Object.values(kind)[0] ?? 0));
  switch (kind) {
    case 'key':
      return graph.constant(BigInt(specOf(recorder, map).keySize));
    case 'value':
    case 'out-value':
      return graph.constant(BigInt(specOf(recorder, map).valueSize));
    case 'mem':
    case 'out':
    case 'inout':
    case 'printed-list':
      return low32(graph, recorder.register(register + 1));
    default:
      return undefined;
  }
}

/**
 * A printed argument may point to what a format such as `%s` or `%pI4` shows. Which one it is and how long does not
 * matter here: the rest of the stack frame is made ready for it.
 */
function readPointee(recorder: Recorder, value: Value, reads: Gathered['reads']): Value {
  const { values } = recorder;
  if (!pointsToMemory(recorder, value)) return value;
  const region = recorder.machine.memory.pointee(values.sample(value));
  if (region?.kind !== 'stack') return value;
  const address = recorder.memory.locate(value).offset;
  reads.push({ address, size: stackAddress(depthOf(address), 0) - address });
  return recorder.memory.stackPointer(address);
}

function pointsToMemory(recorder: Recorder, value: Value): boolean {
  const address = recorder.values.sample(value);
  return address !== 0n && address <= mask32 && recorder.machine.memory.pointee(address) !== undefined;
}

/** What is no longer known after the call: buffers that it wrote, maps that it changed, the packet. */
function applyEffects(
  recorder: Recorder,
  effects: HelperEffects,
  map: number,
  writes: readonly { pointer: Value; size: number }[],
  result: Value,
): void {
  const { memory } = recorder;
  if (effects.mutatesMap) memory.change({ kind: 'elements', map });
  if (effects.writesPacket) memory.change({ kind: 'clobber-all', space: 'packet', map: -1 });
  if (effects.writesMemory)
    for (const space of ['map', 'other'] as const) memory.change({ kind: 'clobber-all', space, map: -1 });
  if (effects.returnsMemory !== undefined) {
    const isMap = recorder.machine.memory.pointee(recorder.values.sample(result))?.kind === 'map value';
    const root: Root = { space: isMap ? 'map' : 'other', map: -1, size: effects.returnsMemory };
    memory.change({ kind: 'root', pointer: result, root, found: false });
  }
  if (effects.returnsElement)
    memory.change({
      kind: 'root',
      pointer: result,
      root: { space: 'map', map, size: specOf(recorder, map).valueSize },
      found: false,
    });
  for (const write of writes) {
    if (write.size === 0) continue;
    const at = memory.locate(write.pointer);
    if (at.space === 'stack')
      memory.change({
        kind: 'filled',
        address: at.offset,
        bytes: Array.from({ length: write.size }, () => 'memory' as const),
      });
    else memory.change({ kind: 'clobber', at, size: write.size });
  }
}
