/**
 * A debugger of one packet, without a face: it moves over an execution, forward and back, stops at breakpoints and
 * changes, and remembers where it stopped before, so that views can say what is new. Terminal, editor and page are
 * fronts of it.
 */
import type { ObjectSpec } from '../object/index.js';
import type { ProgramFacts } from '../verifier/index.js';
import type { Machine } from '../vm/index.js';
import type { Execution, StepPlace } from './execution.js';
import { type Expression, isTrue, parseExpression } from './expression.js';
import { functionAt, LineTable, type SourcePlace } from './lines.js';
import { MapSnapshot } from './map-snapshot.js';
import { Motion } from './motion.js';
import {
  parseCondition,
  parseLog,
  parseStopPlace,
  parseTimes,
  type Stop,
  type StopPlace,
  type StopRules,
  splitCondition,
} from './stops.js';

/** Why it stands where it stands. */
export type StopReason =
  | { readonly kind: 'start' }
  | { readonly kind: 'step' }
  | { readonly kind: 'end' }
  | { readonly kind: 'breakpoint'; readonly stop: Stop }
  /** The value of its expression before and after. */
  | { readonly kind: 'change'; readonly stop: Stop; readonly from: string; readonly to: string };

/** What was there at the stop before: views mark what is different. */
export interface Remembered {
  readonly position: number;
  readonly registers: BigUint64Array;
  readonly packet: Uint8Array;
  /** The innermost frame's bytes, and its depth. */
  readonly frame: Uint8Array;
  readonly depth: number;
}

/** Steps, with their direction: `over` a call in one. */
export type StepKind = 'insn' | 'insn over' | 'line' | 'line over' | 'out';

/** What it is given besides the execution. */
export interface DebuggerOptions {
  /** What the verifier knows, of programs that it was asked about. */
  readonly facts?: ((program: number) => ProgramFacts | undefined) | undefined;
}

/** One packet under the glass. */
export class Debugger {
  readonly object: ObjectSpec;
  readonly execution: Execution;
  readonly lines: LineTable;
  readonly motion: Motion;
  /** Contents of maps as the packet found them. */
  readonly mapsBefore: MapSnapshot;
  readonly facts: (program: number) => ProgramFacts | undefined;
  /** In order of their making. */
  readonly stops: Stop[] = [];
  /** Shown at each stop. */
  readonly watches: Expression[] = [];
  /** Hears what breakpoints say that do not stop. */
  onLog: ((stop: Stop, text: string) => void) | undefined;
  reason: StopReason = { kind: 'start' };
  before: Remembered | undefined;
  private nextStop = 1;

  constructor(execution: Execution, options: DebuggerOptions = {}) {
    this.execution = execution;
    this.object = execution.machine.object;
    this.lines = new LineTable(this.object);
    this.motion = new Motion(execution, this.lines);
    this.mapsBefore = new MapSnapshot(execution.machine);
    this.facts = options.facts ?? (() => undefined);
  }

  get machine(): Machine {
    return this.execution.machine;
  }

  get position(): number {
    return this.execution.position;
  }

  get isAtEnd(): boolean {
    return this.position >= this.execution.length;
  }

  /** The frames that are open, innermost first; at the end the last one that was. */
  get frames(): StepPlace[] {
    return this.execution.callStack(this.position);
  }

  /** Function and line of a frame. */
  whereIs({ program, pc }: StepPlace): { readonly fn: string; readonly source: SourcePlace | undefined } {
    return {
      fn: functionAt(program.spec, pc),
      source: this.lines.placeOf(this.lines.numberOf(program.index, pc)),
    };
  }

  /** `PLACE [if CONDITION]`: see {@link parseStopPlace}. Throws InputError. */
  addStop(text: string): Stop {
    const { place, condition } = splitCondition(text);
    const [frame] = this.frames;
    const here = {
      program: frame?.program.index ?? this.execution.program.index,
      file: frame === undefined ? undefined : (this.whereIs(frame).source?.file ?? this.lines.files[0]),
    };
    return this.makeStop(parseStopPlace(place, this.object, this.lines, here), { condition });
  }

  /** Stops where the value of an expression changes. Throws InputError. */
  addChange(text: string): Stop {
    const { place, condition } = splitCondition(text);
    return this.makeStop({ kind: 'change', expression: parseExpression(place, this.object) }, { condition });
  }

  /** A stop at a place. Throws InputError. */
  makeStop(place: StopPlace, rules: StopRules = {}): Stop {
    const { object } = this;
    const condition = parseCondition(rules.condition, object);
    const times = parseTimes(rules.times);
    const log = parseLog(rules.log, object);
    const stop = { number: this.nextStop++, place, condition, times, log, isEnabled: true };
    this.stops.push(stop);
    return stop;
  }

  /** False: there is none of that number. */
  removeStop(number: number): boolean {
    const index = this.stops.findIndex((stop) => stop.number === number);
    if (index >= 0) this.stops.splice(index, 1);
    return index >= 0;
  }

  /** Throws InputError for what is no expression. */
  addWatch(text: string): Expression {
    const expression = parseExpression(text, this.object);
    this.watches.push(expression);
    return expression;
  }

  /** One step of a kind; `back`: the other way. Breakpoints on the way stop what goes over calls or out of them. */
  step(kind: StepKind, back = false): StopReason {
    const { motion, position } = this;
    const over = kind === 'insn over' || kind === 'line over';
    const target =
      kind === 'out'
        ? back
          ? motion.backOut(position)
          : motion.out(position)
        : kind.startsWith('insn')
          ? back
            ? motion.previousInsn(position, over)
            : motion.nextInsn(position, over)
          : back
            ? motion.previousLine(position, over)
            : motion.nextLine(position, over);
    return this.run(back ? -1 : 1, target);
  }

  /** To the next stop, or the end; `back`: the one before, or the beginning. */
  continue(back = false): StopReason {
    return this.run(back ? -1 : 1, back ? 0 : this.execution.length);
  }

  /** To a position. */
  goTo(position: number): StopReason {
    this.remember();
    this.execution.moveTo(position);
    return this.stopped({ kind: 'step' });
  }

  /** Goes towards `target`, up to the first stop on the way. */
  private run(direction: 1 | -1, target: number): StopReason {
    this.remember();
    const { execution } = this;
    const active = this.stops.filter(({ isEnabled }) => isEnabled);
    const watching = active.some(({ place }) => place.kind === 'change' || place.kind === 'anywhere');
    let values = watching ? this.valuesOf(active) : new Map<Stop, string>();
    for (let at = execution.position + direction; direction > 0 ? at < target : at > target; at += direction) {
      const found = this.stopAt(active, at, direction);
      if (found !== undefined) return this.stopped({ kind: 'breakpoint', stop: found });
      if (!watching) continue;
      execution.moveTo(at);
      const now = this.valuesOf(active);
      const change = this.changed(active, values, now);
      if (change !== undefined) return this.stopped(change);
      values = now;
    }
    execution.moveTo(target);
    if (watching && target > 0 && target < execution.length) {
      const change = this.changed(active, values, this.valuesOf(active));
      if (change !== undefined) return this.stopped(change);
    }
    const found = this.stopAt(active, target, direction);
    return this.stopped(found === undefined ? { kind: 'step' } : { kind: 'breakpoint', stop: found });
  }

  /** The first of these that stops there, once those that only say something have said it (on the way forward). */
  private stopAt(stops: readonly Stop[], position: number, direction: 1 | -1): Stop | undefined {
    let first: Stop | undefined;
    for (const stop of stops) {
      if ((first !== undefined && stop.log === undefined) || !this.isAt(stop, position)) continue;
      if (stop.times?.(this.timesUpTo(stop, position)) === false) continue;
      if (stop.log === undefined) first = stop;
      else if (direction > 0) this.onLog?.(stop, this.logText(stop.log, position));
    }
    if (first !== undefined) this.execution.moveTo(position);
    return first;
  }

  /** How often it came to a stop, from the arrival to a position: the same whichever way one goes. */
  private timesUpTo(stop: Stop, position: number): number {
    let count = 0;
    for (let at = 0; at <= position; at++) if (this.isAt(stop, at)) count++;
    return count;
  }

  private logText(parts: NonNullable<Stop['log']>, position: number): string {
    const { execution } = this;
    execution.moveTo(position);
    return parts
      .map((part) => (typeof part === 'string' ? part : (part.evaluate(execution)?.text ?? 'not there')))
      .join('');
  }

  /** Moves there, if it is needed to ask the condition. */
  private isAt({ place, condition }: Stop, position: number): boolean {
    const { execution, motion } = this;
    if (position >= execution.length || !this.isPlace(place, position, motion)) return false;
    if (condition === undefined) {
      execution.moveTo(position);
      return true;
    }
    execution.moveTo(position);
    return isTrue(condition.evaluate(execution));
  }

  private isPlace(place: StopPlace, position: number, motion: Motion): boolean {
    const { execution } = this;
    const isCode = (program: number, pc: number): boolean =>
      execution.pcOf(position) === pc && execution.programOf(position) === program;
    switch (place.kind) {
      case 'line':
        return motion.lineAt(position) === place.number && motion.entersLine(position);
      case 'function':
        return place.code.some(({ program, pc }) => isCode(program, pc));
      case 'insn':
        return isCode(place.code.program, place.code.pc);
      default:
        return false;
    }
  }

  /** Values of what is watched for changes, as text. */
  private valuesOf(stops: readonly Stop[]): Map<Stop, string> {
    const values = new Map<Stop, string>();
    for (const stop of stops) {
      const { place, condition } = stop;
      const expression = place.kind === 'change' ? place.expression : place.kind === 'anywhere' ? condition : undefined;
      if (expression !== undefined) values.set(stop, expression.evaluate(this.execution)?.text ?? 'not there');
    }
    return values;
  }

  private changed(
    stops: readonly Stop[],
    values: ReadonlyMap<Stop, string>,
    now: ReadonlyMap<Stop, string>,
  ): StopReason | undefined {
    for (const stop of stops) {
      const [from, to] = [values.get(stop), now.get(stop)];
      if (from === undefined || to === undefined || from === to) continue;
      if (stop.place.kind === 'anywhere' && !isTrue(stop.condition?.evaluate(this.execution))) continue;
      const isWanted =
        stop.place.kind === 'anywhere' ||
        stop.condition === undefined ||
        isTrue(stop.condition.evaluate(this.execution));
      if (isWanted) return { kind: 'change', stop, from, to };
    }
    return undefined;
  }

  private remember(): void {
    const { execution, machine } = this;
    const depth = execution.length === 0 ? 0 : (this.frames[0]?.depth ?? 0);
    this.before = {
      position: execution.position,
      registers: execution.registers.u64.slice(),
      packet: machine.lane.packet.bytes(),
      frame: frameBytes(machine, depth),
      depth,
    };
  }

  private stopped(reason: StopReason): StopReason {
    this.reason =
      reason.kind === 'step' && this.isAtEnd
        ? { kind: 'end' }
        : reason.kind === 'step' && this.position === 0
          ? { kind: 'start' }
          : reason;
    return this.reason;
  }
}

/** The stack frame of a depth, from its lowest byte. */
export function frameBytes(machine: Machine, depth: number): Uint8Array {
  const frame = machine.lane.frames[depth];
  if (frame === undefined) return new Uint8Array(0);
  const end = frame.start + frame.size;
  return machine.memory.read(end - 512, 512);
}
