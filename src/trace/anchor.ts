/**
 * Pointers as sums: what fixed place they are computed from, and how far from it they point. A program may add to a
 * pointer in any order and as often as it likes, so this looks down the sum; the graph has put constants outermost
 * already.
 */
import { type Graph, isConst, isPlace, type Value } from '../ir/index.js';

/** Sums that are looked into: they are a DAG, and written out as a tree they may be huge. */
const maxSums = 64;

/** A pointer is the sum of both. `rest` undefined: it is the place itself. */
export interface Anchored {
  readonly place: Value;
  readonly rest: Value | undefined;
}

/** Undefined: the pointer comes from somewhere else (a look-up, a helper, memory). */
export function anchorOf(graph: Graph, pointer: Value): Anchored | undefined {
  return within(graph, pointer, { sums: maxSums });
}

function within(graph: Graph, pointer: Value, left: { sums: number }): Anchored | undefined {
  const [a, b] = pointer.args;
  if (isPlace(pointer.op) || (pointer.op === 'element' && a !== undefined && isConst(a)))
    return { place: pointer, rest: undefined };
  if ((pointer.op !== 'add' && pointer.op !== 'sub') || a === undefined || b === undefined || left.sums-- <= 0)
    return undefined;
  const first = within(graph, a, left);
  if (pointer.op === 'sub') {
    if (first === undefined) return undefined;
    return { place: first.place, rest: graph.sub(first.rest ?? graph.constant(0n), b) };
  }
  const found = first ?? within(graph, b, left);
  if (found === undefined) return undefined;
  const other = first === undefined ? a : b;
  return { place: found.place, rest: found.rest === undefined ? other : graph.add(found.rest, other) };
}
