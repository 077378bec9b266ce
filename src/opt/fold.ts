/**
 * Constants are computed and the algebraic rules (ir/rules) applied, here and, since the pass brings that mode, to
 * whatever later passes make.
 */
import type { FunctionCode } from '../ir/index.js';
import type { PassContext } from './pass.js';
import { Rewriter } from './rewriter.js';

export function fold(code: FunctionCode, { modes }: PassContext): FunctionCode {
  return new Rewriter(code, modes, { anew: true }).run({});
}
