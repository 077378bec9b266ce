/**
 * Equal pure values become one value for the whole function (global value numbering by hash-consing), here and in
 * later passes. A value belongs to no block, so it does not matter where its twins stood.
 */
import type { FunctionCode } from '../ir/index.js';
import { Rewriter } from './rewriter.js';

export function cse(code: FunctionCode): FunctionCode {
  code.graph.share = true;
  return new Rewriter(code, { anew: true }).run({});
}
