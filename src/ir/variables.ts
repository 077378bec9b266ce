/**
 * Variables to SSA values, on demand (Braun et al., "Simple and efficient construction of static single assignment
 * form", 2013): who reads a variable asks the predecessors, and where they disagree a phi is made. So there are phis
 * for what is read alone. Blocks must be completed in reverse postorder; at the head of a loop a variable that the
 * loop writes gets a phi at once, and its arguments when everything is done.
 */
import type { Phi } from './function.js';
import type { Graph } from './graph.js';
import { mask64, type Value } from './value.js';

/** What a walk over blocks tells about its control flow. */
export interface VariableHost {
  readonly graph: Graph;
  /** Predecessors of a block that come before it. */
  before(block: number): readonly number[];
  /** All of its predecessors; asked at the end. */
  all(block: number): readonly number[];
  /** Are there predecessors that come later? */
  isHead(block: number): boolean;
  /** Is it the head of a loop in which the variable is written? */
  changesInLoop(block: number, variable: number): boolean;
  /**
   * Takes a phi in; its arguments are in the order of the predecessors, and those of a loop's are there when all is
   * done.
   */
  addPhi(block: number, phi: Phi): void;
  /** Bits that a variable can have at the head of a block; undefined: those of what comes in. */
  ones(block: number, variable: number): bigint | undefined;
}

/** A phi of a loop whose arguments are not known yet. */
interface Pending {
  readonly args: Value[];
  readonly block: number;
  readonly variable: number;
}

/** What each variable is at the end of each block, as far as blocks have been translated. */
export class Variables {
  private readonly host: VariableHost;
  private readonly values: (Value | undefined)[][];
  private readonly pending: Pending[] = [];

  constructor(host: VariableHost, blocks: number) {
    this.host = host;
    this.values = Array.from({ length: blocks }, () => []);
  }

  write(block: number, variable: number, value: Value): void {
    (this.values[block] as (Value | undefined)[])[variable] = value;
  }

  /** Value of the variable in the block, as far as it has been translated; 0 for what was never written. */
  read(block: number, variable: number): Value {
    // Blocks of one predecessor are walked in a loop: programs are long chains of them.
    const chain: number[] = [];
    let at = block;
    let value = this.values[at]?.[variable];
    while (value === undefined) {
      const before = this.host.before(at);
      const [only] = before;
      if (before.length === 1 && only !== undefined && !this.host.changesInLoop(at, variable)) {
        chain.push(at);
        at = only;
        value = this.values[at]?.[variable];
      } else value = this.merge(at, variable, before);
    }
    for (const passed of chain) this.write(passed, variable, value);
    return value;
  }

  /** Completes the phis of loops. Nothing may be read or written afterwards. */
  finish(): void {
    for (let next = this.pending.pop(); next !== undefined; next = this.pending.pop()) {
      const { args, block, variable } = next;
      for (const pred of this.host.all(block)) args.push(this.read(pred, variable));
    }
  }

  /** Where several ways meet: the one value that all bring, or a phi. What was never written is 0. */
  private merge(block: number, variable: number, before: readonly number[]): Value {
    const { host } = this;
    if (before.length === 0) {
      const zero = host.graph.constant(0n);
      this.write(block, variable, zero);
      return zero;
    }
    const changes = host.changesInLoop(block, variable);
    const args = changes ? [] : before.map((pred) => this.read(pred, variable));
    const [first] = args;
    if (first !== undefined && args.every((arg) => arg === first)) {
      this.write(block, variable, first);
      return first;
    }
    if (changes || host.isHead(block)) {
      const phi = host.graph.phi(host.ones(block, variable) ?? mask64);
      const later: Value[] = [];
      this.write(block, variable, phi);
      this.pending.push({ args: later, block, variable });
      host.addPhi(block, { value: phi, args: later });
      return phi;
    }
    const ones = host.ones(block, variable) ?? args.reduce((all, arg) => all | arg.ones, 0n);
    const phi = host.graph.phi(ones);
    this.write(block, variable, phi);
    host.addPhi(block, { value: phi, args });
    return phi;
  }
}
