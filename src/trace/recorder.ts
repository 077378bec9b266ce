/**
 * The recorder: follows one packet through the interpreter, instruction by instruction, and keeps a symbolic value next to every concrete one.
 * What the program computes becomes IR, already folded; where it branches on something symbolic, a guard says which way it went. The
 * result is one straight line that does for every packet which passes its guards what the program would do.
 *
 * Why not record bytecode and optimize afterwards: a trace that is born small needs no passes to become so, and half of what a packet
 * program does (bounds checks, byte swaps, spills) folds away on the spot. LuaJIT records the same way.
 *
 * Invariants:
 * 1. The sample of a value (what it was for this packet) equals what the interpreter has. Checked at every instruction; a difference ends the
 *    recording (`desync`) and never reaches a card.
 * 2. The stack is never written by a trace, except where a helper reads it: its bytes are known by value. A frame starts zeroed.
 * 3. A load is early if no store so far can have touched its bytes. Early guards are evaluated before every effect, in the order of the
 *    program, so that they may rely on each other: the guard that a pointer is not null stands before the load through it.
 */

import type { Observer } from '../interp/index.js';
import {
  evaluate,
  Graph,
  isConst,
  liveCode,
  mask32,
  mask64,
  type Space,
  splitOffset,
  type TraceCode,
  type Value,
} from '../ir/index.js';
import { accessSize, type Insn, insnClass, isConditionalJump, isUnconditionalJump, op } from '../isa/index.js';
import { xdpMd } from '../platform/index.js';
import { constantAt, headroom, type LoadedProgram, type Machine, type Outcome, type Registers } from '../vm/index.js';
import { type AbortCode, TraceAbort } from './aborts.js';
import { aluValue, jumpCondition } from './alu.js';
import { Facts } from './facts.js';
import { type Pending, recordCall } from './record-call.js';
import { type ByteOf, joinRuns, type Location, Shadow, toRuns } from './shadow.js';
import type { Assumption, StableValues } from './stable-values.js';

export interface RecorderLimits {
  /** Values that a trace may have before dead code is removed. */
  readonly maxValues: number;
  readonly maxGuards: number;
  /** Instructions of the program that the recorder follows. */
  readonly maxSteps: number;
}

export const defaultLimits: RecorderLimits = { maxValues: 20_000, maxGuards: 1_000, maxSteps: 50_000 };

/** Where a recording failed. */
export interface AbortSite {
  readonly code: AbortCode;
  readonly detail: string | undefined;
  readonly program: LoadedProgram;
  readonly pc: number;
}

export interface RecordedTrace {
  readonly code: TraceCode;
  /** All values that were recorded, dead ones too. */
  readonly recorded: readonly Value[];
  /** Low half of r0. */
  readonly verdict: number;
  /** Instructions that the program executed on the recorded packet. */
  readonly steps: number;
  readonly program: LoadedProgram;
  /** What the guards say, in normal form. */
  readonly facts: Facts;
  /** Contents of maps that it takes for constants: it must go when one of them changes. */
  readonly assumptions: readonly Assumption[];
}

export type Recording =
  | { readonly kind: 'trace'; readonly trace: RecordedTrace }
  | { readonly kind: 'abort'; readonly site: AbortSite };

interface Frame {
  readonly registers: (Value | undefined)[];
  /** Set in a frame that a helper called: what to do with its result. */
  readonly returned: ((result: Value) => void) | undefined;
}

/** A stack byte that is known, or the fact that only memory has it. */
type StackByte = ByteOf | 'memory';

export class Recorder implements Observer {
  graph: Graph = new Graph();
  facts: Facts = new Facts();
  shadow: Shadow = new Shadow();
  readonly machine: Machine;
  readonly limits: RecorderLimits;
  registers!: Registers; // Set by `start`, before anything else is called.
  frames: Frame[] = [];
  /** Counts changes of what look-ups in each map find. */
  readonly mapVersions: Map<number, number> = new Map();
  /** Pointers that a look-up or helper gave: what they point into. */
  readonly roots: Map<Value, { readonly space: Space; readonly map: number; readonly size: number }> = new Map();
  /** Signed offsets of data, data_end and data_meta from where the packet started at arrival. */
  dataOffset = 0n;
  endOffset: Value = this.graph.length;
  metaOffset = 0n;
  pending: Pending | undefined;
  tailCalls = 0;
  stackVersion = 0;
  private stack: Map<number, StackByte> = new Map();
  private samples = new Map<Value, bigint>();
  private program: LoadedProgram | undefined;
  private pc = 0;
  private steps = 0;
  private guards = 0;
  private abort: AbortSite | undefined;
  private verdict: number | undefined;
  private readonly valueRegions: Map<number, number>;
  private readonly stable: StableValues | undefined;
  private assumptions: Assumption[] = [];
  private recordings = 0;

  /** With `stable`, values of maps that have not changed for long are taken for constants; who installs the trace then has to watch its assumptions. */
  constructor(machine: Machine, limits: RecorderLimits = defaultLimits, stable?: StableValues) {
    this.machine = machine;
    this.limits = limits;
    this.stable = stable;
    this.valueRegions = new Map();
    for (const map of machine.maps) {
      const direct = map.directValue();
      const region = direct === 0 ? undefined : machine.memory.regionOf(direct);
      if (region !== undefined) this.valueRegions.set(region.start, map.index);
    }
  }

  /** Forgets the last packet. Call it after `setPacket` and before the engine runs. */
  start(program: LoadedProgram, registers: Registers): void {
    this.registers = registers;
    this.recordings++;
    this.assumptions = [];
    this.graph = new Graph();
    this.facts = new Facts();
    this.shadow = new Shadow();
    this.frames = [];
    this.mapVersions.clear();
    this.roots.clear();
    this.dataOffset = 0n;
    this.metaOffset = 0n;
    this.endOffset = this.graph.length;
    this.pending = undefined;
    this.waiting.length = 0;
    this.tailCalls = 0;
    this.stackVersion = 0;
    this.stack = new Map();
    this.samples = new Map();
    this.program = program;
    this.pc = 0;
    this.steps = 0;
    this.guards = 0;
    this.abort = undefined;
    this.verdict = undefined;
    const { packet } = this.machine;
    this.setSample(this.graph.length, BigInt(packet.dataEnd - packet.data));
    this.enterProgram();
    if (packet.fragmentCount > 0 || packet.data !== packet.dataMeta) this.give('multi-buffer');
  }

  /** What came of it; `outcome` is the engine's. */
  finish(outcome: Outcome): Recording {
    this.attempt(() => {
      if (outcome.trap !== undefined)
        throw new TraceAbort(outcome.trap.trap.kind === 'steps' ? 'spin' : 'trap', outcome.trap.trap.kind);
      if (this.verdict === undefined) throw new TraceAbort('desync', 'the program ended unseen');
      if (this.verdict !== outcome.verdict) throw new TraceAbort('desync', 'verdict');
    });
    if (this.abort !== undefined || this.program === undefined) {
      const site = this.abort ?? {
        code: 'desync' as const,
        detail: undefined,
        program: outcome.trap?.program as LoadedProgram,
        pc: 0,
      };
      return { kind: 'abort', site };
    }
    const code = liveCode(this.graph.code);
    this.facts.settle();
    this.facts.sources.forget();
    return {
      kind: 'trace',
      trace: {
        code,
        recorded: this.graph.code,
        verdict: outcome.verdict,
        steps: this.steps,
        program: this.program,
        facts: this.facts,
        assumptions: this.assumptions,
      },
    };
  }

  before(program: LoadedProgram, pc: number, depth: number): void {
    if (this.abort !== undefined) return;
    try {
      this.step(program, pc, depth);
    } catch (error) {
      if (!(error instanceof TraceAbort)) throw error;
      this.give(error.code, error.detail);
    }
  }

  private attempt(what: () => void): void {
    if (this.abort !== undefined) return;
    try {
      what();
    } catch (error) {
      if (!(error instanceof TraceAbort)) throw error;
      this.give(error.code, error.detail);
    }
  }

  private give(code: AbortCode, detail?: string): void {
    this.abort ??= { code, detail, program: this.program as LoadedProgram, pc: this.pc };
  }

  private step(program: LoadedProgram, pc: number, depth: number): void {
    this.settle(pc, depth);
    this.program = program;
    this.pc = pc;
    if (depth !== this.frames.length - 1) throw new TraceAbort('desync', 'depth');
    if (++this.steps > this.limits.maxSteps) throw new TraceAbort('too-many-steps');
    if (this.graph.code.length > this.limits.maxValues) throw new TraceAbort('too-long');
    this.graph.origin = { program: program.index, pc };
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
      this.frames.push({ registers: pending.enter(), returned: pending.returned });
      this.openFrame(depth);
      this.pending = undefined;
      // The helper goes on after the callback; `exit` puts it back.
      this.waiting.push(pending);
      return;
    }
    this.pending = undefined;
    pending.finish(this.registers.u64[0] as bigint);
  }

  /** Helpers that have called back and wait for it. */
  private readonly waiting: Pending[] = [];

  private openFrame(depth: number): void {
    const frame = this.machine.frames[depth];
    if (frame === undefined) throw new TraceAbort('desync', 'frame');
    (this.frames.at(-1) as Frame).registers[10] = this.graph.constant(BigInt(frame.hi));
    // A frame starts zeroed.
    if (this.stack.size > 0) for (let at = frame.hi - 512; at < frame.hi; at++) this.stack.delete(at);
  }

  /** State at the start of a program; after a tail call it takes over the frame. Registers start at zero. */
  enterProgram(): void {
    const zero = this.graph.constant(0n);
    const returned = this.frames.pop()?.returned;
    this.frames.push({ registers: Array.from({ length: 11 }, () => zero), returned });
    this.openFrame(this.frames.length - 1);
    this.setRegister(1, this.graph.constant(BigInt(this.machine.ctx.start)));
  }

  private record(program: LoadedProgram, insn: Insn, pc: number): void {
    const { graph } = this;
    switch (insnClass(insn)) {
      case op.ALU:
      case op.ALU64:
        this.recordAlu(insn);
        return;
      case op.LD: {
        if (insn.code !== op.LDDW) throw new TraceAbort('insn-not-traceable');
        const high = program.insns[pc + 1]?.imm ?? 0;
        this.setRegister(insn.dst, graph.constant((BigInt(high >>> 0) << 32n) | BigInt(insn.imm >>> 0)));
        return;
      }
      case op.LDX:
        this.recordLoad(insn);
        return;
      case op.ST:
        this.storeTo(this.register(insn.dst), insn.off, accessSize(insn), graph.constant(BigInt(insn.imm)));
        return;
      case op.STX:
        if ((insn.code & 0xe0) === op.MODE_ATOMIC) this.recordAtomic(insn);
        else this.storeTo(this.register(insn.dst), insn.off, accessSize(insn), this.register(insn.src));
        return;
      default:
        this.recordJump(program, insn);
    }
  }

  private recordAlu(insn: Insn): void {
    const { graph } = this;
    const code = insn.code & 0xf0;
    const isMove = code === op.MOV;
    const unary = code === op.NEG || code === op.END;
    const b = unary
      ? graph.constant(0n)
      : (insn.code & op.X) !== 0
        ? this.register(insn.src)
        : graph.constant(BigInt(insn.imm));
    const a = isMove ? b : this.register(insn.dst);
    const result = aluValue(graph, insn, a, b);
    if (result === undefined) throw new TraceAbort('insn-not-traceable');
    this.setRegister(insn.dst, result);
  }

  private recordJump(program: LoadedProgram, insn: Insn): void {
    if (isUnconditionalJump(insn)) return;
    if (isConditionalJump(insn)) {
      const left = this.register(insn.dst);
      const right = (insn.code & op.X) !== 0 ? this.register(insn.src) : this.graph.constant(BigInt(insn.imm));
      const jump = jumpCondition(this.graph, insn, left, right);
      if (jump === undefined) throw new TraceAbort('insn-not-traceable');
      this.guard(jump.condition, this.sample(jump.condition) !== 0n);
      return;
    }
    if (insn.code === op.EXIT_OP) {
      this.recordExit();
      return;
    }
    if (insn.src === op.CALL_LOCAL) {
      const caller = this.frames.at(-1) as Frame;
      this.frames.push({ registers: [...caller.registers], returned: undefined });
      this.openFrame(this.frames.length - 1);
      return;
    }
    if (insn.src !== op.CALL_HELPER) throw new TraceAbort('insn-not-traceable');
    recordCall(this, program, insn.imm);
  }

  private recordExit(): void {
    const frame = this.frames.pop() as Frame;
    const result = frame.registers[0];
    if (result === undefined) throw new TraceAbort('uninitialised-register');
    const caller = this.frames.at(-1);
    if (caller === undefined) {
      const verdict = this.specialise(this.graph.and(result, this.graph.constant(mask32)));
      this.graph.effect('ret', [verdict], 0n, undefined);
      this.verdict = Number(verdict.imm);
      return;
    }
    if (frame.returned !== undefined) {
      this.pending = this.waiting.pop();
      frame.returned(result);
      return;
    }
    for (let r = 0; r <= 5; r++) caller.registers[r] = frame.registers[r];
  }

  // Registers, samples, guards.

  register(index: number): Value {
    const value = this.frames.at(-1)?.registers[index];
    if (value === undefined) throw new TraceAbort('uninitialised-register', `r${index}`);
    return value;
  }

  isSet(index: number): boolean {
    return this.frames.at(-1)?.registers[index] !== undefined;
  }

  setRegister(index: number, value: Value | undefined): void {
    (this.frames.at(-1) as Frame).registers[index] = value;
  }

  /** Invariant 1. */
  private verify(index: number): void {
    const value = this.frames.at(-1)?.registers[index];
    if (value === undefined || index > 10) return;
    if (this.sample(value) !== this.registers.u64[index]) throw new TraceAbort('desync', `r${index}`);
  }

  /** What the value was for this packet. */
  sample(value: Value): bigint {
    if (value.op === 'const') return value.imm;
    const known = this.samples.get(value);
    if (known !== undefined) return known;
    return evaluate(
      value,
      (leaf) => {
        if (leaf.op !== 'ptr') throw new TraceAbort('desync', `no sample of ${leaf.op}`);
        return (BigInt(this.machine.packet.region.start + headroom) + this.sample(leaf.args[0] as Value)) & mask64;
      },
      this.samples,
    );
  }

  setSample(value: Value, sample: bigint): void {
    if (!isConst(value)) this.samples.set(value, sample & mask64);
  }

  /** The path goes on only if the comparison comes out like this. */
  guard(condition: Value, expect: boolean): void {
    if (isConst(condition)) {
      if ((condition.imm !== 0n) !== expect) throw new TraceAbort('desync', 'constant guard');
      return;
    }
    const known = this.facts.decide(condition);
    if (known !== undefined) {
      if (known !== expect) throw new TraceAbort('desync', 'contradicting guard');
      return;
    }
    if (++this.guards > this.limits.maxGuards) throw new TraceAbort('too-many-guards');
    this.graph.effect('guard', [condition], 0n, { kind: 'guard', expect });
    this.facts.assert(condition, expect);
  }

  /** Guards that the value is what it is now, and returns that as a constant. */
  specialise(value: Value): Value {
    if (isConst(value)) return value;
    const constant = this.graph.constant(this.sample(value));
    this.guard(this.graph.make('eq', value, constant), true);
    return constant;
  }

  // Memory.

  private recordLoad(insn: Insn): void {
    const mode = insn.code & 0xe0;
    if (mode !== op.MODE_MEM && mode !== op.MODE_MEMSX) throw new TraceAbort('insn-not-traceable');
    const size = accessSize(insn);
    let value = this.loadFrom(this.register(insn.src), insn.off, size);
    if (mode === op.MODE_MEMSX && size < 8)
      value = this.graph.make(size === 1 ? 'sext8' : size === 2 ? 'sext16' : 'sext32', value);
    this.setRegister(insn.dst, value);
  }

  loadFrom(pointer: Value, offset: number, size: number): Value {
    const { graph } = this;
    const address = graph.add(pointer, graph.constant(BigInt(offset)));
    if (isConst(address) && this.isCtx(Number(address.imm)))
      return this.loadCtx(Number(address.imm) - this.machine.ctx.start, size);
    const constant = isConst(address) ? constantAt(this.machine, Number(address.imm), size) : undefined;
    if (constant !== undefined) return graph.constant(constant);
    const at = this.locate(address, size);
    if (at.space === 'stack') return joinRuns(graph, toRuns(graph, this.stackBytes(at.offset, size)));
    const checked = this.prove(at, size);
    const known = this.shadow.bytes(at, size);
    if (known.every((byte) => byte !== undefined)) return joinRuns(graph, toRuns(graph, known));
    if (known.every((byte) => byte === undefined)) return this.loadMemory(at, size, checked);
    return joinRuns(
      graph,
      toRuns(
        graph,
        known.map(
          (byte, i) => byte ?? { value: this.loadMemory({ ...at, offset: at.offset + i }, 1, checked), byte: 0 },
        ),
      ),
    );
  }

  private loadMemory(at: Location, size: number, checked: boolean): Value {
    const { graph } = this;
    const initial = this.shadow.isInitial(at, size);
    const base = at.base ?? graph.constant(0n);
    if (initial && at.space === 'map' && at.base === undefined && at.map >= 0) {
      const constant = this.settledValue(at, size);
      if (constant !== undefined) return constant;
    }
    const detail = { kind: 'memory', space: at.space, size, map: at.map, checked } as const;
    const value = graph.load(base, BigInt(at.offset), detail, initial ? 0 : this.shadow.version, initial);
    this.setSample(value, this.peek(this.concrete(at), size));
    return value;
  }

  /** The value of a map's bytes as a constant: of maps that nobody can change, and of those that have not changed for long (assumed). */
  private settledValue(at: Location, size: number): Value | undefined {
    const value = this.peek(at.offset, size);
    if (this.machine.maps[at.map]?.isConstant === true) return this.graph.constant(value);
    const assumption = { map: at.map, address: at.offset, size, value };
    if (this.stable?.sample(assumption, this.recordings) !== true) return undefined;
    this.assumptions.push(assumption);
    return this.graph.constant(value);
  }

  /** Names the map that a value's memory belongs to, for addresses that are constants. */
  nameValue(address: bigint, map: number): void {
    const region = this.machine.memory.regionOf(Number(address));
    if (region !== undefined) this.valueRegions.set(region.start, map);
  }

  private loadCtx(offset: number, size: number): Value {
    if (size !== 4) throw new TraceAbort('unknown-pointer', 'context');
    const { graph } = this;
    switch (offset) {
      case xdpMd.data:
        return graph.pointer(graph.constant(this.dataOffset));
      case xdpMd.dataEnd:
        return graph.pointer(this.endOffset);
      case xdpMd.dataMeta:
        return graph.pointer(graph.constant(this.metaOffset));
      default: {
        const field = graph.ctxField(offset);
        this.setSample(field, BigInt(this.machine.memory.load32(this.machine.ctx.start + offset)));
        return field;
      }
    }
  }

  storeTo(pointer: Value, offset: number, size: number, value: Value): void {
    const { graph } = this;
    const at = this.locate(graph.add(pointer, graph.constant(BigInt(offset))), size);
    if (at.space === 'stack') {
      for (let i = 0; i < size; i++) this.stack.set(at.offset + i, { value, byte: i });
      return;
    }
    const checked = this.prove(at, size);
    const detail = { kind: 'memory', space: at.space, size, map: at.map, checked } as const;
    graph.effect('store', [at.base ?? graph.constant(0n), value], BigInt(at.offset), detail);
    this.shadow.store(at, size, value);
  }

  private recordAtomic(insn: Insn): void {
    const { graph } = this;
    const size = accessSize(insn);
    if (insn.imm === op.ATOMIC_LOAD_ACQ) {
      this.setRegister(insn.dst, this.loadFrom(this.register(insn.src), insn.off, size));
      return;
    }
    if (insn.imm === op.ATOMIC_STORE_REL) {
      this.storeTo(this.register(insn.dst), insn.off, size, this.register(insn.src));
      return;
    }
    if (size < 4) throw new TraceAbort('insn-not-traceable');
    const pointer = this.register(insn.dst);
    const operand = this.register(insn.src);
    const address = graph.add(pointer, graph.constant(BigInt(insn.off)));
    const at = this.locate(address, size);
    if (at.space === 'packet') throw new TraceAbort('insn-not-traceable');
    const isCompare = insn.imm === op.ATOMIC_CMPXCHG;
    const fetches = (insn.imm & op.ATOMIC_FETCH) !== 0;
    let old: Value;
    if (at.space === 'stack') {
      old = this.loadFrom(pointer, insn.off, size);
      this.storeTo(pointer, insn.off, size, this.atomicResult(insn, size, old, operand));
    } else {
      const checked = this.prove(at, size);
      const args = [at.base ?? graph.constant(0n), operand, ...(isCompare ? [this.register(0)] : [])];
      const detail = { kind: 'atomic', space: at.space, size, map: at.map, checked, atomic: insn.imm } as const;
      old = graph.effect('atomic', args, BigInt(at.offset), detail, size === 8 ? mask64 : mask32);
      this.setSample(old, this.peek(this.concrete(at), size));
      this.shadow.clobber(at, size);
    }
    if (isCompare) this.setRegister(0, old);
    else if (fetches) this.setRegister(insn.src, old);
  }

  private atomicResult(insn: Insn, size: number, old: Value, operand: Value): Value {
    const { graph } = this;
    switch (insn.imm & ~op.ATOMIC_FETCH) {
      case op.ATOMIC_ADD:
        return graph.add(old, operand);
      case op.ATOMIC_OR:
        return graph.make('or', old, operand);
      case op.ATOMIC_AND:
        return graph.and(old, operand);
      case op.ATOMIC_XOR:
        return graph.make('xor', old, operand);
      case op.ATOMIC_XCHG & ~op.ATOMIC_FETCH:
        return operand;
      case op.ATOMIC_CMPXCHG & ~op.ATOMIC_FETCH: {
        const mask = graph.constant(size === 8 ? mask64 : mask32);
        const same = graph.make('eq', graph.and(old, mask), graph.and(this.register(0), mask));
        const equal = this.sample(same) !== 0n;
        this.guard(same, equal);
        return equal ? operand : old;
      }
      default:
        throw new TraceAbort('insn-not-traceable');
    }
  }

  /** Takes an address apart. May add a guard: a variable stack address is pinned. */
  locate(address: Value, size: number): Location {
    const concrete = this.sample(address);
    if (address.op === 'ptr') {
      const [base, offset] = splitOffset(address.args[0] as Value);
      return { space: 'packet', map: -1, base, offset: Number(offset) };
    }
    const region = concrete < mask32 ? this.machine.memory.regionOf(Number(concrete)) : undefined;
    if (region === undefined) throw new TraceAbort('trap', 'wild pointer');
    void size;
    if (region.kind === 'stack')
      return { space: 'stack', map: -1, base: undefined, offset: Number(this.specialise(address).imm) };
    if (isConst(address)) {
      if (region.kind !== 'map value') throw new TraceAbort('unknown-pointer', region.name);
      return {
        space: 'map',
        map: this.valueRegions.get(region.start) ?? -1,
        base: undefined,
        offset: Number(address.imm),
      };
    }
    const [base, offset] = splitOffset(address);
    if (base === undefined) throw new TraceAbort('desync', 'address');
    const root = this.rootOf(base);
    if (root !== undefined) return { space: root.space, map: root.map, base, offset: Number(offset) };
    if (region.kind !== 'map value') throw new TraceAbort('unknown-pointer', region.name);
    return { space: 'map', map: this.valueRegions.get(region.start) ?? -1, base, offset: Number(offset) };
  }

  /** The pointer that an address is computed from. */
  private rootOf(value: Value): { readonly space: Space; readonly map: number; readonly size: number } | undefined {
    const root = this.roots.get(value);
    if (root !== undefined) return root;
    if (value.op !== 'add' && value.op !== 'sub') return undefined;
    for (const arg of value.args) {
      const inner = this.rootOf(arg);
      if (inner !== undefined) return inner;
    }
    return undefined;
  }

  /**
   * Makes sure that an access is safe for every packet that passes the guards: by what they say already, by a new guard over the packet's
   * length, or, where neither will do, by a check when the trace runs (result true).
   */
  private prove(at: Location, size: number): boolean {
    if (at.space !== 'packet') {
      const root = at.base === undefined ? undefined : this.roots.get(at.base);
      if (at.base === undefined) return false;
      const inside = root !== undefined && at.offset >= 0 && at.offset + size <= root.size;
      return !(inside && (root.space === 'other' || this.facts.found.get(at.base) === true));
    }
    const { graph } = this;
    const end = graph.constant(BigInt(at.offset + size));
    if (at.base === undefined) {
      if (BigInt(at.offset) < this.metaOffset) throw new TraceAbort('trap', 'before the packet');
      this.guard(graph.make('sle', end, this.endOffset), this.insidePacket(at, size));
      return false;
    }
    const limit = graph.make('ule', graph.pointer(graph.add(at.base, end)), graph.pointer(this.endOffset));
    const low = graph.make(
      'ule',
      graph.pointer(graph.constant(this.metaOffset)),
      graph.pointer(graph.add(at.base, graph.constant(BigInt(at.offset)))),
    );
    const proved = (condition: Value): boolean =>
      isConst(condition) ? condition.imm !== 0n : this.facts.decide(condition) === true;
    return !(proved(limit) && proved(low));
  }

  private insidePacket(at: Location, size: number): boolean {
    const address = this.concrete(at);
    if (!this.machine.memory.canRead(address, size)) throw new TraceAbort('trap', 'outside of the packet');
    return true;
  }

  /** Guest address of a location for this packet. */
  concrete(at: Location): number {
    const base = at.base === undefined ? 0n : this.sample(at.base);
    const address = BigInt.asUintN(
      64,
      base + BigInt(at.offset) + (at.space === 'packet' ? BigInt(this.machine.packet.region.start + headroom) : 0n),
    );
    return Number(address);
  }

  peek(address: number, size: number): bigint {
    const { memory } = this.machine;
    if (!memory.canRead(address, size)) throw new TraceAbort('trap', 'fault');
    switch (size) {
      case 1:
        return BigInt(memory.load8(address));
      case 2:
        return BigInt(memory.load16(address));
      case 4:
        return BigInt(memory.load32(address));
      default:
        return memory.load64(address);
    }
  }

  /** Stack bytes as values; what only memory has is loaded. */
  stackBytes(address: number, size: number): ByteOf[] {
    const bytes: ByteOf[] = [];
    const zero = this.graph.constant(0n);
    for (let i = 0; i < size; ) {
      const byte = this.stack.get(address + i);
      if (byte !== 'memory') {
        bytes.push(byte ?? { value: zero, byte: 0 });
        i++;
        continue;
      }
      let run = 1;
      while (i + run < size && run < 8 && this.stack.get(address + i + run) === 'memory') run++;
      const width = run >= 8 ? 8 : run >= 4 ? 4 : run >= 2 ? 2 : 1;
      const detail = { kind: 'memory', space: 'stack', size: width, map: -1, checked: false } as const;
      const value = this.graph.load(this.graph.constant(BigInt(address + i)), 0n, detail, this.stackVersion, false);
      this.setSample(value, this.peek(address + i, width));
      for (let b = 0; b < width; b++) bytes.push({ value, byte: b });
      i += width;
    }
    return bytes;
  }

  setStackBytes(address: number, bytes: readonly StackByte[]): void {
    for (const [i, byte] of bytes.entries()) this.stack.set(address + i, byte);
    this.stackVersion++;
  }

  private isCtx(address: number): boolean {
    return address >= this.machine.ctx.start && address < this.machine.ctx.start + xdpMd.size;
  }
}
