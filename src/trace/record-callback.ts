/**
 * Helpers that call back, unrolled along the path: bpf_loop, and bpf_for_each_map_elem. A walk over a map is a
 * condition on which elements are where: each link that the walk follows is loaded and guarded like any other bytes of
 * the map, or assumed where only the control plane changes them. Elements go by the number of
 * their slot, so keys and values are bytes of known cells.
 */
import { low32, type Value } from '../ir/index.js';
import type { MapCell, MapPart } from '../object/index.js';
import { helperId } from '../platform/index.js';
import { type BpfMap, type LoadedProgram, type MapLayout, slotAt } from '../vm/index.js';
import { TraceAbort } from './aborts.js';
import { elementOf, finishWith, mapOf, setResult } from './record-helper.js';
import type { Recorder } from './recorder.js';

/** r1 to r5 as given, the others unset. */
function callbackRegisters(args: readonly Value[]): (Value | undefined)[] {
  return [undefined, ...args, ...Array.from({ length: 5 }, () => undefined)];
}

/** Slot of the callback in argument 2. */
function entryOf(recorder: Recorder, program: LoadedProgram): number {
  const { values } = recorder;
  const fn = recorder.register(2);
  if (fn.op === 'code' && fn.origin.program === program.index) return Number(fn.imm);
  const slot = slotAt(program, values.sample(fn));
  values.pin(fn, values.graph.codeAt(slot, program.index));
  return slot;
}

/** bpf_loop: unrolled along the path. */
export function recordLoop(recorder: Recorder, program: LoadedProgram): void {
  const { values } = recorder;
  const { graph } = values;
  const count = low32(graph, recorder.register(1));
  const entry = entryOf(recorder, program);
  const context = recorder.register(3);
  values.specialise(recorder.register(4));
  const depth = recorder.frames.length - 1;
  let i = 0n;
  let stopped = false;
  recorder.pending = {
    kind: 'callback',
    depth,
    entry,
    enter: () => {
      values.guard(graph.make('ult', graph.constant(i), count), true);
      const zero = graph.constant(0n);
      return callbackRegisters([graph.constant(i), context, zero, zero, zero]);
    },
    returned: (result) => {
      i++;
      const goesOn = graph.make('eq', result, graph.constant(0n));
      stopped = values.sample(goesOn) === 0n;
      values.guard(goesOn, !stopped);
    },
    finish: (r0) => {
      const failed = r0 >> 63n !== 0n;
      if (failed) values.specialise(count);
      else if (!stopped) values.guard(graph.make('eq', count, graph.constant(i)), true);
      setResult(recorder, graph.constant(failed ? r0 : i));
    },
  };
}

/** An element as pointers to key and value; an array's key is written to one cell before each call. */
interface Element {
  readonly key: Value;
  /** What to write there. */
  readonly index: Value | undefined;
  readonly value: Value;
}

/** Begins a walk over a map. The callback is recorded like a function of the program, once for each element. */
export function recordForEach(recorder: Recorder, program: LoadedProgram): void {
  const { machine, values, memory } = recorder;
  const { graph } = values;
  const index = mapOf(recorder, 1);
  const map = machine.maps[index] as BpfMap;
  const entry = entryOf(recorder, program);
  const context = recorder.register(3);
  const flags = values.specialise(recorder.register(4));
  if (flags.imm !== 0n) {
    finishWith(recorder, graph.constant(-22n));
    return;
  }
  const walk = elementsOf(recorder, map);
  let current = walk.next();
  let visited = 0n;
  let stopped = false;
  recorder.pending = {
    kind: 'callback',
    depth: recorder.frames.length - 1,
    entry,
    enter: () => {
      if (current.done === true) throw new TraceAbort('desync', 'walk');
      const { key, index: shown, value } = current.value;
      if (shown !== undefined) memory.store(key, 0, 4, shown);
      return callbackRegisters([graph.map(index), key, value, context, graph.constant(0n)]);
    },
    returned: (result) => {
      visited++;
      const goesOn = graph.make('eq', result, graph.constant(0n));
      stopped = values.sample(goesOn) === 0n;
      values.guard(goesOn, !stopped);
      if (!stopped) current = walk.next();
    },
    finish: (r0) => {
      if (r0 !== visited || (!stopped && current.done !== true)) throw new TraceAbort('desync', 'walk');
      setResult(recorder, graph.constant(visited));
    },
  };
}

/** The elements in the order of the helper's walk; each step reads what the helper reads at that moment. */
function* elementsOf(recorder: Recorder, map: BpfMap): Generator<Element> {
  const { values, memory, limits } = recorder;
  const layout: MapLayout | undefined = map.layout();
  if (layout?.kind !== 'array' && layout?.kind !== 'hash') throw new TraceAbort('callback-over-map', map.spec.type);
  let cpu = 0;
  if (layout.cpus > 1) {
    const number = values.graph.environment(helperId.get_smp_processor_id);
    values.setSample(number, BigInt(recorder.machine.lane.cpu));
    cpu = Number(values.specialise(number).imm);
  }
  const { graph } = values;
  const { index } = map;
  const owner = layout.cpus > 1 ? cpu : undefined;
  const cell = (part: MapPart, element: number): MapCell => ({
    map: index,
    part,
    element,
    cpu: part === 'value' ? owner : undefined,
  });
  if (layout.kind === 'array') {
    const key = graph.cell(cell('cursor', 0));
    for (let i = 0; i < map.spec.maxEntries; i++) {
      const shown = graph.constant(BigInt(i));
      const value = owner === undefined ? elementOf(recorder, index, shown) : graph.cell(cell('value', i));
      yield { key, index: shown, value };
    }
    return;
  }
  const { buckets } = layout.table;
  if (buckets > limits.maxGuards)
    throw new TraceAbort('callback-over-map', `${buckets} buckets, see --max-trace-guards`);
  // A link is an element's number plus 1; see maps/hash-table.ts.
  const follow = (part: MapPart, of: number): number => Number(values.specialise(memory.link(cell(part, of))).imm);
  for (let bucket = 0; bucket < buckets; bucket++) {
    let link = follow('bucket', bucket);
    while (link !== 0) {
      const element = link - 1;
      link = follow('next', element);
      yield { key: graph.cell(cell('key', element)), index: undefined, value: graph.cell(cell('value', element)) };
    }
  }
}
