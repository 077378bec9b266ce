/**
 * The recorder: follows one packet through the interpreter, instruction by instruction, and keeps a symbolic value
 * next to every concrete one. What the program computes becomes IR, already folded; where it branches on something
 * symbolic, a guard says which way it went. The result is one straight line that does for every packet which passes
 * its guards what the program would do.
 *
 * Why not record bytecode and optimize afterwards: a trace that is born small needs no passes to become so, and half
 * of what a packet program does (bounds checks, byte swaps, spills) folds away on the spot. LuaJIT records the same
 * way.
 *
 * Invariants:
 * 1. The sample of a value (what it was for this packet) equals what the interpreter has. Checked at every
 *    instruction; a difference ends the recording (`desync`) and never reaches a card.
 * 2. The stack is never written by a trace, except where a helper reads it: its bytes are known by value. A frame
 *    starts zeroed.
 * 3. A load is early if no store so far can have touched its bytes. Early guards are evaluated before every effect, in
 *    the order of the program, so that they may rely on each other: the guard that a pointer is not null stands before
 *    the load through it.
 */

import { probeLoads } from '../code/index.js';
import type { Observer } from '../interp/index.js';
import { liveCode, lowerAlu, lowerJump, mask32, referenceAt, signExtend, type Value, type World } from '../ir/index.js';
import {
  accessSize,
  type Insn,
  insnClass,
  isConditionalJump,
  isMayGoto,
  isUnconditionalJump,
  op,
} from '../isa/index.js';
import { worldOfMachine } from '../jit/index.js';
import type { LoadedProgram, Machine, Outcome, Registers } from '../vm/index.js';
import { type AbortCode, TraceAbort } from './aborts.js';
import type { ForkRule } from './fork-sides.js';
import { type Join, Passage } from './joins.js';
import { recordAtomic } from './record-atomic.js';
import { recordCall } from './record-call.js';
import { recordFork } from './record-fork.js';
import { recordProbe } from './record-kfunc.js';
import { type MemoryChange, RecordedMemory } from './recorded-memory.js';
import { RecordedValues } from './recorded-values.js';
import { type AbortSite, defaultLimits, type RecorderLimits, type Recording } from './recording.js';
import { isResult, resample, valueAt } from './resample.js';
import { type History, registersOf, type Snapshot, SnapshotLog } from './snapshot.js';
import type { Assumption, StableValues } from './stable-values.js';

/** A function under way. */
interface Frame {
  /** Replaced, not changed, when an instruction writes: snapshots keep it. */
  registers: (Value | undefined)[];
  /** The instruction (count of steps) that replaced them. */
  written: number;
  /** Where the frame goes on once what it called returns. */
  resume: number;
  /** Set in a frame that a helper called: what to do with its result. */
  readonly returned: ((result: Value) => void) | undefined;
}

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

/**
 * How long a chain of values may be that hang on each other. Whatever walks down a trace (lowering, conditions, words)
 * may do so by recursion, and each level takes some hundred bytes of the one megabyte of stack that V8 has.
 */
const maxDepth = 2000;

/** The longest chain of values, each an argument of the next. Arguments stand before what uses them. */
function depthOf(code: readonly Value[]): number {
  const depths = new Map<Value, number>();
  let most = 0;
  for (const value of code) {
    let depth = 0;
    for (const arg of value.args) depth = Math.max(depth, (depths.get(arg) ?? 0) + 1);
    depths.set(value, depth);
    most = Math.max(most, depth);
  }
  return most;
}

/**
 * Records one path after another; {@link start}, then the interpreter runs with it as observer, then {@link finish}.
 */
export class Recorder implements Observer {
  readonly machine: Machine;
  readonly limits: RecorderLimits;
  // Set by `start`, before anything else is called.
  registers!: Registers;
  values!: RecordedValues;
  memory!: RecordedMemory;
  frames: Frame[] = [];
  pending: Pending | undefined;
  tailCalls = 0;
  /** Helpers that have called back and wait for it. */
  private readonly waiting: Pending[] = [];
  private program: LoadedProgram | undefined;
  private pc = 0;
  /** Instructions so far, those inside of joins left out: the same number for all packets of the trace. */
  private steps = 0;
  /** Instructions that this packet took. */
  private executed = 0;
  /** Forks whose sides were joined, the inherited ones first. */
  private joins: Join[] = [];
  /** Inside of a join everything is recorded already. */
  private readonly passage = new Passage();
  private abort: AbortSite | undefined;
  private verdict: number | undefined;
  private readonly world: World;
  private readonly stable: StableValues | undefined;
  /** Which forks are joined; undefined: all that can be. */
  readonly forks: ForkRule | undefined;
  private recordings = 0;
  private snapshots = new SnapshotLog();
  /** Where this side trace takes over. */
  private inherited: Snapshot | undefined;
  private isAsleep = false;
  /** Inherited samples that have been set. */
  private resampled = 0;

  /**
   * With `stable`, values of maps that have not changed for long are taken for constants; who installs the trace then
   * has to watch its assumptions. With `forks`, who installs it has to take off what it overtakes.
   */
  constructor(machine: Machine, limits: RecorderLimits = defaultLimits, stable?: StableValues, forks?: ForkRule) {
    this.machine = machine;
    this.forks = forks;
    this.limits = limits;
    this.stable = stable;
    this.world = worldOfMachine(machine);
  }

  /**
   * Forgets the last packet. Call it after `setPacket` and before the engine runs. With `parent`, the packet is known
   * to pass all guards of that trace that stand before its guard number `guard`: what the trace has up to there is
   * taken over.
   */
  start(
    program: LoadedProgram,
    registers: Registers,
    parent?: { readonly history: History; readonly guard: number },
  ): void {
    this.registers = registers;
    this.recordings++;
    const { machine } = this;
    const from = parent === undefined ? undefined : this.inheritable(parent.history, parent.guard);
    this.values = new RecordedValues(
      machine,
      this.limits.maxGuards,
      () => this.snapshots.note(),
      from === undefined ? undefined : parent?.history.graph.prefix(from.values),
    );
    this.memory = new RecordedMemory(machine, this.values, (assumption) => this.isStable(assumption));
    this.frames = [];
    this.pending = undefined;
    this.waiting.length = 0;
    this.tailCalls = 0;
    this.program = program;
    this.pc = 0;
    this.steps = 0;
    this.executed = 0;
    this.forks?.begin();
    this.joins = from === undefined ? [] : (parent?.history.joins.filter(({ step }) => step < from.step) ?? []);
    this.passage.clear();
    this.abort = undefined;
    this.verdict = undefined;
    this.snapshots = new SnapshotLog(from === undefined ? [] : parent?.history.snapshots.slice(0, from.guards));
    this.inherited = from;
    this.isAsleep = from !== undefined;
    if (from === undefined || parent === undefined) this.enterProgram();
    else this.inherit(parent.history, from);
    const { packet } = machine.lane;
    if (packet.fragmentCount > 0) this.give('multi-buffer');
  }

  /** Was a value of a map the same in enough recordings to be taken for a constant? */
  private isStable(assumption: Assumption): boolean {
    return this.stable?.sample(assumption, this.recordings) === true;
  }

  /** The snapshot to start from; undefined where a recording from the start would assume more than the parent did. */
  private inheritable(history: History, guard: number): Snapshot | undefined {
    const from = history.snapshots[guard];
    if (from === undefined || from.step === 0) return undefined;
    let isBetter = false;
    for (let i = 0; i < from.changes; i++) {
      const change = history.changes[i];
      if (change?.kind !== 'asked') continue;
      const { at, size } = change.assumption;
      const value = valueAt(this.machine, at, size);
      if (this.isStable({ at, size, value })) isBetter = true;
    }
    return isBetter ? undefined : from;
  }

  /** Takes over what a side trace's parent had at its snapshot. */
  private inherit(history: History, from: Snapshot): void {
    this.values.inherit(history.guards.slice(0, from.guards), history.sampled.slice(0, from.sampled));
    for (let i = 0; i < from.changes; i++) this.memory.change(history.changes[i] as MemoryChange);
    this.resampled = 0;
  }

  /** What came of it; `outcome` is the engine's. */
  finish(outcome: Outcome): Recording {
    const trap = outcome.trap?.trap.kind;
    if (trap !== undefined) this.give(trap === 'steps' ? 'spin' : 'trap', trap);
    else if (this.verdict === undefined) this.give('desync', 'the program ended unseen');
    else if (this.verdict !== outcome.verdict) this.give('desync', 'verdict');
    const { graph, facts, guards, sampled } = this.values;
    if (this.abort === undefined && depthOf(graph.code) > maxDepth) this.give('too-deep');
    if (this.abort !== undefined) return { kind: 'abort', site: this.abort };
    this.forks?.commit();
    const code = liveCode(graph.code);
    facts.settle();
    facts.sources.forget();
    return {
      kind: 'trace',
      trace: {
        code,
        recorded: graph.code,
        verdict: outcome.verdict,
        steps: this.executed,
        program: this.program as LoadedProgram,
        facts,
        assumptions: this.memory.assumptions,
        metaLength: this.memory.metaLength,
        history: {
          graph,
          guards,
          sampled,
          snapshots: this.snapshots.all,
          changes: this.memory.changes,
          joins: this.joins,
        },
        start: this.inherited,
      },
    };
  }

  /** The interpreter's call before each instruction. An abort is kept, and the packet runs on. */
  before(program: LoadedProgram, pc: number, depth: number): void {
    if (this.abort !== undefined) return;
    this.executed++;
    if (this.passage.isInside(program, pc, depth)) return;
    try {
      if (this.isAsleep) this.follow(program, pc, depth);
      if (!this.isAsleep) this.step(program, pc, depth);
    } catch (error) {
      if (!(error instanceof TraceAbort)) throw error;
      this.give(error.code, error.detail);
    }
  }

  /** Ends the recording; the first reason counts. */
  private give(code: AbortCode, detail?: string): void {
    this.abort ??= { code, detail, program: this.program as LoadedProgram, pc: this.pc };
  }

  /**
   * While the program runs through what is inherited: reads off what that was for this packet, until it is at the
   * snapshot.
   */
  private follow(program: LoadedProgram, pc: number, depth: number): void {
    const from = this.inherited as Snapshot;
    this.resampleUntil(this.steps, true);
    if (this.steps < from.step) {
      this.program = program;
      this.pc = pc;
      const join = this.joins.find(({ step }) => step === this.steps);
      if (join !== undefined) this.passage.enter(program, join.exit, depth);
      this.steps++;
      this.resampleUntil(this.steps, false);
      return;
    }
    this.isAsleep = false;
    if (program !== from.program || pc !== from.pc || depth !== from.frames.length - 1)
      throw new TraceAbort('desync', 'side trace');
    this.frames = from.frames.map((frame) => ({
      registers: registersOf(frame),
      written: -1,
      resume: frame.pc,
      returned: undefined,
    }));
    this.tailCalls = from.tailCalls;
    for (let r = 0; r <= 10; r++) this.verify(r);
  }

  /** Samples what the parent had read by that step; results of its last instruction only with `results`. */
  private resampleUntil(step: number, results: boolean): void {
    const { values, machine, registers } = this;
    for (; ; this.resampled++) {
      const next = values.sampled[this.resampled];
      if (next === undefined || next.step > step || (!results && isResult(next.value))) return;
      values.resample(next.value, resample(machine, values, next.value, registers.u64[0] as bigint));
    }
  }

  /** One instruction: checks that both sides agree so far, then records it. */
  private step(program: LoadedProgram, pc: number, depth: number): void {
    this.settle(pc, depth);
    this.program = program;
    this.pc = pc;
    if (depth !== this.frames.length - 1) throw new TraceAbort('desync', 'depth');
    if (this.waiting.length === 0) {
      const { values, memory, steps, tailCalls, frames } = this;
      this.snapshots.reach(
        {
          program,
          pc,
          step: steps,
          tailCalls,
          values: values.graph.code.length,
          guards: values.guards.length,
          changes: memory.changes.length,
          sampled: values.sampled.length,
        },
        frames,
      );
    }
    this.values.step = this.steps + 1;
    if (++this.steps > this.limits.maxSteps) throw new TraceAbort('too-many-steps');
    if (this.values.graph.code.length > this.limits.maxValues) throw new TraceAbort('too-long');
    this.values.graph.origin = { program: program.index, pc };
    const insn = program.insns[pc];
    if (insn === undefined) throw new TraceAbort('insn-not-traceable');
    this.verify(insn.dst);
    this.verify(insn.src);
    this.record(program, insn, pc);
  }

  /** Completes the call that the last instruction made, now that its result is known. */
  private settle(pc: number, depth: number): void {
    const { pending } = this;
    if (pending === undefined) return;
    if (pending.kind === 'callback' && depth === pending.depth + 1 && pc === pending.entry) {
      this.frames.push({ registers: pending.enter(), written: -1, resume: 0, returned: pending.returned });
      this.openFrame(depth);
      this.pending = undefined;
      // The helper goes on after the callback; `exit` puts it back.
      this.waiting.push(pending);
      return;
    }
    this.pending = undefined;
    pending.finish(this.registers.u64[0] as bigint);
  }

  /** A function begins: r10 is a known address, and its stack is cleared. */
  private openFrame(depth: number): void {
    if (this.machine.lane.frames[depth] === undefined) throw new TraceAbort('desync', 'frame');
    this.setRegister(10, this.values.graph.frame(depth));
    this.memory.change({ kind: 'frame', depth });
  }

  /** State at the start of a program; after a tail call it takes over the frame. Registers start at zero. */
  enterProgram(): void {
    const zero = this.values.graph.constant(0n);
    const returned = this.frames.pop()?.returned;
    this.frames.push({ registers: Array.from({ length: 11 }, () => zero), written: -1, resume: 0, returned });
    this.openFrame(this.frames.length - 1);
    this.setRegister(1, this.values.graph.context);
  }

  /** Records an instruction by its class. */
  private record(program: LoadedProgram, insn: Insn, pc: number): void {
    const { graph } = this.values;
    switch (insnClass(insn)) {
      case op.ALU:
      case op.ALU64:
      case op.LD:
        this.compute(program, insn, pc);
        return;
      case op.LDX:
        this.recordLoad(insn, probeLoads(program.spec).has(pc));
        return;
      case op.ST:
        this.memory.store(this.register(insn.dst), insn.off, accessSize(insn), graph.constant(BigInt(insn.imm)));
        return;
      case op.STX:
        if ((insn.code & 0xe0) === op.MODE_ATOMIC) recordAtomic(this, insn);
        else this.memory.store(this.register(insn.dst), insn.off, accessSize(insn), this.register(insn.src));
        return;
      default:
        this.recordJump(program, insn, pc);
    }
  }

  /** An instruction that has nothing to do with memory. */
  compute(program: LoadedProgram, insn: Insn, pc: number): void {
    if (insnClass(insn) !== op.LD) this.recordAlu(insn);
    else if (insn.code === op.LDDW) this.setRegister(insn.dst, this.immediate(program, insn, pc));
    else throw new TraceAbort('insn-not-traceable');
  }

  /** What an `lddw` loads: a number, or what it refers to in the object. */
  private immediate(program: LoadedProgram, insn: Insn, pc: number): Value {
    const { graph } = this.values;
    const reference = referenceAt(this.world, program.spec.insns, pc);
    switch (reference?.kind) {
      case 'map':
        return graph.map(reference.map);
      case 'data':
        return graph.add(graph.data(reference.map), graph.constant(BigInt(reference.offset)));
      case 'code':
        return graph.codeAt(reference.slot, program.index);
      case 'null':
        return graph.constant(0n);
      case undefined: {
        const high = program.insns[pc + 1]?.imm ?? 0;
        return graph.constant((BigInt(high >>> 0) << 32n) | BigInt(insn.imm >>> 0));
      }
    }
  }

  /** Arithmetic, lowered as for compiled code and folded as it is made. */
  private recordAlu(insn: Insn): void {
    const { graph } = this.values;
    const code = insn.code & 0xf0;
    const isMove = code === op.MOV;
    const unary = code === op.NEG || code === op.END;
    const b = unary
      ? graph.constant(0n)
      : (insn.code & op.X) !== 0
        ? this.register(insn.src)
        : graph.constant(BigInt(insn.imm));
    const a = isMove ? b : this.register(insn.dst);
    this.setRegister(insn.dst, lowerAlu(graph, insn, a, b));
  }

  /** A conditional jump is a guard that it goes the way that it goes now. */
  private recordJump(program: LoadedProgram, insn: Insn, pc: number): void {
    // How often `may_goto` has let the frame go on is the same for all packets that come this way.
    if (isUnconditionalJump(insn) || isMayGoto(insn)) return;
    if (isConditionalJump(insn)) {
      const left = this.register(insn.dst);
      const right = (insn.code & op.X) !== 0 ? this.register(insn.src) : this.values.graph.constant(BigInt(insn.imm));
      const jump = lowerJump(this.values.graph, insn, left, right);
      const { value } = jump;
      const exit = this.values.isOpen(value) ? recordFork(this, program, pc, jump) : undefined;
      if (exit === undefined) this.values.guard(value, this.values.sample(value) !== 0n);
      else this.join(program, exit);
      return;
    }
    if (insn.code === op.EXIT_OP) {
      this.recordExit();
      return;
    }
    if (insn.src === op.CALL_LOCAL) {
      const caller = this.frames.at(-1) as Frame;
      caller.resume = pc + 1;
      this.frames.push({ registers: [...caller.registers], written: -1, resume: 0, returned: undefined });
      this.openFrame(this.frames.length - 1);
      return;
    }
    if (insn.src !== op.CALL_HELPER) throw new TraceAbort('insn-not-traceable');
    recordCall(this, program, insn.imm);
  }

  /** A fork was recorded as a whole: nothing more is until the packet is where its sides have met. */
  private join(program: LoadedProgram, exit: number): void {
    this.joins.push({ step: this.steps - 1, exit });
    this.passage.enter(program, exit, this.frames.length - 1);
  }

  /** The end of a function, or of the program, whose verdict the trace is specialised to. */
  private recordExit(): void {
    const frame = this.frames.pop() as Frame;
    const result = frame.registers[0];
    if (result === undefined) throw new TraceAbort('uninitialised-register');
    const caller = this.frames.at(-1);
    if (caller === undefined) {
      const verdict = this.values.specialise(this.values.graph.and(result, this.values.graph.constant(mask32)));
      this.values.graph.effect('ret', [verdict], 0n, undefined);
      this.verdict = Number(verdict.imm);
      return;
    }
    if (frame.returned !== undefined) {
      this.pending = this.waiting.pop();
      frame.returned(result);
      return;
    }
    for (let r = 0; r <= 5; r++) this.setRegister(r, frame.registers[r]);
  }

  /** What a register holds. Throws TraceAbort where that was never recorded. */
  register(index: number): Value {
    const value = this.frames.at(-1)?.registers[index];
    if (value === undefined) throw new TraceAbort('uninitialised-register', `r${index}`);
    return value;
  }

  /** All registers of the function that runs, which an assignment replaces. */
  get currentRegisters(): readonly (Value | undefined)[] {
    return (this.frames.at(-1) as Frame).registers;
  }

  set currentRegisters(registers: readonly (Value | undefined)[]) {
    const frame = this.frames.at(-1) as Frame;
    frame.registers = [...registers];
    frame.written = -1;
  }

  isSet(index: number): boolean {
    return this.frames.at(-1)?.registers[index] !== undefined;
  }

  /** Changes a register. The list is copied at the first change of a step, since snapshots share it. */
  setRegister(index: number, value: Value | undefined): void {
    const frame = this.frames.at(-1) as Frame;
    if (frame.written !== this.steps) {
      frame.registers = [...frame.registers];
      frame.written = this.steps;
    }
    frame.registers[index] = value;
  }

  /** Invariant 1. */
  private verify(index: number): void {
    const value = this.frames.at(-1)?.registers[index];
    if (value === undefined || index > 10) return;
    if (this.values.sample(value) !== this.registers.u64[index]) throw new TraceAbort('desync', `r${index}`);
  }

  private recordLoad(insn: Insn, isProbe: boolean): void {
    const mode = insn.code & 0xe0;
    if (mode !== op.MODE_MEM && mode !== op.MODE_MEMSX) throw new TraceAbort('insn-not-traceable');
    const size = accessSize(insn);
    const base = this.register(insn.src);
    const value = isProbe ? recordProbe(this, base, insn.off, size) : this.memory.load(base, insn.off, size);
    this.setRegister(insn.dst, mode === op.MODE_MEMSX ? signExtend(this.values.graph, value, size) : value);
  }
}
