/**
 * Where each pure value is computed (Click, "Global code motion / global value numbering", 1995): as late as its uses allow, but not in a
 * deeper loop than need be. So what only one path needs is computed on that path, and what a loop does not change in front of it.
 */
import { type FunctionCode, isFixed, type Order, opTable, type Value } from '../ir/index.js';
import type { Needed } from './needed.js';

export interface Schedule {
  /** Block of a value; undefined for constants, which are everywhere. */
  readonly blockOf: (value: Value) => number | undefined;
  /** Pure values of each block, arguments first. */
  readonly placed: readonly (readonly Value[])[];
}

export function schedule(code: FunctionCode, order: Order, needed: Needed): Schedule {
  const blockOf = new Map<Value, number>(needed.home);
  const entry = order.rpo[0] as number;
  const early = new Map<Value, number>();
  const depthOf = (block: number): number => order.position[block] as number;

  const values = [...needed.uses.keys()].filter((value) => isFloating(value, needed)).sort((a, b) => a.id - b.id);
  // Arguments are older than their users, except through phis, which have a home.
  for (const value of values) {
    let at = entry;
    for (const arg of value.args) {
      const from = needed.home.get(arg) ?? early.get(arg) ?? entry;
      if (depthOf(from) > depthOf(at)) at = from;
    }
    early.set(value, at);
  }
  const placed: Value[][] = code.blocks.map(() => []);
  for (let i = values.length - 1; i >= 0; i--) {
    const value = values[i] as Value;
    let late = -1;
    for (const use of needed.uses.get(value) ?? []) {
      const block = use.block >= 0 ? use.block : use.user === undefined ? entry : (blockOf.get(use.user) ?? entry);
      late = late < 0 ? block : meet(order, late, block);
    }
    let best = late;
    if (code.hoists)
      for (let block = late; block !== early.get(value); ) {
        block = order.idom[block] as number;
        if ((order.loopDepth[block] as number) < (order.loopDepth[best] as number)) best = block;
        if (block === entry) break;
      }
    blockOf.set(value, best);
    placed[best]?.push(value);
  }
  for (const list of placed) list.reverse();
  return { blockOf: (value) => blockOf.get(value), placed };
}

function isFloating(value: Value, needed: Needed): boolean {
  return !isFixed(value) && !needed.home.has(value) && opTable[value.op].kind !== 'effect';
}

function meet(order: Order, a: number, b: number): number {
  let x = a;
  let y = b;
  while (x !== y) {
    while ((order.position[x] as number) > (order.position[y] as number)) x = order.idom[x] as number;
    while ((order.position[y] as number) > (order.position[x] as number)) y = order.idom[y] as number;
  }
  return x;
}
