/**
 * The core, row by row: all operands of a row are read, then all its results are written, and the first exit that is
 * taken in it says which row is next. So what the compiler puts side by side runs side by side, and a program that it
 * scheduled wrongly computes something else than the interpreter.
 *
 * Cycles are counted as the description says: `enter`, one a row, `branch` where an exit is taken, and `leave` at the
 * end; an exit that drops and is seen at fetch costs `leaveEarly`. They are a model.
 */
import { UnsupportedError } from '../../base/index.js';
import { atomic } from '../../interp/index.js';
import { insnClass, op } from '../../isa/index.js';
import { XDP_ABORTED, XDP_DROP } from '../../platform/index.js';
import {
  accessFault,
  type Callbacks,
  type Engine,
  type LoadedProgram,
  type Machine,
  newOutcome,
  type Outcome,
  ProgramTrap,
  placeOf,
  Registers,
} from '../../vm/index.js';
import { type CardDescription, numberOf } from '../description.js';
import { type CompiledProgram, type CompileOptions, compileProgram, type OptimizationName } from './compile.js';
import { arithmeticOf, type Compute, conditionOf } from './lane.js';
import type { Op } from './op.js';
import type { Row } from './schedule.js';

/** Cycles that a packet costs besides its rows. */
interface CoreTimes {
  readonly enter: number;
  readonly leave: number;
  readonly leaveEarly: number;
  readonly branch: number;
}

/** The times of a card's description. */
function coreTimes(card: CardDescription): CoreTimes {
  return {
    enter: numberOf(card, 'core.enter'),
    leave: numberOf(card, 'core.leave'),
    leaveEarly: numberOf(card, 'core.leave_early'),
    branch: numberOf(card, 'core.branch'),
  };
}

/** An operation with what it computes. */
interface Step {
  readonly each: Op;
  readonly compute: Compute | undefined;
  readonly first: (registers: Registers) => bigint;
  readonly second: number;
  /** Loads: the sign is extended. */
  readonly isSigned: boolean;
}

interface Program {
  readonly compiled: CompiledProgram;
  readonly rows: readonly (readonly Step[])[];
}

/** Stops a run for good: nobody calls back, since such programs are refused. */
const callbacks: Callbacks = {
  call() {
    throw new UnsupportedError('the core has no stack of calls');
  },
};

/** An engine that runs programs as rows of the core. Programs that it refuses throw UnsupportedError. */
export class VliwEngine implements Engine {
  readonly name: string = 'vliw';
  /** Cycles of the last packet, all programs that tail calls reached included. */
  cycles = 0;
  /** Rows of the last packet. */
  rows = 0;
  private readonly machine: Machine;
  private readonly options: CompileOptions;
  private readonly times: CoreTimes;
  private readonly programs = new Map<LoadedProgram, Program>();
  private readonly registers = new Registers();
  private readonly outcome: Outcome = newOutcome();
  /** By position in the row: what is written at its end. */
  private readonly results: bigint[] = [];
  private readonly places: number[] = [];

  constructor(machine: Machine, card: CardDescription, options: Partial<CompileOptions> = {}) {
    this.machine = machine;
    this.times = coreTimes(card);
    const optimizations: ReadonlySet<OptimizationName> | undefined = options.optimizations;
    this.options = {
      lanes: options.lanes ?? numberOf(card, 'units.lanes'),
      ...(optimizations === undefined ? {} : { optimizations }),
    };
  }

  run(program: LoadedProgram): Outcome {
    const { machine, outcome } = this;
    machine.admit(program);
    machine.lane.tailCalls = 0;
    machine.lane.tailTarget = undefined;
    this.cycles = 0;
    this.rows = 0;
    outcome.trap = undefined;
    outcome.steps = 0;
    let running: LoadedProgram | undefined = program;
    try {
      while (running !== undefined) running = this.runRows(running);
    } catch (error) {
      machine.lane.leaveFrame(0);
      if (!(error instanceof ProgramTrap)) throw error;
      outcome.trap = { trap: error.trap, program, insn: this.trapAt };
      outcome.verdict = 0;
      outcome.r0 = 0n;
    }
    return outcome;
  }

  private trapAt = 0;

  /** Runs one program to its exit; returns the one that a tail call went to. */
  private runRows(program: LoadedProgram): LoadedProgram | undefined {
    const { compiled, rows } = this.programOf(program);
    const { machine, registers, times, outcome } = this;
    registers.u64.fill(0n);
    registers.u32[2] = machine.lane.ctx.start;
    registers.u64[10] = BigInt(machine.lane.enterFrame(0));
    this.cycles += times.enter;
    for (let row = 0; ; ) {
      const steps = rows[row] as readonly Step[];
      this.cycles++;
      this.rows++;
      const taken = this.runRow(steps);
      outcome.steps += steps.length;
      if (machine.lane.tailTarget !== undefined) {
        const target = machine.lane.tailTarget;
        machine.lane.tailTarget = undefined;
        machine.admit(target);
        return target;
      }
      if (taken === undefined) row++;
      else if (taken.each.kind === 'exit') {
        this.leave(taken.each);
        return undefined;
      } else {
        row = compiled.starts[taken.each.target] as number;
        // A jump is known when it is decoded, as a branch is when it is executed; the core predicts neither.
        this.cycles += times.branch;
      }
    }
  }

  private leave({ verdict }: Op): void {
    const { machine, outcome, registers, times } = this;
    machine.lane.leaveFrame(0);
    if (verdict !== undefined) registers.u64[0] = BigInt(verdict);
    outcome.r0 = registers.u64[0] as bigint;
    outcome.verdict = registers.u32[0] as number;
    const drops = outcome.verdict === XDP_DROP || outcome.verdict === XDP_ABORTED;
    this.cycles += verdict !== undefined && drops ? times.leaveEarly : times.leave;
  }

  /** Runs a row; the exit that is taken in it. */
  private runRow(steps: readonly Step[]): Step | undefined {
    const { places, registers, results } = this;
    let taken: Step | undefined;
    for (const [i, step] of steps.entries()) {
      const { each } = step;
      this.trapAt = each.pc;
      switch (each.kind) {
        case 'alu':
          results[i] = (step.compute as Compute)(step.first(registers), registers.u64[step.second] as bigint);
          break;
        case 'load':
          results[i] = this.load(step);
          break;
        case 'store':
          places[i] = this.address(each.insn.dst, each.insn.off);
          results[i] = step.first(registers);
          break;
        case 'atomic':
        case 'call':
          break;
        case 'jump':
        case 'exit':
          taken ??= step;
          break;
        default:
          if (taken === undefined && this.isTaken(step)) taken = step;
      }
    }
    for (const [i, step] of steps.entries())
      if (step.each.kind === 'call' || step.each.kind === 'atomic') results[i] = this.runWhole(step.each);
    for (const [i, { each }] of steps.entries()) this.commit(each, i);
    return taken;
  }

  /** Writes the result of the operation at a position. */
  private commit(each: Op, i: number): void {
    const { registers, results } = this;
    if (each.kind === 'alu' || each.kind === 'load') registers.u64[each.insn.dst] = results[i] as bigint;
    else if (each.kind === 'call') registers.u64[0] = results[i] as bigint;
    else if (each.kind === 'atomic') {
      const to = fetchedTo(each);
      if (to >= 0) registers.u64[to] = results[i] as bigint;
    } else if (each.kind === 'store') this.store(each, this.places[i] as number, results[i] as bigint);
  }

  private isTaken({ each, compute, first, second }: Step): boolean {
    const { registers } = this;
    if (each.kind === 'branch') return compute?.(first(registers), registers.u64[second] as bigint) === 1n;
    const { machine } = this;
    const end = BigInt(machine.memory.load32(machine.lane.ctx.start + 4));
    const start =
      each.base < 0 ? BigInt(machine.memory.load32(machine.lane.ctx.start)) : (registers.u64[each.base] as bigint);
    const pointer = BigInt.asUintN(64, start + BigInt(each.distance));
    // The pointer stands where the comparison has it.
    return (each.reversed ? compute?.(end, pointer) : compute?.(pointer, end)) === 1n;
  }

  /** A call or an atomic operation, on registers as they are before the row; its result. */
  private runWhole(each: Op): bigint {
    const { machine, registers } = this;
    const before = registers.u64.slice();
    this.trapAt = each.pc;
    if (each.kind === 'call') machine.callHelper(each.insn.imm >>> 0, registers, callbacks);
    else {
      const isLoad = each.insn.imm === op.ATOMIC_LOAD_ACQ;
      const at = this.address(isLoad ? each.insn.src : each.insn.dst, each.insn.off);
      this.require(at, each.size, isLoad ? 'read' : 'write');
      atomic(machine.memory, registers, each.insn.imm, at, each.size, each.insn.dst, each.insn.src);
    }
    const result = registers.u64[each.kind === 'call' ? 0 : Math.max(0, fetchedTo(each))] as bigint;
    registers.u64.set(before);
    return result;
  }

  private address(base: number, off: number): number {
    const { u64, u32 } = this.registers;
    const low = u32[2 * base] as number;
    // What has an upper half is no guest address; the sum below is outside of all regions.
    return (u64[base] as bigint) === BigInt(low) ? low + off : -1;
  }

  private require(at: number, size: number, access: 'read' | 'write'): void {
    const { machine } = this;
    const allowed = access === 'read' ? machine.memory.canRead(at, size) : machine.memory.canWrite(at, size);
    if (!allowed) throw new ProgramTrap(accessFault(machine, BigInt.asUintN(64, BigInt(at)), size, access));
  }

  /** A load that leaves its object yields 0: it may stand before the check that it needs. */
  private load({ each, isSigned }: Step): bigint {
    const { memory } = this.machine;
    const at = this.address(each.insn.src, each.insn.off);
    const { size } = each;
    if (!memory.canRead(at, size)) return 0n;
    const value =
      size === 1
        ? BigInt(memory.load8(at))
        : size === 2
          ? BigInt(memory.load16(at))
          : size === 4
            ? BigInt(memory.load32(at))
            : size === 6
              ? BigInt(memory.load32(at) + memory.load16(at + 4) * 2 ** 32)
              : memory.load64(at);
    return isSigned ? BigInt.asUintN(64, BigInt.asIntN(8 * size, value)) : value;
  }

  private store({ size, pc }: Op, at: number, value: bigint): void {
    const { memory } = this.machine;
    this.trapAt = pc;
    this.require(at, size, 'write');
    const low = Number(BigInt.asUintN(32, value));
    if (size === 1) memory.store8(at, low & 0xff);
    else if (size === 2) memory.store16(at, low & 0xffff);
    else if (size === 8) memory.store64(at, BigInt.asUintN(64, value));
    else memory.store32(at, low);
    if (size === 6) memory.store16(at + 4, Number((value >> 32n) & 0xffffn));
  }

  /** The program's rows, compiled when it first runs. */
  private programOf(program: LoadedProgram): Program {
    const known = this.programs.get(program);
    if (known !== undefined) return known;
    const compiled = compileProgram(program.insns, this.options);
    if (compiled.kind === 'refused')
      throw new UnsupportedError(compiled.what, placeOf(program.spec, compiled.insn), 'the host can run it');
    const made = { compiled, rows: compiled.rows.map(stepsOf) };
    this.programs.set(program, made);
    return made;
  }
}

/** Operations of a row in the order of exits. */
function stepsOf({ order }: Row): readonly Step[] {
  return order.map(stepOf);
}

function stepOf(each: Op): Step {
  const { insn, kind } = each;
  const constant = (value: number): ((registers: Registers) => bigint) => {
    const wide = BigInt.asUintN(64, BigInt(value));
    return () => wide;
  };
  const register = (r: number): ((registers: Registers) => bigint) => {
    return (registers) => registers.u64[r] as bigint;
  };
  const compute =
    kind === 'alu' ? arithmeticOf(each) : each.target >= 0 && kind !== 'jump' ? conditionOf(each) : undefined;
  const isSigned = kind === 'load' && (insn.code & 0xe0) === op.MODE_MEMSX;
  if (kind === 'store') {
    const first = insnClass(insn) === op.ST ? constant(insn.imm) : register(insn.src);
    return { each, compute, first, second: 0, isSigned };
  }
  const first =
    each.firstImm !== undefined ? constant(each.firstImm) : register(each.first < 0 ? insn.dst : each.first);
  return { each, compute, first, second: insn.src, isSigned };
}

/** The register that an atomic operation fetches into; -1: none. */
function fetchedTo({ insn }: Op): number {
  if (insn.imm === op.ATOMIC_LOAD_ACQ) return insn.dst;
  if (insn.imm === op.ATOMIC_STORE_REL || (insn.imm & op.ATOMIC_FETCH) === 0) return -1;
  return insn.imm === op.ATOMIC_CMPXCHG ? 0 : insn.src;
}
