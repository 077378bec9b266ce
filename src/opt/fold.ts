/** Constants are computed and the algebraic rules (ir/rules) applied, here and to whatever later passes make. */
import type { FunctionCode } from '../ir/index.js';
import { Rewriter } from './rewriter.js';

export function fold(code: FunctionCode): FunctionCode {
  code.graph.fold = true;
  return new Rewriter(code, { anew: true }).run({});
}
