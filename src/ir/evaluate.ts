/**
 * Evaluates pure values straight from the operation table: the second opinion about folding and about the card's
 * executor. `leaf` supplies what is not pure (leaves, loads, results of calls).
 */
import { opTable } from './ops.js';
import type { Value } from './value.js';

/**
 * The number that a pure value is, if `leaf` says what its leaves and reads are. `memo` may be kept for several
 * values of one packet.
 */
export function evaluate(value: Value, leaf: (value: Value) => bigint, memo: Map<Value, bigint> = new Map()): bigint {
  const known = memo.get(value);
  if (known !== undefined) return known;
  const row = opTable[value.op];
  const [a, b, c] = value.args;
  let result: bigint;
  if (value.op === 'const') result = value.imm;
  else if (value.op === 'select' && a !== undefined && b !== undefined && c !== undefined)
    result = evaluate(evaluate(a, leaf, memo) === 0n ? c : b, leaf, memo);
  else if (row.evaluate === undefined || a === undefined) result = leaf(value);
  else result = row.evaluate(evaluate(a, leaf, memo), b === undefined ? 0n : evaluate(b, leaf, memo));
  memo.set(value, result);
  return result;
}
