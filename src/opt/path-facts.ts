/**
 * What is known of conditions on a path: a list that shares its tail with the paths that it branched from. A fact is
 * about values, and a value of a loop is another one on the next round; but facts come from blocks that dominate, so
 * one that is known in a round was found in it.
 */
import { type End, isConst, type Value } from '../ir/index.js';
import type { Rewriter } from './rewriter.js';

/**
 * A condition that is known, and what was known before it. Lists are immutable and shared; `length` makes finding the
 * common tail of two a matter of their difference.
 */
export interface Fact {
  readonly condition: Value;
  readonly holds: boolean;
  readonly before: Fact | undefined;
  readonly length: number;
}

/** Facts at the head and at the ways out of each block, as a rewriter passes them. */
export class PathFacts {
  /** Facts in the block that is being rewritten. */
  now: Fact | undefined = undefined;
  private readonly rewriter: Rewriter;
  private readonly exits: (Fact | undefined)[] = [];

  constructor(rewriter: Rewriter) {
    this.rewriter = rewriter;
  }

  /** Sets what is known at the head of a block: what all edges into it agree on. */
  enter(block: number): void {
    const [first, ...others] = this.rewriter.before(block).map((pred) => this.onEdge(pred, block));
    this.now = others.reduce(commonFacts, first);
  }

  leave(block: number): void {
    this.exits[block] = this.now;
  }

  /**
   * What is known on the way from one block to the next: the facts at the first one's end, and how its branch went.
   */
  onEdge(from: number, to: number): Fact | undefined {
    const facts = this.exits[from];
    const end = this.rewriter.endOf(from);
    if (end?.kind !== 'branch' || isConst(end.condition)) return facts;
    return withFact(facts, end.condition, end.yes === to);
  }
}

/** One more fact in front of the list. */
function withFact(before: Fact | undefined, condition: Value, holds: boolean): Fact {
  return { condition, holds, before, length: (before?.length ?? 0) + 1 };
}

/** What both paths know: their common tail. */
function commonFacts(a: Fact | undefined, b: Fact | undefined): Fact | undefined {
  let x = a;
  let y = b;
  while (x !== y) {
    if ((x?.length ?? 0) >= (y?.length ?? 0)) x = x?.before;
    else y = y?.before;
  }
  return x;
}

/** Whether the condition holds, if that follows from one fact. */
export function decide(facts: Fact | undefined, condition: Value): boolean | undefined {
  if (condition.op === 'const') return condition.imm !== 0n;
  const subject = condition.args[0];
  for (let fact = facts; fact !== undefined; fact = fact.before) {
    // Lists are long, and few facts are about this.
    if (fact.condition.args[0] !== subject) continue;
    const implied = imply(fact, condition);
    if (implied !== undefined) return implied;
  }
  return undefined;
}

/** What a fact says of another comparison of the same value with a constant; undefined: nothing. */
function imply({ condition: known, holds }: Fact, asked: Value): boolean | undefined {
  if (known === asked) return holds;
  const [x, c] = known.args;
  const [y, d] = asked.args;
  if (x === undefined || c === undefined || x !== y || d === undefined) return undefined;
  if (c.op !== 'const' || d.op !== 'const') return undefined;
  if (known.op === 'eq' && holds) {
    // x = c
    if (asked.op === 'eq') return c.imm === d.imm;
    return asked.op === 'ult' ? c.imm < d.imm : undefined;
  }
  if (known.op !== 'ult') return undefined;
  if (holds) {
    // x < c
    if (asked.op === 'ult') return c.imm <= d.imm ? true : undefined;
    return asked.op === 'eq' && d.imm >= c.imm ? false : undefined;
  }
  // x >= c
  if (asked.op === 'ult') return d.imm <= c.imm ? false : undefined;
  return asked.op === 'eq' && d.imm < c.imm ? false : undefined;
}

/** A branch whose condition follows goes one way. */
export function followed(end: End, outcome: boolean | undefined): End {
  if (end.kind !== 'branch' || outcome === undefined) return end;
  return { kind: 'jump', to: outcome ? end.yes : end.no };
}
