/**
 * One packet's way through a program, recorded so that one can go to any point of it, forward and back, and find the
 * registers, the stack, the packet and the maps exactly as they were.
 *
 * Position `p` is the moment before step `p` (counted from 0); position `length` is the end. The state of the machine
 * *is* the state at the position: who looks reads guest memory.
 *
 * How: the packet runs once, to its end, and every step leaves twelve bytes (where it was). What steps changed is kept
 * for one stretch of them only, so memory stays bounded whatever a program does: for a million steps twelve megabytes
 * and one stretch. Within the stretch going there is undoing or redoing step by step; outside of it the machine is put
 * back to the packet's arrival, which the journal can, and runs again up to the stretch that is wanted. Programs are
 * deterministic here, so that is the same run.
 */
import { InternalError, UserError } from '../base/index.js';
import { Interpreter } from '../interp/index.js';
import { stackSize } from '../platform/index.js';
import {
  formatTrap,
  Journal,
  type LoadedProgram,
  type Machine,
  type Output,
  type PacketInput,
  type Registers,
} from '../vm/index.js';
import { type Delta, DeltaRecorder, StretchEnd } from './deltas.js';

/** Where a step is. */
export interface StepPlace {
  readonly program: LoadedProgram;
  /** Slot of the instruction. */
  readonly pc: number;
  /** Frames below this one. */
  readonly depth: number;
}

/** How it ended. */
export interface Ending {
  readonly verdict: number;
  /** What stopped the program, with its place; undefined: it returned. */
  readonly trap: string | undefined;
}

/** How an execution is recorded. */
export interface ExecutionOptions {
  /** Instructions that the packet may take; default 2^24. */
  readonly maxSteps?: number | undefined;
  /** Steps whose changes are kept at a time; default 65,536, and more of very long executions. */
  readonly stretch?: number | undefined;
}

/** Longest executions are run again this often at most when they are walked from end to end. */
const mostStretches = 32;

/** A recorded packet. */
export class Execution {
  readonly machine: Machine;
  readonly program: LoadedProgram;
  readonly input: PacketInput;
  /** Steps. */
  readonly length: number;
  readonly ending: Ending;
  /** All that the packet put out, in order. */
  readonly outputs: readonly Output[];
  private readonly interpreter: Interpreter;
  private readonly journal = new Journal();
  private readonly stretch: number;
  private pcs: Uint32Array = new Uint32Array(256);
  /** Program's index and depth of each step: `index << 8 | depth`. */
  private places: Uint32Array = new Uint32Array(256);
  /** How many outputs there were, from a step on: pairs of step and count. */
  private readonly outputCounts: [step: number, count: number][] = [];
  private deltas: readonly Delta[] = [];
  /** First step of {@link deltas}. */
  private from = 0;
  private at = 0;
  /** The position whose memory the journal undoes. */
  private anchor = 0;
  /** Bytes were moved, or frames opened, since windows were set. */
  private hasMovedBytes = true;
  private openDepth = -2;

  /**
   * Runs the packet; the machine holds what it finds. Throws UnsupportedError where the program cannot be run at all,
   * InputError for an impossible packet.
   */
  constructor(machine: Machine, program: LoadedProgram, input: PacketInput, options: ExecutionOptions = {}) {
    this.machine = machine;
    this.program = program;
    this.input = input;
    this.interpreter = new Interpreter(machine, { maxSteps: options.maxSteps });
    const first = options.stretch ?? 1 << 16;
    machine.admit(program);
    const recorder = this.recorder(0, first, false);
    this.arrive();
    let length = 0;
    let emitted = 0;
    let wasCall = false;
    this.interpreter.observer = {
      before: (running, pc, depth) => {
        if (wasCall) {
          const count = machine.transaction.savepoint().outputs;
          if (count !== emitted) this.outputCounts.push([length, count]);
          emitted = count;
        }
        wasCall = running.insns[pc]?.code === 0x85;
        this.note(length++, running, pc, depth);
        recorder.before(running, pc, depth);
      },
    };
    this.ending = this.runOnce();
    this.outputs = [...machine.outputs];
    recorder.finish();
    this.length = length;
    this.stretch = Math.max(first, Math.ceil(length / mostStretches));
    this.deltas = recorder.deltas;
    this.at = length;
    this.anchor = length;
    // The stretch that was kept begins where the packet arrives.
    this.goBackToArrival();
  }

  /** From 0 to {@link length}. */
  get position(): number {
    return this.at;
  }

  /** As they are at the position. */
  get registers(): Registers {
    return this.interpreter.registers;
  }

  /** Where a step is; `step` from 0 to length - 1. */
  place(step: number): StepPlace {
    const place = this.places[step] ?? 0;
    const program = this.machine.programs[place >>> 8];
    if (program === undefined || step >= this.length) throw new InternalError('debugger', `there is no step ${step}`);
    return { program, pc: this.pcs[step] ?? 0, depth: place & 0xff };
  }

  /** Slot of a step's instruction, and its depth, without an object for it. */
  pcOf(step: number): number {
    return this.pcs[step] ?? 0;
  }

  depthOf(step: number): number {
    return (this.places[step] ?? 0) & 0xff;
  }

  /** Index of a step's program in the object. */
  programOf(step: number): number {
    return (this.places[step] ?? 0) >>> 8;
  }

  /** The frames that are open at a position, innermost first: each where it is, or where it called from. */
  callStack(position: number): StepPlace[] {
    if (this.length === 0) return [];
    const innermost = this.place(Math.min(position, this.length - 1));
    const frames = [innermost];
    for (let step = Math.min(position, this.length - 1), { depth } = innermost; depth > 0; step--) {
      const below = this.depthOf(step);
      if (below >= depth) continue;
      frames.push(this.place(step));
      depth = below;
    }
    return frames;
  }

  /** What was put out before a position. Records of ring buffers come at the end, when their consumer looks. */
  outputsAt(position: number): readonly Output[] {
    if (position >= this.length) return this.outputs;
    const last = this.outputCounts.findLast(([step]) => step <= position);
    return this.outputs.slice(0, last?.[1] ?? 0);
  }

  /** Goes to a position. */
  moveTo(position: number): void {
    const target = Math.max(0, Math.min(position, this.length));
    const end = this.from + this.deltas.length;
    if (target < this.from || target > end) this.loadStretch(target);
    while (this.at < target) this.redo();
    while (this.at > target) this.undo();
    this.openWindows();
  }

  private redo(): void {
    const delta = this.deltas[this.at - this.from];
    if (delta === undefined) throw new InternalError('debugger', `step ${this.at} is not recorded`);
    const { u64 } = this.registers;
    for (const { register, after } of delta.registers) u64[register] = after;
    for (const { address, after } of delta.bytes) this.machine.memory.u8.set(after, address);
    this.hasMovedBytes ||= delta.bytes.length > 0;
    this.at++;
  }

  private undo(): void {
    const delta = this.deltas[--this.at - this.from];
    if (delta === undefined) throw new InternalError('debugger', `step ${this.at} is not recorded`);
    const { u64 } = this.registers;
    for (const { register, before } of delta.registers) u64[register] = before;
    for (let i = delta.bytes.length - 1; i >= 0; i--) {
      const change = delta.bytes[i];
      if (change !== undefined) this.machine.memory.u8.set(change.before, change.address);
    }
    this.hasMovedBytes ||= delta.bytes.length > 0;
  }

  /** Runs again up to the end of the stretch that holds a position, which may lie on its border. */
  private loadStretch(target: number): void {
    const from =
      Math.min(Math.floor(target / this.stretch), Math.floor((this.length - 1) / this.stretch)) * this.stretch;
    this.goBackToArrival();
    const recorder = this.recorder(from, from + this.stretch, true);
    this.interpreter.observer = recorder;
    this.arrive();
    try {
      this.runOnce();
      // The consumer of ring buffers takes what is there, as in the first run.
      void this.machine.outputs;
      recorder.finish();
    } catch (error) {
      if (!(error instanceof StretchEnd)) throw error;
    }
    this.deltas = recorder.deltas;
    this.from = from;
    this.at = from + recorder.deltas.length;
    this.anchor = this.at;
    this.hasMovedBytes = true;
    this.openDepth = -2;
    this.machine.memory.journal = null;
    this.clearFrames(this.at < this.length ? this.depthOf(this.at) : -1);
  }

  private recorder(from: number, to: number, breaksOff: boolean): DeltaRecorder {
    return new DeltaRecorder(this.machine, this.journal, this.registers, { from, to, breaksOff });
  }

  /** The packet is there, and everything from now on goes into the journal. */
  private arrive(): void {
    this.machine.setPacket(this.input);
    this.journal.clear();
    this.machine.memory.journal = this.journal;
  }

  private runOnce(): Ending {
    try {
      const { verdict, trap } = this.interpreter.run(this.program);
      return { verdict, trap: trap === undefined ? undefined : formatTrap(trap) };
    } catch (error) {
      // What cannot be done is found out when it is to be done.
      if (!(error instanceof UserError)) throw error;
      return { verdict: 0, trap: error.format() };
    }
  }

  /** Position 0, from wherever in the stretch. */
  private goBackToArrival(): void {
    const { machine } = this;
    // The journal takes back what was written up to the anchor: so the bytes must be those of the anchor first.
    while (this.at < this.anchor) this.redo();
    while (this.at > this.anchor) this.undo();
    machine.memory.journal = null;
    this.journal.rollback(machine.memory.u8);
    machine.store.rolledBack();
    this.clearFrames(-1);
    this.hasMovedBytes = true;
    this.openDepth = -2;
    this.anchor = 0;
    this.at = 0;
    this.registers.u64.fill(0n);
    this.registers.u64[1] = BigInt(machine.lane.ctx.start);
    this.registers.u64[10] = BigInt((machine.lane.frames[0]?.start ?? 0) + (machine.lane.frames[0]?.size ?? 0));
    this.openWindows();
  }

  /** Frames above a depth hold nothing. */
  private clearFrames(depth: number): void {
    for (const [i, frame] of this.machine.lane.frames.entries())
      if (i > depth) this.machine.memory.u8.fill(0, frame.start, frame.start + frame.size);
  }

  /** What may be touched follows the position: the packet's ends, the frames that are open. */
  private openWindows(): void {
    const { machine, at, length } = this;
    const depth = at < length ? this.depthOf(at) : -1;
    if (depth !== this.openDepth)
      for (const [i, frame] of machine.lane.frames.entries()) {
        frame.lo = frame.hi;
        if (i <= depth) frame.openTop(stackSize);
      }
    this.openDepth = depth;
    if (!this.hasMovedBytes) return;
    machine.lane.packet.sync();
    machine.store.rolledBack();
    this.hasMovedBytes = false;
  }

  private note(step: number, program: LoadedProgram, pc: number, depth: number): void {
    if (step === this.pcs.length) {
      this.pcs = doubled(this.pcs);
      this.places = doubled(this.places);
    }
    this.pcs[step] = pc;
    this.places[step] = (program.index << 8) | depth;
  }
}

function doubled(column: Uint32Array): Uint32Array {
  const wider = new Uint32Array(2 * column.length);
  wider.set(column);
  return wider;
}
