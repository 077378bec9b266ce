/**
 * Traces as JSON, `jitnic.traces/2`: what a recording left, so that another machine with the same object can install
 * it, extend it by side traces and put it into words as the one that recorded it can. Nothing in it is an address:
 * bytes of maps go by location, the stack by frame.
 *
 * Values are lines of the IR's exact text; whatever else speaks of a value does so by the line's number (`v7`) or, of
 * a constant, by the constant itself. What follows from that is left out: which values are live, and the facts.
 */
import { formatConstant, formatTrace, isConst, plainNames, type Value } from '../ir/index.js';
import type { Location, ObjectSpec, ProgramSpec } from '../object/index.js';
import { objectShape } from './object-shape.js';
import type { MemoryChange, StackByte } from './recorded-memory.js';
import type { RecordedTrace } from './recording.js';
import type { Target } from './shadow.js';
import type { Snapshot } from './snapshot.js';
import type { Assumption } from './stable-values.js';

/** Name and version of the form. */
export const tracesSchema = 'jitnic.traces/2';

/** A value in JSON: `v7` or a constant. */
type Operand = string;

/** `traces`: of the program, which is one of the object's. The result is plain JSON. */
export function writeTraces(
  object: ObjectSpec,
  program: ProgramSpec,
  traces: readonly RecordedTrace[],
): Record<string, unknown> {
  return {
    schema: tracesSchema,
    program: program.name,
    object: objectShape(object),
    traces: traces.map((trace) => new TraceWriter(trace).write()),
  };
}

/** Writes one trace; lines of its IR are numbered first. */
class TraceWriter {
  private readonly trace: RecordedTrace;
  private readonly lines: ReadonlyMap<Value, number>;
  /** By value: lines before it. */
  private readonly before: readonly number[];

  constructor(trace: RecordedTrace) {
    this.trace = trace;
    const lines = new Map<Value, number>();
    this.before = trace.recorded.map((value) => {
      const count = lines.size;
      if (!isConst(value)) lines.set(value, count);
      return count;
    });
    this.lines = lines;
  }

  write(): Record<string, unknown> {
    const { verdict, steps, program, metaLength, recorded, history, start } = this.trace;
    return {
      verdict,
      steps,
      program: program.index,
      meta_length: metaLength === undefined ? null : Number(metaLength),
      constants: recorded.filter(isConst).map(({ imm }) => formatConstant(imm)),
      values: formatTrace({ values: recorded, transactional: false }, plainNames, true).split('\n'),
      guards: history.guards.map((guard) => this.operand(guard)),
      snapshots: this.snapshots(history.snapshots),
      changes: history.changes.map((change) => this.change(change)),
      joins: history.joins.map(({ step, exit }) => [step, exit]),
      sampled: history.sampled.map(({ value, step }) => [this.operand(value), step]),
      start: start === undefined ? null : this.snapshot(start),
    };
  }

  /** `v7`, or a constant's number. */
  private operand(value: Value): Operand {
    return isConst(value) ? formatConstant(value.imm) : `v${this.lines.get(value) ?? -1}`;
  }

  /** Guards of one instruction share a snapshot: `guards` says how many of them in a row do. */
  private snapshots(all: readonly Snapshot[]): unknown[] {
    const runs: { readonly snapshot: Snapshot; count: number }[] = [];
    for (const snapshot of all) {
      const last = runs.at(-1);
      if (last?.snapshot === snapshot) last.count++;
      else runs.push({ snapshot, count: 1 });
    }
    return runs.map(({ snapshot, count }) => ({ of_guards: count, ...this.snapshot(snapshot) }));
  }

  /** State before a guard, by counts and lines. */
  private snapshot(snapshot: Snapshot): Record<string, unknown> {
    const { program, pc, step, tailCalls, frames, values, guards, changes, sampled } = snapshot;
    return {
      program: program.index,
      pc,
      step,
      tail_calls: tailCalls,
      frames: frames.map((frame) => ({
        pc: frame.pc,
        live: frame.live,
        values: frame.values.map((value) => this.operand(value)),
      })),
      values: this.before[values] ?? this.lines.size,
      guards,
      changes,
      sampled,
    };
  }

  private change(change: MemoryChange): Record<string, unknown> {
    const { kind } = change;
    switch (kind) {
      case 'frame':
      case 'elements':
      case 'clobber-all':
        return { ...change };
      case 'spill':
        return { ...change, value: this.operand(change.value) };
      case 'filled':
        return { kind, address: change.address, bytes: change.bytes.map((byte) => this.stackByte(byte)) };
      case 'store':
        return { kind, at: this.target(change.at), size: change.size, value: this.operand(change.value) };
      case 'clobber':
        return { kind, at: this.target(change.at), size: change.size };
      case 'root':
        return { kind, pointer: this.operand(change.pointer), ...change.root, found: change.found };
      case 'bounds':
        return { kind, data: Number(change.data), meta: Number(change.meta), end: this.operand(change.end) };
      case 'end':
        return { kind, end: this.operand(change.end) };
      case 'assumed':
      case 'asked':
        return { kind, ...assumptionJson(change.assumption) };
    }
  }

  /** A byte of a value; null for one that memory holds. */
  private stackByte(byte: StackByte): unknown {
    return byte === 'memory' ? null : [this.operand(byte.value), byte.byte];
  }

  /** A place in memory without an address. */
  private target({ space, map, base, offset, anchor }: Target): Record<string, unknown> {
    return {
      space,
      map,
      base: base === undefined ? null : this.operand(base),
      offset,
      anchor:
        anchor === undefined
          ? null
          : {
              place: this.operand(anchor.place),
              size: anchor.size,
              rest: anchor.rest === undefined ? null : this.operand(anchor.rest),
            },
    };
  }
}

function assumptionJson({ at, size, value }: Assumption): Record<string, unknown> {
  return { at: locationJson(at), size, value: `0x${value.toString(16)}` };
}

function locationJson({ map, part, element, cpu, offset }: Location): Record<string, unknown> {
  return { map, part, element, cpu: cpu ?? null, offset };
}
