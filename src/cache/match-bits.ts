/**
 * What a path condition costs a matcher: the bits of ternary memory that hold it, i.e. its rows times the bits that a
 * row looks at, and one bit for each guard that no row can express (state, computed values): its outcome has to be
 * matched, too. At least 1.
 */
import { type Facts, ternaryRows } from '../condition/index.js';

/** Bits of match memory that one trace takes. */
export function matchBits(facts: Facts): number {
  const { rows, keyBits, residual } = ternaryRows(facts);
  return Math.max(1, rows.length * keyBits + residual);
}
