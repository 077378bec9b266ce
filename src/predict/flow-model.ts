/**
 * How often each instruction of a program runs, as formulas. Counters stand where `code/counters.ts` puts them, and
 * all other counts are sums of theirs. A counter that can count more than once in a packet, since it stands in a loop
 * or in a function that a loop or a helper calls, is a *variable*; the others tell which way the packet went, and are
 * what packets of one class have in common. So within a class every count is a formula over few variables, and exact:
 * there is nothing that it leaves out.
 *
 * What flows into the head of a loop, or into a function, is what runs it. These equations make most variables
 * superfluous: a loop with one condition is left with the number of its rounds.
 */
import {
  type CounterPlan,
  isFunctionAddress,
  isLocalCall,
  isTailCall,
  loopBodies,
  namedFunction,
  orderOf,
  planCounters,
  type SlotCounts,
  slotCounts,
  successors,
} from '../code/index.js';
import { type Insn, isConditionalJump, isLddw, jumpTarget } from '../isa/index.js';
import type { ProgramSpec } from '../object/index.js';
import { eliminate, substitute } from './eliminate.js';
import { constant, type Linear, plus, variable } from './linear.js';

/** A counter that formulas have as a variable. */
export interface FlowVariable {
  readonly name: string;
  readonly kind: 'loop' | 'jump' | 'function';
  /** Of the loop's head, the jump, the function's first instruction. */
  readonly pc: number;
  readonly counter: number;
}

/** A loop that is in no other, or a function that is called again and again: its variables are 0 where it is not
 * entered. */
interface Region {
  readonly counter: number;
  readonly counters: readonly number[];
}

/** Where control comes from: over a jump that is taken, or from the instruction before. */
interface Inflow {
  readonly pc: number;
  readonly isTaken: boolean;
}

/** Counters and formulas of one program. */
export class FlowModel {
  readonly program: ProgramSpec;
  readonly plan: CounterPlan;
  readonly variables: readonly FlowVariable[];
  private readonly insns: readonly Insn[];
  private readonly isVariable: Uint8Array;
  private readonly regions: readonly Region[] = [];
  private readonly byCounter = new Map<number, FlowVariable>();
  /** Counts that one of a counter makes; made when they are asked for. */
  private readonly units = new Map<number, SlotCounts>();
  /** By head: what leads there; none where that is not known. */
  private readonly inflows: ReadonlyMap<number, readonly Inflow[]>;

  /** `first`: the number that its first variable has in its name. */
  constructor(program: ProgramSpec, first: number) {
    this.program = program;
    this.insns = program.insns;
    this.plan = planCounters(program.insns);
    const { isVariable, regions } = repeated(program.insns, this.plan);
    this.isVariable = isVariable;
    this.regions = regions;
    this.variables = this.nameVariables(first);
    for (const each of this.variables) this.byCounter.set(each.counter, each);
    this.inflows = inflowsOf(program.insns, this.plan);
  }

  private nameVariables(first: number): FlowVariable[] {
    const found: FlowVariable[] = [];
    const entries = new Set(this.program.functions.map(({ start }) => start));
    const add = (counter: number, pc: number, kind: FlowVariable['kind']): void => {
      if (this.isVariable[counter] === 0) return;
      const letter = kind === 'loop' ? 'n' : kind === 'jump' ? 'j' : 'f';
      found.push({ name: `${letter}${first + found.length}`, kind, pc, counter });
    };
    for (const [pc, counter] of this.plan.blocks) add(counter, pc, entries.has(pc) ? 'function' : 'loop');
    for (const [pc, counter] of this.plan.jumps) add(counter, pc, 'jump');
    return found;
  }

  /** What packets of one class have in common, from the counters of one of them. */
  classOf(counts: ArrayLike<number>): string {
    let key = '';
    for (let i = 0; i < this.plan.count; i++)
      if (this.isVariable[i] === 0 && (counts[i] ?? 0) > 0) key += `${i}:${counts[i]} `;
    for (const [i, { counter }] of this.regions.entries()) if ((counts[counter] ?? 0) > 0) key += `r${i} `;
    return key;
  }

  /** The class of the packet that these are the counters of. */
  formulas(counts: ArrayLike<number>): FlowFormulas {
    const fixed = new Float64Array(this.plan.count);
    const absent = new Set<number>();
    for (let i = 0; i < this.plan.count; i++) if (this.isVariable[i] === 0) fixed[i] = counts[i] ?? 0;
    for (const { counter, counters } of this.regions)
      if ((counts[counter] ?? 0) === 0) for (const each of counters) absent.add(each);
    const present = this.variables.filter(({ counter }) => !absent.has(counter));
    const parts = present.map(({ name, counter }) => ({ name, counts: this.unit(counter) }));
    const base = slotCounts(this.insns, fixed);
    return new FlowFormulas(base, parts, this.equations(fixed, base, parts, absent), (name) => this.rank(name));
  }

  private unit(counter: number): SlotCounts {
    let counts = this.units.get(counter);
    if (counts === undefined) {
      const one = new Float64Array(this.plan.count);
      one[counter] = 1;
      counts = slotCounts(this.insns, one);
      this.units.set(counter, counts);
    }
    return counts;
  }

  /** Jumps are done without first, then calls, then rounds of loops. */
  private rank(name: string): number {
    return name.startsWith('j') ? 0 : name.startsWith('f') ? 1 : 2;
  }

  /** For each head: what flows in, less what its counter says. */
  private equations(
    fixed: Float64Array,
    base: SlotCounts,
    parts: readonly Part[],
    absent: ReadonlySet<number>,
  ): Linear[] {
    const zeros: Linear[] = [];
    for (const [head, inflows] of this.inflows) {
      const counter = this.plan.blocks.get(head) as number;
      if (absent.has(counter)) continue;
      const inflow = (counts: SlotCounts): number =>
        inflows.reduce((sum, each) => sum + through(this.insns, counts, each), 0);
      let zero = constant(inflow(base));
      for (const { name, counts } of parts) zero = plus(zero, variable(name, inflow(counts)));
      const own = this.byCounter.get(counter);
      zeros.push(plus(zero, own === undefined ? constant(fixed[counter] ?? 0) : variable(own.name), -1));
    }
    return zeros;
  }
}

/** A variable's counts, for one of it. */
interface Part {
  readonly name: string;
  readonly counts: SlotCounts;
}

/** How often instructions run in packets of one class. */
export class FlowFormulas {
  private readonly base: SlotCounts;
  private readonly parts: readonly Part[];
  private readonly known: ReadonlyMap<string, Linear>;

  constructor(base: SlotCounts, parts: readonly Part[], zeros: readonly Linear[], rank: (name: string) => number) {
    this.base = base;
    this.parts = parts;
    this.known = eliminate(zeros, rank);
  }

  /** Runs of all instructions, each taken `weight` times. */
  sum(weight: (pc: number) => number): Linear {
    const weighted = ({ runs }: SlotCounts): number => {
      let sum = 0;
      for (let pc = 0; pc < runs.length; pc++) if (runs[pc] !== 0) sum += (runs[pc] as number) * weight(pc);
      return sum;
    };
    let total = constant(weighted(this.base));
    for (const { name, counts } of this.parts) total = plus(total, variable(name, weighted(counts)));
    return substitute(total, this.known);
  }

  /** Runs of one instruction. */
  at(pc: number): Linear {
    let total = constant(this.base.runs[pc] ?? 0);
    for (const { name, counts } of this.parts) total = plus(total, variable(name, counts.runs[pc] ?? 0));
    return substitute(total, this.known);
  }
}

function through(insns: readonly Insn[], { runs, jumps }: SlotCounts, { pc, isTaken }: Inflow): number {
  const insn = insns[pc] as Insn; // pc is in range
  if (!isConditionalJump(insn) || jumpTarget(insn, pc) === pc + 1) return runs[pc] ?? 0;
  return isTaken ? (jumps[pc] ?? 0) : (runs[pc] ?? 0) - (jumps[pc] ?? 0);
}

/** Loops' heads and functions that are only called directly; a program's own first slot is also begun from outside. */
function inflowsOf(insns: readonly Insn[], plan: CounterPlan): ReadonlyMap<number, readonly Inflow[]> {
  const into = new Map<number, Inflow[]>();
  for (const head of plan.blocks.keys()) if (head !== 0) into.set(head, []);
  for (let pc = 0; pc < insns.length; pc++) {
    const insn = insns[pc] as Insn; // pc is in range
    for (const next of new Set(successors(insns, pc)))
      into.get(next)?.push({ pc, isTaken: isConditionalJump(insn) && next === jumpTarget(insn, pc) });
    // Behind a tail call only one that fails goes on, and a helper calls a function as often as it likes.
    if (isTailCall(insn)) into.delete(pc + 1);
    const named = namedFunction(insn, pc);
    if (named !== undefined && isLocalCall(insn)) into.get(named)?.push({ pc, isTaken: false });
    if (isLddw(insn)) pc++;
  }
  for (const [pc, insn] of insns.entries()) if (isFunctionAddress(insn)) into.delete(pc + 1 + insn.imm);
  return into;
}

/** Counters that can count more than once in a packet, by loops and calls. */
function repeated(
  insns: readonly Insn[],
  plan: CounterPlan,
): { readonly isVariable: Uint8Array; readonly regions: readonly Region[] } {
  const isVariable = new Uint8Array(plan.count);
  const regions: Region[] = [];
  const functions = functionsOf(insns);
  const again = calledAgain(functions);
  for (const { entry, slots, bodies } of functions.values()) {
    const inRegion = (holds: (pc: number) => boolean): number[] => {
      const found: number[] = [];
      for (const [pc, counter] of plan.blocks) if (holds(pc)) found.push(counter);
      for (const [pc, counter] of plan.jumps)
        if (holds(pc) && holds(jumpTarget(insns[pc] as Insn, pc))) found.push(counter);
      return found;
    };
    const note = (head: number, counters: readonly number[]): void => {
      for (const counter of counters) isVariable[counter] = 1;
      const counter = plan.blocks.get(head);
      if (counter !== undefined) regions.push({ counter, counters });
    };
    if (again.has(entry))
      note(
        entry,
        inRegion((pc) => slots.has(pc)),
      );
    else
      for (const [head, body] of bodies)
        note(
          head,
          inRegion((pc) => body.has(pc)),
        );
  }
  return { isVariable, regions };
}

/** A function's slots, its loops, and whom it calls. */
interface FunctionFlow {
  readonly entry: number;
  readonly slots: ReadonlySet<number>;
  readonly bodies: ReadonlyMap<number, ReadonlySet<number>>;
  readonly calls: readonly { readonly to: number; readonly again: boolean }[];
}

function functionsOf(insns: readonly Insn[]): ReadonlyMap<number, FunctionFlow> {
  const found = new Map<number, FunctionFlow>();
  const open = [0];
  for (let entry = open.pop(); entry !== undefined; entry = open.pop()) {
    if (found.has(entry) || entry < 0 || entry >= insns.length) continue;
    const order = orderOf(insns.length, entry, (pc) => successors(insns, pc).filter((next) => next < insns.length));
    const bodies = new Map([...loopBodies(order)].map(([head, body]) => [head, new Set(body)] as const));
    const calls: { to: number; again: boolean }[] = [];
    for (const pc of order.rpo) {
      const insn = insns[pc] as Insn; // a reachable slot
      const to = namedFunction(insn, pc);
      if (to === undefined) continue;
      calls.push({ to, again: isFunctionAddress(insn) || order.loopOf[pc] !== -1 });
      open.push(to);
    }
    found.set(entry, { entry, slots: new Set(order.rpo), bodies, calls });
  }
  return found;
}

/** Functions that a loop or a helper calls, and what these call. */
function calledAgain(functions: ReadonlyMap<number, FunctionFlow>): ReadonlySet<number> {
  const again = new Set<number>();
  for (let changed = true; changed; ) {
    changed = false;
    for (const { entry, calls } of functions.values())
      for (const call of calls)
        if ((call.again || again.has(entry)) && !again.has(call.to)) {
          again.add(call.to);
          changed = true;
        }
  }
  return again;
}
