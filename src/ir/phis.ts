/**
 * What values are computed from. A value never changes, and the arguments of a phi do (a loop is closed, a predecessor
 * goes), so they stand with the phi in its block; whoever follows values to what they read asks here.
 */
import { type FunctionCode, liveBlocks } from './function.js';
import type { Value } from './value.js';

/** Arguments of a value; of a phi those of the function that it stands in. */
export type ArgumentsOf = (value: Value) => readonly Value[];

const found = new WeakMap<FunctionCode['blocks'], ReadonlyMap<Value, readonly Value[]>>();

/** Arguments of values of the function; none for a phi of another one. */
export function argumentsOf(code: FunctionCode): ArgumentsOf {
  let phis = found.get(code.blocks);
  if (phis === undefined) {
    const made = new Map<Value, readonly Value[]>();
    for (const block of liveBlocks(code)) for (const { value, args } of block.phis) made.set(value, args);
    found.set(code.blocks, made);
    phis = made;
  }
  const known = phis;
  return (value) => (value.op === 'phi' ? (known.get(value) ?? value.args) : value.args);
}
