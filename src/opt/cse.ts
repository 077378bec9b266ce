/**
 * Equal pure values become one value for the whole function (global value numbering by hash-consing), here and in
 * later passes. A value belongs to no block, so it does not matter where its twins stood.
 */
import type { FunctionCode } from '../ir/index.js';
import type { PassContext } from './pass.js';
import { Rewriter } from './rewriter.js';

/** The pass: makes every value again with the mode on, so that equal ones are found in the graph's table. */
export function cse(code: FunctionCode, { modes }: PassContext): FunctionCode {
  return new Rewriter(code, modes, { anew: true }).run({});
}
