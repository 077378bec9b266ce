/** How large computations are, and what they begin with. */
import { isConst, opTable, type Value } from '../ir/index.js';

/** What a computation is made of. */
export interface Leaves {
  /** Operations, each once however often it is used. */
  readonly size: number;
  /** What is not computed, in the order in which it is used; constants are left out. */
  readonly leaves: readonly Value[];
}

const known = new WeakMap<Value, Leaves>();

/** Counted once for each value: a run prints the same conditions for people, as JSON and on a page. */
export function leavesOf(value: Value): Leaves {
  const before = known.get(value);
  if (before !== undefined) return before;
  const seen = new Set<Value>();
  const leaves: Value[] = [];
  let size = 0;
  const left = [value];
  for (let part = left.pop(); part !== undefined; part = left.pop()) {
    if (seen.has(part) || isConst(part)) continue;
    seen.add(part);
    if (opTable[part.op].kind === 'pure') {
      size++;
      left.push(...part.args.toReversed());
    } else leaves.push(part);
  }
  const result = { size, leaves };
  known.set(value, result);
  return result;
}

/**
 * What is left of `budget` operations after those of the value written out as a tree; negative if it is not enough.
 */
export function weigh(value: Value, budget: number): number {
  if (budget < 0 || opTable[value.op].kind !== 'pure') return budget;
  let left = budget - 1;
  for (const arg of value.args) left = weigh(arg, left);
  return left;
}
