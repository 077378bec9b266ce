/**
 * Constants are computed and the algebraic rules (ir/rules) applied, here and, since the pass brings that mode, to
 * whatever later passes make.
 */
import type { FunctionCode } from '../ir/index.js';
import type { PassContext } from './pass.js';
import { Rewriter } from './rewriter.js';

/** The pass: makes every value again with the mode on; the graph applies the rules as values are made. */
export function fold(code: FunctionCode, { modes }: PassContext): FunctionCode {
  return new Rewriter(code, modes, { anew: true }).run({});
}
