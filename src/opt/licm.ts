/**
 * Loop-invariant motion. Pure values have no block, so it is a matter of where they are computed: as late as their
 * uses allow, or also in front of the loops around that. This says that the latter is wanted; see ir/schedule.ts.
 */
import { type FunctionCode, withBlocks } from '../ir/index.js';

/** The pass: sets a flag that the schedule reads. Faulting and effects are no matter, since only pure values move. */
export function licm(code: FunctionCode): FunctionCode {
  return withBlocks(code, code.blocks, code.graph, true);
}
