/** Windows that a rule has something shorter for (search/). */
import type { FunctionCode } from '../function-code.js';
import { knownRules, RuleSet } from '../search/rules.js';
import { windowsOf, withWindow } from '../search/window.js';
import { blockByBlock } from './block-by-block.js';
import type { PassContext } from './pass.js';

const known = new RuleSet(knownRules);

/** Longest window of a rule. */
export const longestWindow = 4;

/** The pass; `context.rules` are those that a search found for this file. */
export function windows(code: FunctionCode, context: PassContext): boolean {
  return blockByBlock(code, (block, entry, flow, demands) => {
    if (block.ops.length < 2) return false;
    for (const window of windowsOf(block, entry, flow, demands, longestWindow)) {
      const rule = known.find(window, context.version) ?? context.rules?.find(window, context.version);
      const last = block.ops[window.at.at(-1) ?? 0];
      if (rule === undefined || last === undefined || !context.allow(last)) continue;
      block.ops = withWindow(block.ops, window, rule.after);
      return true;
    }
    return false;
  });
}
