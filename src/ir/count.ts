/** How large a function is, as people count: values that are not known when code is made, and ends. */
import { type FunctionCode, liveBlocks } from './function.js';
import { linesOf } from './print-function.js';
import { isFixed } from './value.js';

/** Size of a function in lines of its text: blocks, and values that are computed. */
export function countFunction(code: FunctionCode): number {
  let count = liveBlocks(code).length;
  for (const list of linesOf(code).values()) for (const value of list) if (!isFixed(value)) count++;
  return count;
}
