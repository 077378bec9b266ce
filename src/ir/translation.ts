/** What the parts of the translation from bytecode to {@link FunctionCode} share. */
import type { Insn } from '../isa/index.js';
import type { FactSource } from './fact-source.js';
import { variableOf } from './flow.js';
import type { Graph } from './graph.js';
import type { Detail, Value } from './value.js';
import type { Variables } from './variables.js';
import type { Program, World } from './world.js';

/** What a program may be assumed to be. */
export type Trust =
  /** A verifier accepted it: no access leaves its object. */
  | 'verified'
  /** Nothing is known: every access is checked when it happens. */
  | 'checked';

/** The state of translating one block: where registers are kept, what is trusted. */
export class Translation {
  readonly graph: Graph;
  readonly world: World;
  readonly program: Program;
  readonly insns: readonly Insn[];
  readonly trusted: boolean;
  readonly facts: FactSource;
  readonly variables: Variables;
  /** The block that is being translated, its call depth, and what is pinned in it. */
  block = 0;
  depth = 0;
  pinned: Value[] = [];

  constructor(graph: Graph, world: World, program: Program, trust: Trust, facts: FactSource, variables: Variables) {
    this.graph = graph;
    this.world = world;
    this.program = program;
    this.insns = program.spec.insns;
    this.trusted = trust === 'verified';
    this.facts = facts;
    this.variables = variables;
  }

  get zero(): Value {
    return this.graph.constant(0n);
  }

  read(variable: number): Value {
    return this.variables.read(this.block, variable);
  }

  write(variable: number, value: Value): void {
    this.variables.write(this.block, variable, value);
  }

  register(r: number): Value {
    return r === 10 ? this.graph.frame(this.depth) : this.read(variableOf(r, this.depth));
  }

  setRegister(r: number, value: Value): void {
    this.write(variableOf(r, this.depth), value);
  }

  /** Appends something that stays where it is. */
  pin(op: Value['op'], args: readonly Value[], imm: bigint, detail: Detail | undefined, ones?: bigint): Value {
    const value = this.graph.effect(op, args, imm, detail, ones);
    this.pinned.push(value);
    return value;
  }
}
