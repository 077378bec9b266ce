/** Helper calls in a trace: those that become values or guards, those that move the packet's bounds, and the rest, which the trace calls. */
import { type Detail, isConst, mask32, mask64, type Piece, type Value } from '../ir/index.js';
import { helperName } from '../platform/index.js';
import { headroom, type LoadedProgram, maxLinear, maxTailCalls } from '../vm/index.js';
import { ProgArrayMap } from '../vm/maps/index.js';
import { TraceAbort } from './aborts.js';
import { low32 } from './alu.js';
import { type ArgKind, type HelperEffects, helperEffects } from './helper-effects.js';
import type { Recorder } from './recorder.js';
import { type ByteOf, toRuns } from './shadow.js';

/** A call whose result is seen at the next instruction. */
export type Pending =
  | { readonly kind: 'result'; readonly finish: (r0: bigint) => void }
  | {
      readonly kind: 'callback';
      readonly depth: number;
      readonly entry: number;
      /** Registers of the callback's frame. */
      readonly enter: () => (Value | undefined)[];
      readonly returned: (result: Value) => void;
      readonly finish: (r0: bigint) => void;
    };

const lookupElem = 1;
const tailCall = 12;
const adjustHead = 44;
const adjustMeta = 54;
const adjustTail = 65;
const forEachMapElem = 164;
const loop = 181;
const getBuffLen = 188;
const loadBytes = 189;

/** Longest copy out of the packet that is followed byte by byte. */
const maxFollowedCopy = 256;

export function recordCall(recorder: Recorder, program: LoadedProgram, helper: number): void {
  switch (helper) {
    case lookupElem:
      recordLookup(recorder);
      return;
    case tailCall:
      recordTailCall(recorder);
      return;
    case adjustHead:
    case adjustMeta:
    case adjustTail:
      recordAdjust(recorder, helper);
      return;
    case loop:
      recordLoop(recorder, program);
      return;
    case forEachMapElem:
      throw new TraceAbort('callback-over-map');
    case getBuffLen: {
      const { graph } = recorder;
      finishWith(recorder, graph.sub(recorder.endOffset, graph.constant(recorder.dataOffset)));
      return;
    }
    case loadBytes:
      if (followLoadBytes(recorder)) return;
      break;
    default:
      break;
  }
  recordGeneral(recorder, helper);
}

/** The call's result is `result`, whatever the machine says; the sample check finds out if that is wrong. */
function finishWith(recorder: Recorder, result: Value): void {
  recorder.pending = { kind: 'result', finish: () => setResult(recorder, result) };
}

function setResult(recorder: Recorder, result: Value): void {
  for (let r = 1; r <= 5; r++) recorder.setRegister(r, undefined);
  recorder.setRegister(0, result);
}

function mapOf(recorder: Recorder, argument: number): { readonly index: number; readonly handle: Value } {
  const handle = recorder.specialise(recorder.register(argument));
  const map = recorder.machine.mapAt(Number(handle.imm & mask32));
  if (map === undefined) throw new TraceAbort('trap', 'not a map');
  return { index: map.index, handle };
}

function specOf(
  recorder: Recorder,
  map: number,
): { readonly type: string; readonly keySize: number; readonly valueSize: number; readonly maxEntries: number } {
  const found = recorder.machine.maps[map];
  if (found === undefined) throw new TraceAbort('desync', 'map');
  return found.spec;
}

/** The bytes at a pointer, as values. */
function bytesAt(recorder: Recorder, pointer: Value, size: number): ByteOf[] {
  const at = recorder.locate(pointer, size);
  if (at.space === 'stack') return recorder.stackBytes(at.offset, size);
  const bytes: ByteOf[] = [];
  for (let i = 0; i < size; ) {
    const left = size - i;
    const width = left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
    const value = recorder.loadFrom(pointer, i, width);
    for (let b = 0; b < width; b++) bytes.push({ value, byte: b });
    i += width;
  }
  return bytes;
}

function recordLookup(recorder: Recorder): void {
  const { graph, facts } = recorder;
  const { index } = mapOf(recorder, 1);
  const spec = specOf(recorder, index);
  const key = recorder.register(2);
  const runs = toRuns(graph, bytesAt(recorder, key, spec.keySize));
  let address = 0;
  const pieces: Piece[] = runs.map((run) => {
    const piece = { address, size: run.size };
    address += run.size;
    return piece;
  });
  const isArray = spec.type === 'array' || spec.type === 'percpu_array';
  // Whether an array has an element is arithmetic.
  let outside = false;
  if (isArray) {
    let subscript = graph.constant(0n);
    for (const [i, run] of runs.entries()) {
      const shift = graph.constant(BigInt(8 * (pieces[i]?.address ?? 0)));
      subscript = graph.make('or', subscript, graph.make('shl', run.value, shift));
    }
    const inside = graph.make('ult', subscript, graph.constant(BigInt(spec.maxEntries)));
    outside = recorder.sample(inside) === 0n;
    recorder.guard(inside, !outside);
  }
  if (outside) {
    finishWith(recorder, graph.constant(0n));
    return;
  }
  const version = recorder.mapVersions.get(index) ?? 0;
  const detail: Detail = { kind: 'lookup', map: index, key: 0, pieces, marks: spec.type.startsWith('lru') };
  const value = graph.query(
    'lookup',
    runs.map((run) => run.value),
    detail,
    version,
    version === 0,
  );
  const size = spec.type.endsWith('_of_maps') ? 0 : spec.valueSize;
  recorder.roots.set(value, { space: 'map', map: index, size });
  if (isArray) facts.found.set(value, true);
  // Elements of an array stay where they are.
  const isFixed = spec.type === 'array' && runs.every((run) => isConst(run.value));
  recorder.pending = {
    kind: 'result',
    finish: (r0) => {
      if (isFixed) {
        recorder.nameValue(r0, index);
        setResult(recorder, graph.constant(r0));
        return;
      }
      recorder.setSample(value, r0);
      setResult(recorder, value);
    },
  };
}

function recordTailCall(recorder: Recorder): void {
  const { graph, machine } = recorder;
  const { index: map } = mapOf(recorder, 2);
  const found = machine.maps[map];
  const slotIndex = low32(graph, recorder.register(3));
  const concrete = Number(recorder.sample(slotIndex));
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
  recorder.guard(inside, isInside);
  if (!isInside || recorder.tailCalls >= maxTailCalls) {
    fail();
    return;
  }
  const content = found.programAt(concrete);
  const slot = graph.query('slot', [slotIndex], { kind: 'slot', map }, 0, true);
  recorder.setSample(slot, BigInt(content));
  recorder.specialise(slot);
  if (machine.programs[content - 1] === undefined) {
    fail();
    return;
  }
  recorder.tailCalls++;
  recorder.pending = { kind: 'result', finish: () => recorder.enterProgram() };
}

/** bpf_xdp_adjust_head, _meta and _tail: their conditions become guards on the packet's length, their success moves what data and data_end read as. */
function recordAdjust(recorder: Recorder, helper: number): void {
  const { graph } = recorder;
  const argument = graph.make('sext32', recorder.register(2));
  // Where the start moves by a variable amount, every offset would become symbolic; the end may.
  const delta = helper === adjustTail ? argument : recorder.specialise(argument);
  const amount = BigInt.asIntN(64, recorder.sample(delta));
  const before = { data: recorder.dataOffset, meta: recorder.metaOffset, end: recorder.endOffset };
  const lowest = -BigInt(headroom) + 40n;
  /** A condition of success: guarded as it comes out. */
  const holds = (condition: Value): boolean => {
    const result = recorder.sample(condition) !== 0n;
    recorder.guard(condition, result);
    return result;
  };
  const atLeast = (end: Value, least: bigint): boolean => holds(graph.make('sle', graph.constant(least), end));
  let success: boolean;
  let failure = -22n;
  if (helper === adjustHead) {
    const data = before.data + amount;
    success = data >= lowest + (before.data - before.meta) && atLeast(before.end, data + 14n);
    if (success) {
      recorder.dataOffset = data;
      recorder.metaOffset = before.meta + amount;
      // Metadata moves along.
      if (before.data !== before.meta) recorder.shadow.clobberAll('packet', -1);
    }
  } else if (helper === adjustMeta) {
    const meta = before.meta + amount;
    success = meta >= lowest && meta <= before.data;
    if (success && ((before.data - meta) % 4n !== 0n || before.data - meta > 252n)) {
      success = false;
      failure = -13n;
    }
    if (success) recorder.metaOffset = meta;
  } else {
    const end = graph.add(before.end, delta);
    success = atLeast(end, before.data + 14n);
    if (success && !holds(graph.make('sle', end, graph.constant(BigInt(maxLinear))))) {
      // A packet longer than a page has a frame of its own, without room behind it.
      success = holds(graph.make('sle', end, graph.length));
    }
    if (success) {
      recorder.endOffset = end;
      if (amount > 0n || !isConst(delta)) recorder.shadow.clobberAll('packet', -1);
    }
  }
  // A helper that refuses changes nothing.
  if (success) emitCall(recorder, helper, [recorder.register(1), delta], [], true);
  finishWith(recorder, graph.constant(success ? 0n : failure & mask64));
}

function recordLoop(recorder: Recorder, program: LoadedProgram): void {
  const { graph, machine } = recorder;
  const count = low32(graph, recorder.register(1));
  const fn = recorder.specialise(recorder.register(2));
  const context = recorder.register(3);
  recorder.specialise(recorder.register(4));
  const entry = machine.slotAt(program, fn.imm);
  const depth = recorder.frames.length - 1;
  let i = 0n;
  let stopped = false;
  recorder.pending = {
    kind: 'callback',
    depth,
    entry,
    enter: () => {
      recorder.guard(graph.make('ult', graph.constant(i), count), true);
      const zero = graph.constant(0n);
      return [
        undefined,
        graph.constant(i),
        context,
        zero,
        zero,
        zero,
        undefined,
        undefined,
        undefined,
        undefined,
        undefined,
      ];
    },
    returned: (result) => {
      i++;
      const goesOn = graph.make('eq', result, graph.constant(0n));
      stopped = recorder.sample(goesOn) === 0n;
      recorder.guard(goesOn, !stopped);
    },
    finish: (r0) => {
      const failed = r0 >> 63n !== 0n;
      if (failed) recorder.specialise(count);
      else if (!stopped) recorder.guard(graph.make('eq', count, graph.constant(i)), true);
      setResult(recorder, graph.constant(failed ? r0 : i));
    },
  };
}

/** bpf_xdp_load_bytes to the stack, constant length: the bytes are packet loads like any other. */
function followLoadBytes(recorder: Recorder): boolean {
  const { graph } = recorder;
  const length = recorder.register(4);
  const target = recorder.register(3);
  if (!isConst(target) || !isConst(length) || length.imm > BigInt(maxFollowedCopy) || length.imm === 0n) return false;
  const size = Number(length.imm);
  if (recorder.locate(target, size).space !== 'stack') return false;
  const offset = low32(graph, recorder.register(2));
  const small = graph.make('ule', offset, graph.constant(0xffffn));
  const isSmall = recorder.sample(small) !== 0n;
  recorder.guard(small, isSmall);
  if (!isSmall) {
    finishWith(recorder, graph.constant(-14n));
    return true;
  }
  const pointer = graph.pointer(graph.add(graph.constant(recorder.dataOffset), offset));
  const inside = graph.make('ule', graph.add(pointer, length), graph.pointer(recorder.endOffset));
  const isInside = recorder.sample(inside) !== 0n;
  recorder.guard(inside, isInside);
  if (!isInside) {
    finishWith(recorder, graph.constant(-22n));
    return true;
  }
  recorder.setStackBytes(Number(target.imm), bytesAt(recorder, pointer, size));
  finishWith(recorder, graph.constant(0n));
  return true;
}

/** Emits the call with up to five arguments and the stack bytes that it reads. */
function emitCall(
  recorder: Recorder,
  helper: number,
  args: readonly Value[],
  reads: readonly { address: number; size: number }[],
  visible: boolean,
): Value {
  const { graph } = recorder;
  const zero = graph.constant(0n);
  const all: Value[] = Array.from({ length: 5 }, (_, i) => args[i] ?? zero);
  const pieces: Piece[] = [];
  for (const read of reads) {
    let { address } = read;
    for (const run of toRuns(graph, recorder.stackBytes(read.address, read.size))) {
      // What memory has already need not be written again.
      if (!(run.value.op === 'load' && run.value.detail?.kind === 'memory' && run.value.detail.space === 'stack')) {
        all.push(run.value);
        pieces.push({ address, size: run.size });
      }
      address += run.size;
    }
  }
  return graph.effect('call', all, 0n, {
    kind: 'call',
    helper,
    name: helperName(helper)?.slice(4) ?? `helper_${helper}`,
    pieces,
    visible,
  });
}

function recordGeneral(recorder: Recorder, helper: number): void {
  const { graph } = recorder;
  const effects = helperEffects.get(helper);
  if (effects === undefined) throw new TraceAbort('helper-not-traceable', helperName(helper) ?? `helper ${helper}`);
  if (effects.environment === true) {
    const value = graph.environment(helper);
    recorder.pending = {
      kind: 'result',
      finish: (r0) => {
        recorder.setSample(value, r0);
        setResult(recorder, value);
      },
    };
    return;
  }
  const { args, reads, writes, map } = gatherArguments(recorder, effects);
  const call = emitCall(recorder, helper, args, reads, effects.visible === true);
  recorder.pending = {
    kind: 'result',
    finish: (r0) => {
      recorder.setSample(call, r0);
      setResult(recorder, call);
      applyEffects(recorder, effects, map, writes, call);
    },
  };
}

interface Gathered {
  readonly args: readonly Value[];
  readonly reads: { address: number; size: number }[];
  readonly writes: { pointer: Value; size: number }[];
  readonly map: number;
}

function gatherArguments(recorder: Recorder, effects: HelperEffects): Gathered {
  const reads: { address: number; size: number }[] = [];
  const writes: { pointer: Value; size: number }[] = [];
  const args: Value[] = [];
  let map = -1;
  for (const [i, kind] of effects.args.entries()) {
    if (kind !== 'map') continue;
    map = mapOf(recorder, i + 1).index;
  }
  for (const [i, kind] of effects.args.entries()) {
    const register = i + 1;
    let value =
      kind === 'printed' && !recorder.isSet(register) ? recorder.graph.constant(0n) : recorder.register(register);
    if (kind === 'map') value = recorder.specialise(value);
    if (kind === 'printed') value = readPointee(recorder, value, reads);
    const size = sizeOf(recorder, kind, map, register);
    if (size !== undefined && pointsToMemory(recorder, value)) {
      const isOut = kind === 'out' || kind === 'out-value' || (typeof kind === 'object' && 'inout' in kind);
      const onStack = recorder.machine.memory.regionOf(Number(recorder.sample(value)))?.kind === 'stack';
      if (onStack) value = recorder.specialise(value);
      // A size that varies is pinned where it decides which stack bytes are read.
      const bytes = isConst(size) || !onStack ? Number(recorder.sample(size)) : Number(recorder.specialise(size).imm);
      if (onStack && kind !== 'out') reads.push({ address: Number(value.imm), size: bytes });
      if (isOut) writes.push({ pointer: value, size: bytes });
      if (kind === 'printed-list')
        for (let at = 0; at + 8 <= bytes; at += 8) readPointee(recorder, recorder.loadFrom(value, at, 8), reads);
    }
    args.push(value);
  }
  return { args, reads, writes, map };
}

/** Bytes behind a pointer argument; undefined if it is not one. */
function sizeOf(recorder: Recorder, kind: ArgKind, map: number, register: number): Value | undefined {
  const { graph } = recorder;
  if (typeof kind === 'object') return graph.constant(BigInt('read' in kind ? kind.read : kind.inout));
  switch (kind) {
    case 'key':
      return graph.constant(BigInt(specOf(recorder, map).keySize));
    case 'value':
    case 'out-value':
      return graph.constant(BigInt(specOf(recorder, map).valueSize));
    case 'mem':
    case 'out':
    case 'printed-list':
      return low32(graph, recorder.register(register + 1));
    default:
      return undefined;
  }
}

/**
 * A printed argument may point to what a format such as `%s` or `%pI4` shows. Which one it is and how long does not matter here: the rest of the stack
 * frame is made ready for it.
 */
function readPointee(recorder: Recorder, value: Value, reads: Gathered['reads']): Value {
  if (!pointsToMemory(recorder, value)) return value;
  const region = recorder.machine.memory.regionOf(Number(recorder.sample(value)));
  if (region?.kind !== 'stack') return value;
  const pointer = recorder.specialise(value);
  const address = Number(pointer.imm);
  reads.push({ address, size: region.start + region.size - address });
  return pointer;
}

function pointsToMemory(recorder: Recorder, value: Value): boolean {
  const address = recorder.sample(value);
  return address !== 0n && address <= mask32 && recorder.machine.memory.regionOf(Number(address)) !== undefined;
}

function applyEffects(
  recorder: Recorder,
  effects: HelperEffects,
  map: number,
  writes: readonly { pointer: Value; size: number }[],
  result: Value,
): void {
  if (effects.mutatesMap === true) {
    recorder.mapVersions.set(map, (recorder.mapVersions.get(map) ?? 0) + 1);
    recorder.shadow.clobberAll('map', map);
  }
  if (effects.writesPacket === true) recorder.shadow.clobberAll('packet', -1);
  if (effects.returnsMemory === true) recorder.roots.set(result, { space: 'other', map: -1, size: 0 });
  for (const write of writes) {
    if (write.size === 0) continue;
    const at = recorder.locate(write.pointer, write.size);
    if (at.space === 'stack')
      recorder.setStackBytes(
        at.offset,
        Array.from({ length: write.size }, () => 'memory' as const),
      );
    else recorder.shadow.clobber(at, write.size);
  }
}
