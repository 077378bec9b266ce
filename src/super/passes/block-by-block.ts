/**
 * How a pass that changes blocks one by one goes over them all without analysing the function anew for each change.
 *
 * In a first go a change may use only what is certain at its block's head (`Demands.certain`): then no change makes
 * another block's facts wrong. What needs more is done one at a time, when that finds nothing any more.
 */
import { demandsOf, flowOf } from '../analyses.js';
import type { Demands } from '../demand.js';
import type { Flow, State } from '../flow.js';
import type { Block, FunctionCode } from '../function-code.js';

/** One change of the block, if there is one: `entry` is what is known at its head. */
export type BlockChange = (block: Block, entry: State, flow: Flow, demands: Demands) => boolean;

/** Runs `change` until it finds nothing in any block; true if it ever did. */
export function blockByBlock(code: FunctionCode, change: BlockChange): boolean {
  for (let changed = false; ; changed = true) {
    const flow = flowOf(code);
    const demands = demandsOf(code);
    let again = false;
    for (const block of code.blocks) {
      const certain = demands.certain(block);
      while (certain !== undefined && change(block, certain, flow, demands)) again = true;
    }
    again ||= code.blocks.some((block) => {
      const entry = flow.entry.get(block);
      return entry !== undefined && change(block, entry, flow, demands);
    });
    if (!again) return changed;
  }
}
