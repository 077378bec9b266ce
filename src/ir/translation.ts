/** What the parts of the translation from bytecode to {@link FunctionCode} share. */
import type { LoadedProgram, Machine } from '../vm/index.js';
import type { Fact } from './conditions.js';
import { Graph } from './graph.js';
import type { Known } from './memory-state.js';
import { PointerKinds } from './pointer-kind.js';
import { splitOffset } from './rules.js';
import type { StackPlan } from './stack-plan.js';
import type { Detail, Value } from './value.js';

/** What holds at one point of a path. */
export interface State {
  /** Variables of the flow, then pieces of the stack; undefined is 0. */
  readonly variables: (Value | undefined)[];
  known: readonly Known[];
  facts: Fact | undefined;
  /** Packet pointers of different geometries do not compare: adjust_head and its like start a new one. 0 is that at arrival. */
  geometry: number;
}

export function copyState(state: State): State {
  return { ...state, variables: state.variables.slice() };
}

/** What a program may be assumed to be. */
export type Trust =
  /** A verifier accepted it: no access leaves its object. */
  | 'verified'
  /** Nothing is known: every access is checked when it happens. */
  | 'checked';

export class Translation {
  readonly graph: Graph = new Graph();
  readonly kinds: PointerKinds;
  readonly machine: Machine;
  readonly program: LoadedProgram;
  readonly plan: StackPlan;
  readonly trusted: boolean;
  /** Variables before those of the stack. */
  readonly registers: number;
  /** The block that is being translated. */
  block = 0;
  pinned: Value[] = [];
  state: State = { variables: [], known: [], facts: undefined, geometry: 0 };
  /** Values that are a part of another one: bytes `offset` to `offset + size`. */
  readonly cuts: Map<Value, { readonly from: Value; readonly offset: number; readonly size: number }> = new Map();
  private readonly targets = new Map<Value, readonly { readonly address: number }[]>();
  private readonly pieceVariables = new Map<number, number>();
  private geometries = 0;

  constructor(machine: Machine, program: LoadedProgram, plan: StackPlan, registers: number, trust: Trust) {
    this.machine = machine;
    this.program = program;
    this.plan = plan;
    this.registers = registers;
    this.trusted = trust === 'verified';
    this.kinds = new PointerKinds(machine, plan);
  }

  get zero(): Value {
    return this.graph.constant(0n);
  }

  read(variable: number): Value {
    return this.state.variables[variable] ?? this.zero;
  }

  write(variable: number, value: Value): void {
    this.state.variables[variable] = value;
  }

  /** Variable of the stack piece at an address. */
  pieceVariable(at: number): number {
    let variable = this.pieceVariables.get(at);
    if (variable === undefined) {
      variable = this.registers + this.pieceVariables.size;
      this.pieceVariables.set(at, variable);
    }
    return variable;
  }

  /** Addresses of the stack pieces that have a variable, in order of their variables. */
  pieceAddresses(): Iterable<number> {
    return this.pieceVariables.keys();
  }

  newGeometry(): number {
    return ++this.geometries;
  }

  /** Appends something that stays where it is. */
  pin(op: Value['op'], args: readonly Value[], imm: bigint, detail: Detail | undefined, ones?: bigint): Value {
    const value = this.graph.effect(op, args, imm, detail, ones);
    this.pinned.push(value);
    return value;
  }

  /** The value goes where it cannot be followed: if it may be a stack address, its frame is memory. */
  escape(value: Value): void {
    if (!this.trusted) return;
    for (const { address } of this.stackTargets(value)) {
      const depth = this.plan.frameOf(BigInt(address));
      if (depth >= 0) this.plan.escape(depth);
    }
  }

  /** Someone reads or writes `size` bytes at `value`, other than by a constant address: where that may be the stack, it is memory. */
  touch(value: Value, size: number): void {
    if (!this.trusted) return;
    for (const { address } of this.stackTargets(value)) this.plan.toMemory(address, size);
  }

  /** Notes what a merge of pointers may be. */
  noteTargets(merge: Value, values: readonly Value[]): void {
    const targets = values.flatMap((value) => this.stackTargets(value));
    if (targets.length > 0) this.targets.set(merge, targets);
  }

  /** Stack addresses that a value may be, as far as it can be followed. */
  private stackTargets(value: Value): readonly { readonly address: number }[] {
    if (value.op === 'const') return this.plan.frameOf(value.imm) >= 0 ? [{ address: Number(value.imm) }] : [];
    const [symbol, offset] = splitOffset(value);
    const targets = symbol === undefined ? undefined : this.targets.get(symbol);
    return targets?.map(({ address }) => ({ address: address + Number(offset) })) ?? [];
  }
}
