/**
 * Joins: what a recording does at a branch on state whose two sides meet again shortly (code/forks.ts). Guarding which
 * way the packet went would make a trace of each history that maps can have: a slot of a bucket, a round of a loop, a
 * counter below its limit. What classes packets are their bytes; state only decides what is computed. So both sides
 * are computed, and `select` chooses: the trace goes on for the packets of either.
 *
 * Both sides are recorded without being run. That is possible because a fork has nothing but arithmetic, loads and
 * stores, under these rules:
 *
 * 1. A load that the packet's own way would not make must do no harm: it is inside of an object that is there for
 *    every packet of the trace, or inside of what a look-up found, or else around address 0, where guest memory has
 *    bytes that nobody asks for in the end.
 * 2. A store writes what the bytes are to hold if its side is taken, else what they hold; it is inside of an object
 *    that is there. Other threads would see the second kind, so maps that are shared have no joined stores.
 * 3. Nothing is done to memory before all of it is known to work out; what does not is guarded as ever.
 * 4. Pointers are not chosen between: what they point to would have no name any more.
 * 5. A branch on what classes packets is no join, neither the first one nor one inside.
 *
 * Whether a fork is worth a join is a matter of counts (fork-sides.ts), and for all traces the same; what else it
 * takes hangs on the program and on what the trace knows, never on the packet. So recordings that have come the same
 * way join alike, and the conditions of two traces still part on one guard.
 */
import { type Fork, type ForkBlock, forkAt, liveSlots, probeLoads } from '../code/index.js';
import { isCompare, isConst, lowerJump, signExtend, type Value } from '../ir/index.js';
import {
  accessSize,
  type Insn,
  insnClass,
  isConditionalJump,
  isLddw,
  isUnconditionalJump,
  jumpTarget,
  op,
} from '../isa/index.js';
import type { LoadedProgram } from '../vm/index.js';
import type { Recorder } from './recorder.js';
import type { Target } from './shadow.js';

type Registers = readonly (Value | undefined)[];

/** One way into a block or out of the fork. */
interface Edge {
  /** 1 if it is taken, else 0. */
  readonly when: Value;
  readonly registers: Registers;
}

/** A store that is made once the fork has worked out. */
interface Pending {
  readonly at: Target;
  readonly size: number;
  readonly value: Value;
  readonly when: Value;
}

/** Thrown and caught here: the fork stays a branch. */
class NoJoin extends Error {}

/**
 * Records the fork at a conditional jump whose outcome is `condition` (a comparison; the jump is taken if it is not 0,
 * or if `negated` and it is 0). Returns the slot where the packet's way and the recording meet again; undefined if
 * there is no join, and then nothing has been done.
 */
export function recordFork(
  recorder: Recorder,
  program: LoadedProgram,
  pc: number,
  condition: { readonly value: Value; readonly negated: boolean },
): number | undefined {
  const { values, limits, forks } = recorder;
  if (limits.joins === false || !values.isState(condition.value)) return undefined;
  const fork = forkAt(program.insns, pc);
  if (fork === undefined) return undefined;
  if (forks?.admits(program, pc, values.sample(condition.value) !== 0n) === false) return undefined;
  const before = recorder.currentRegisters;
  try {
    const exit = new ForkRecorder(recorder, program, fork).record(pc, condition);
    forks?.join(program, pc);
    return exit;
  } catch (error) {
    if (!(error instanceof NoJoin)) throw error;
    recorder.currentRegisters = before;
    return undefined;
  }
}

/** The walk over one fork. */
class ForkRecorder {
  private readonly recorder: Recorder;
  private readonly program: LoadedProgram;
  private readonly fork: Fork;
  /** By slot: the ways that lead there. */
  private readonly edges = new Map<number, Edge[]>();
  private readonly pending: Pending[] = [];
  private readonly opposites = new Map<Value, Value>();

  constructor(recorder: Recorder, program: LoadedProgram, fork: Fork) {
    this.recorder = recorder;
    this.program = program;
    this.fork = fork;
  }

  private get graph(): Recorder['values']['graph'] {
    return this.recorder.values.graph;
  }

  /** Walks all sides, decides between the exits, and makes the stores. */
  record(pc: number, condition: { readonly value: Value; readonly negated: boolean }): number {
    const { recorder, graph, fork } = this;
    const one = graph.constant(1n);
    this.branch(pc, condition, { when: one, registers: recorder.currentRegisters });
    for (const block of fork.blocks) {
      const ways = this.edges.get(block.start);
      // A side that the trace rules out.
      if (ways !== undefined) this.block(block, this.merge(block.start, ways));
    }
    const exits = fork.exits.filter((exit) => this.edges.has(exit));
    const [exit, registers] = exits.length === 1 ? this.join(exits[0] as number) : this.decide(exits);
    recorder.currentRegisters = registers;
    for (const store of this.pending) this.store(store);
    return exit;
  }

  private join(exit: number): [number, Registers] {
    return [exit, this.merge(exit, this.edges.get(exit) as Edge[]).registers];
  }

  /** Two exits: which one it is is one guard, however many jumps it hangs on. */
  private decide(exits: readonly number[]): [number, Registers] {
    const { recorder } = this;
    const waysTo = (exit: number): Edge[] => this.edges.get(exit) as Edge[];
    const [first, second] = exits as [number, number];
    // The one with fewer ways has the shorter condition.
    const asked = waysTo(first).length <= waysTo(second).length ? first : second;
    const when = waysTo(asked)
      .map((edge) => edge.when)
      .reduce((a, b) => this.either(a, b));
    const taken = recorder.values.sample(when) !== 0n;
    const exit = taken ? asked : asked === first ? second : first;
    // Merged before there is a guard: it may turn out that nothing can be.
    const merged = this.join(exit);
    this.ask(when, taken);
    return merged;
  }

  /** A guard on 0 or 1. A comparison is asked as it is, so that what it says of packets is known afterwards. */
  private ask(when: Value, taken: boolean): void {
    const { recorder, graph } = this;
    const opposite = this.oppositeOf(when);
    const [asked, expect] = opposite === undefined ? [when, taken] : [opposite, !taken];
    if (isCompare(asked.op)) recorder.values.guard(asked, expect);
    else recorder.values.guard(graph.make('eq', asked, graph.constant(0n)), !expect);
  }

  /** What a value is the opposite of. */
  private oppositeOf(value: Value): Value | undefined {
    const opposite = this.opposites.get(value);
    return value.op === 'eq' && opposite !== undefined && value.args[0] === opposite ? opposite : undefined;
  }

  /** Both ways out of a conditional jump, or the one that what is known leaves. */
  private branch(
    pc: number,
    { value, negated }: { readonly value: Value; readonly negated: boolean },
    from: Edge,
  ): void {
    const target = jumpTarget(this.program.insns[pc] as Insn, pc);
    const known = this.recorder.values.facts.decide(value);
    if (known !== undefined) {
      this.lead(known === negated ? pc + 1 : target, from);
      return;
    }
    if (!this.recorder.values.isState(value)) throw new NoJoin();
    const opposite = this.opposite(value);
    const [jumps, stays] = negated ? [opposite, value] : [value, opposite];
    this.lead(target, { when: this.both(from.when, jumps), registers: from.registers });
    this.lead(pc + 1, { when: this.both(from.when, stays), registers: from.registers });
  }

  private lead(to: number, edge: Edge): void {
    const ways = this.edges.get(to);
    if (ways === undefined) this.edges.set(to, [edge]);
    else ways.push(edge);
  }

  /** Registers where ways meet: each that is read later is chosen by the way that was taken. */
  private merge(pc: number, ways: readonly Edge[]): Edge {
    const [first] = ways;
    if (first !== undefined && ways.length === 1) return first;
    const live = liveSlots(this.program.insns);
    const registers = Array.from({ length: 11 }, (_, r) => {
      if (!live.isLive(pc, r)) return undefined;
      return ways
        .map((way) => ({ when: way.when, value: way.registers[r] }))
        .reduceRight((others, own) => ({ when: own.when, value: this.choose(own.when, own.value, others.value) }))
        .value;
    });
    return { when: ways.map(({ when }) => when).reduce((a, b) => this.either(a, b)), registers };
  }

  private choose(when: Value, yes: Value | undefined, no: Value | undefined): Value | undefined {
    if (yes === no) return yes;
    const { memory } = this.recorder;
    if (yes === undefined || no === undefined || memory.isPointer(yes) || memory.isPointer(no)) throw new NoJoin();
    return this.chosen(when, yes, no);
  }

  private chosen(when: Value, yes: Value, no: Value): Value {
    const opposite = this.oppositeOf(when);
    return opposite === undefined ? this.graph.select(when, yes, no) : this.graph.select(opposite, no, yes);
  }

  private both(a: Value, b: Value): Value {
    return this.graph.and(a, b);
  }

  private either(a: Value, b: Value): Value {
    return this.opposites.get(a) === b ? this.graph.constant(1n) : this.graph.make('or', a, b);
  }

  private opposite(value: Value): Value {
    const opposite = this.graph.make('eq', value, this.graph.constant(0n));
    this.opposites.set(value, opposite);
    this.opposites.set(opposite, value);
    return opposite;
  }

  /** The instructions of a block, for the packets that come there. */
  private block({ start, end }: ForkBlock, state: Edge): void {
    const { recorder, program } = this;
    recorder.currentRegisters = state.registers;
    for (let pc = start; pc < end; ) {
      const insn = program.insns[pc] as Insn;
      this.graph.origin = { program: program.index, pc };
      const out: Edge = { when: state.when, registers: recorder.currentRegisters };
      if (isUnconditionalJump(insn)) {
        this.lead(jumpTarget(insn, pc), out);
        return;
      }
      if (isConditionalJump(insn)) {
        const right = (insn.code & op.X) !== 0 ? this.register(insn.src) : this.graph.constant(BigInt(insn.imm));
        this.branch(pc, lowerJump(this.graph, insn, this.register(insn.dst), right), out);
        return;
      }
      this.insn(insn, pc, state.when);
      pc += isLddw(insn) ? 2 : 1;
    }
    this.lead(end, { when: state.when, registers: recorder.currentRegisters });
  }

  private insn(insn: Insn, pc: number, when: Value): void {
    const { recorder, graph } = this;
    switch (insnClass(insn)) {
      case op.LDX: {
        if (probeLoads(this.program.spec).has(pc)) throw new NoJoin();
        const size = accessSize(insn);
        const loaded = this.load(this.register(insn.src), insn.off, size);
        const isSigned = (insn.code & 0xe0) === op.MODE_MEMSX;
        recorder.setRegister(insn.dst, isSigned ? signExtend(graph, loaded, size) : loaded);
        return;
      }
      case op.ST:
      case op.STX: {
        const stored = insnClass(insn) === op.ST ? graph.constant(BigInt(insn.imm)) : this.register(insn.src);
        const size = accessSize(insn);
        const at = recorder.memory.certain(this.register(insn.dst), insn.off, size, true);
        if (at === undefined || (at.space !== 'stack' && recorder.machine.memory.isShared)) throw new NoJoin();
        this.checkStored(at, stored, size);
        this.pending.push({ at, size, value: stored, when });
        return;
      }
      default:
        if (isReading(insn)) this.register(insn.src);
        recorder.compute(this.program, insn, pc);
    }
  }

  private register(index: number): Value {
    return this.recorder.currentRegisters[index] ?? noJoin();
  }

  /** A load that may be made for packets that do not come here. */
  private load(pointer: Value, offset: number, size: number): Value {
    const { memory } = this.recorder;
    const at = memory.certain(pointer, offset, size, false);
    if (at === undefined || this.pending.some((store) => memory.mayMeet(store.at, store.size, at, size)))
      return noJoin();
    return memory.read(at, size);
  }

  /** A pointer on the stack stays one that is known. */
  private checkStored(at: Target, value: Value, size: number): void {
    const { memory } = this.recorder;
    if (at.space === 'stack' && (memory.isPointer(value) || memory.hasPointer(at.offset, size))) throw new NoJoin();
  }

  private store({ at, size, value, when }: Pending): void {
    const { memory } = this.recorder;
    // What may be a pointer was looked for before.
    memory.write(at, size, isConst(when) ? value : this.chosen(when, value, memory.read(at, size)));
  }
}

function noJoin(): never {
  throw new NoJoin();
}

/** An operation of a register with another one. */
function isReading(insn: Insn): boolean {
  return (insnClass(insn) === op.ALU || insnClass(insn) === op.ALU64) && (insn.code & op.X) !== 0;
}
