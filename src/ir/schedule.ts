/**
 * Where each pure value is computed (Click, "Global code motion / global value numbering", 1995): as late as its uses
 * allow, but not in a deeper loop than need be. So what only one path needs is computed on that path, and what a loop
 * does not change in front of it.
 */
import type { Order } from '../code/index.js';
import type { FunctionCode } from './function.js';
import type { Needed } from './needed.js';
import { opTable } from './ops.js';
import { isFixed, type Value } from './value.js';

/** Where pure values are computed. */
export interface Schedule {
  /** Block of a value; -1 for constants, which are everywhere. */
  readonly blockOf: (value: Value) => number;
  /** Pure values of each block, arguments first. */
  readonly placed: readonly (readonly Value[])[];
}

/**
 * Places each needed value once, in a block that dominates all its uses: as late as possible, but out of loops
 * (Click, "Global code motion, global value numbering", 1995).
 */
export function schedule(code: FunctionCode, order: Order, needed: Needed): Schedule {
  const { uses, home } = needed;
  const values = code.graph.code;
  const { position } = order;
  const entry = order.rpo[0] as number;
  const blockOf = home.slice();
  const early = new Int32Array(values.length).fill(-1);
  const floating: Value[] = [];
  // Arguments are older than their users, except through phis, which have a home.
  for (let id = 0; id < code.size; id++) {
    const value = values[id] as Value;
    if (uses[id] === undefined || !isFloating(value, home)) continue;
    floating.push(value);
    let at = entry;
    for (const { id: arg } of value.args) {
      const from = (home[arg] as number) >= 0 ? (home[arg] as number) : (early[arg] as number);
      if (from >= 0 && (position[from] as number) > (position[at] as number)) at = from;
    }
    early[id] = at;
  }
  const placed: Value[][] = code.blocks.map(() => []);
  for (let i = floating.length - 1; i >= 0; i--) {
    const value = floating[i] as Value;
    let late = -1;
    for (const { user, block: at } of uses[value.id] ?? []) {
      const own = at >= 0 || user === undefined ? at : (blockOf[user.id] as number);
      const block = own >= 0 ? own : entry;
      late = late < 0 ? block : meet(order, late, block);
    }
    let best = late;
    if (code.hoists)
      for (let block = late; block !== early[value.id]; ) {
        block = order.idom[block] as number;
        if ((order.loopDepth[block] as number) < (order.loopDepth[best] as number)) best = block;
        if (block === entry) break;
      }
    blockOf[value.id] = best;
    placed[best]?.push(value);
  }
  for (const list of placed) list.reverse();
  return { blockOf: ({ id }) => blockOf[id] as number, placed };
}

/** A value whose place is still to be chosen. */
function isFloating(value: Value, home: Int32Array): boolean {
  return home[value.id] === -1 && !isFixed(value) && opTable[value.op].kind !== 'effect';
}

/** The nearest block that dominates both. */
function meet(order: Order, a: number, b: number): number {
  let x = a;
  let y = b;
  while (x !== y) {
    while ((order.position[x] as number) > (order.position[y] as number)) x = order.idom[x] as number;
    while ((order.position[y] as number) > (order.position[x] as number)) y = order.idom[y] as number;
  }
  return x;
}
