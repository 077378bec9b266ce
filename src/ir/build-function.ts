/**
 * From bytecode to {@link FunctionCode}, as it is written: nothing is optimized here. Blocks are translated in reverse
 * postorder; registers become values through {@link Variables}. Frames and packets stay memory: what becomes of their
 * bytes is a matter of passes.
 */

import type { Order } from '../code/index.js';
import type { ProgramFacts } from '../verifier/index.js';
import { FactSource } from './fact-source.js';
import {
  buildFlow,
  type Flow,
  type FlowBlock,
  type FlowOptions,
  firstLoopVariable,
  Unsupported,
  variableOf,
} from './flow.js';
import { type Block, branchEnd, type End, type FunctionCode, makeBlock, type Phi } from './function.js';
import { Graph } from './graph.js';
import { type LoopVariables, loopVariables } from './loop-variables.js';
import { orderOfFlow, withSingleEntries } from './single-entry.js';
import { knownMap } from './translate-call.js';
import { branchCondition, translateInsn, translateStep } from './translate-insn.js';
import { Translation, type Trust } from './translation.js';
import { mask32, type Value } from './value.js';
import { type VariableHost, Variables } from './variables.js';
import type { Program, World } from './world.js';

/** How a program is translated. */
export interface BuildOptions extends Omit<FlowOptions, 'waysOf'> {
  readonly trust: Trust;
  /** r1 and r2 come from outside (helper numbers {@link bareR1} and its successor of `env`) instead of the context. */
  readonly bare?: boolean;
  /** What a verifier found out; used where the program is trusted. */
  readonly facts?: ProgramFacts | undefined;
}

/** `env` numbers of r1 and r2 of a bare program. */
export const bareR1 = 0x10001;
/** `env` number of what is in r2 of a `bare` function. */
export const bareR2 = 0x10002;
/** `env` number of r1 of a function that is translated on its own; those of r2 to r5 follow. */
export const firstArgument = 0x10011;
/** `env` number of the guest address of the packet's record (src/jit/record.ts). */
export const recordAddress = 0x10003;

/** Throws {@link Unsupported} for what is left to the interpreter. */
export function buildFunction(world: World, program: Program, options: BuildOptions): FunctionCode {
  const facts = new FactSource(options.trust === 'verified' ? options.facts : undefined);
  const { fault, only, counters } = options;
  const flow = withSingleEntries(
    buildFlow(world, program, { fault, waysOf: (pc) => facts.waysOf(pc), only, counters }),
  );
  return new FunctionBuilder(world, flow, orderOfFlow(flow), facts, options).build();
}

/** Builds one function: blocks first, then phis of loops, whose arguments are known last. */
class FunctionBuilder implements VariableHost {
  readonly graph = new Graph({ fold: false, share: false });
  private readonly flow: Flow;
  private readonly order: Order;
  private readonly facts: FactSource;
  private readonly options: BuildOptions;
  private readonly variables: Variables;
  private readonly t: Translation;
  private readonly loops: LoopVariables;
  private readonly phis: Phi[][];
  private readonly earlier: readonly (readonly number[])[];

  constructor(world: World, flow: Flow, order: Order, facts: FactSource, options: BuildOptions) {
    this.flow = flow;
    this.order = order;
    this.facts = facts;
    this.options = options;
    this.phis = flow.blocks.map(() => []);
    this.loops = loopVariables(flow, order);
    this.earlier = order.preds.map((preds, id) =>
      preds.filter((pred) => (order.position[pred] as number) < (order.position[id] as number)),
    );
    this.variables = new Variables(this, flow.blocks.length);
    this.t = new Translation(this.graph, world, flow.program, options.trust, facts, this.variables);
  }

  build(): FunctionCode {
    const { t, flow, order } = this;
    this.initialize();
    const done: { pinned: Value[]; end: End }[] = [];
    for (const id of order.rpo) {
      const block = flow.blocks[id] as FlowBlock;
      t.block = id;
      t.depth = block.depth;
      t.pinned = [];
      for (const step of block.steps) {
        if (step.kind === 'insn') translateInsn(t, step.pc);
        else translateStep(t, step);
      }
      done[id] = { pinned: t.pinned, end: this.translateEnd(block) };
    }
    this.variables.finish();
    const blocks = flow.blocks.map((_, id): Block | undefined => {
      const open = done[id];
      const phis = this.phis[id] as Phi[];
      return open === undefined ? undefined : makeBlock(id, this.all(id), phis, open.pinned, open.end);
    });
    const checked = this.options.trust === 'checked';
    const { graph } = this;
    return { program: flow.program, graph, size: graph.code.length, blocks, checked, hoists: false };
  }

  private initialize(): void {
    const { graph, variables } = this;
    if (this.options.bare === true) {
      variables.write(0, 1, graph.environment(bareR1));
      variables.write(0, 2, graph.environment(bareR2));
    } else if (this.options.only !== undefined && this.options.only > 0) {
      for (let r = 1; r <= 5; r++) variables.write(0, r, graph.environment(firstArgument + r - 1));
    } else {
      variables.write(0, 1, graph.context);
    }
  }

  before(block: number): readonly number[] {
    return this.earlier[block] as readonly number[];
  }

  all(block: number): readonly number[] {
    return this.order.preds[block] as readonly number[];
  }

  isHead(block: number): boolean {
    return this.before(block).length < this.all(block).length;
  }

  changesInLoop(block: number, variable: number): boolean {
    return this.loops.changes(block, variable);
  }

  addPhi(block: number, phi: Phi): void {
    this.phis[block]?.push(phi);
  }

  /**
   * The verifier has looked at registers of the current frame; at the head of a block that begins with an instruction,
   * it is known at which one.
   */
  ones(block: number, variable: number): bigint | undefined {
    const { depth, steps, end } = this.flow.blocks[block] as FlowBlock;
    const [first] = steps;
    const pc = first === undefined ? (end.kind === 'branch' ? end.pc : -1) : first.kind === 'insn' ? first.pc : -1;
    if (pc < 0 || variable >= firstLoopVariable) return undefined;
    const register = variable <= 5 ? variable : variable - variableOf(6, depth) + 6;
    if (register < 0 || register > 9 || (variable > 5 && register < 6)) return undefined;
    const ones = this.facts.onesOf(pc, register);
    return ones <= mask32 ? ones : undefined;
  }

  /** A block's end; a branch takes its condition from the registers as they are there. */
  private translateEnd({ end }: FlowBlock): End {
    const { t } = this;
    const { graph } = t;
    switch (end.kind) {
      case 'jump':
      case 'trap':
        return end;
      case 'return':
        return { kind: 'return', value: t.read(0) };
      case 'branch': {
        const { value, negated } = branchCondition(t, end.pc);
        return branchEnd(value, negated ? end.no : end.yes, negated ? end.yes : end.no);
      }
      case 'loop check': {
        const tooMany = graph.make('ult', graph.constant(8n << 20n), t.read(end.at + 2));
        const flags = t.read(4);
        if (flags.op !== 'const' || flags.imm !== 0n) throw new Unsupported('bpf_loop with flags', 0);
        return branchEnd(tooMany, end.yes, end.no);
      }
      case 'loop test':
        return branchEnd(graph.make('ult', t.read(end.at), t.read(end.at + 2)), end.yes, end.no);
      case 'walk test':
        return branchEnd(graph.make('eq', t.read(end.at), t.zero), end.no, end.yes);
      case 'meant':
        return branchEnd(graph.make('eq', t.read(end.at), graph.constant(BigInt(end.value))), end.yes, end.no);
      case 'loop stop':
        return branchEnd(graph.make('eq', t.read(0), t.zero), end.no, end.yes);
      case 'tail call': {
        const map = knownMap(t, end.pc, 2);
        const slot = graph.and(t.read(3), graph.constant(mask32));
        return { kind: 'tail call', map: map?.index ?? -1, table: t.read(2), slot, to: end.to, pc: end.pc };
      }
    }
  }
}
