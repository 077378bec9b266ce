/** What nothing needs goes: loads and look-ups that no one reads, phis, and blocks that only jump on. Effects stay. */
import {
  argumentsOf,
  endUses,
  type FunctionCode,
  isRoot,
  liveBlocks,
  makeBlock,
  type Phi,
  type Value,
  withBlocks,
} from '../ir/index.js';
import { mergeBlocks, skipEmptyBlocks } from './branches.js';

/**
 * The pass. What is needed is found once, backwards from effects and ends; phis of a loop that only feed one another
 * are not.
 */
export function dce(code: FunctionCode): FunctionCode {
  const needed = neededValues(code);
  const isNeeded = (value: Value): boolean => needed.has(value);
  const isRead = ({ value }: Phi): boolean => needed.has(value);
  let changed = false;
  const blocks = code.blocks.map((block) => {
    if (block === undefined || (block.phis.every(isRead) && block.pinned.every(isNeeded))) return block;
    changed = true;
    return makeBlock(block.id, block.preds, block.phis.filter(isRead), block.pinned.filter(isNeeded), block.end);
  });
  return mergeBlocks(skipEmptyBlocks(changed ? withBlocks(code, blocks) : code));
}

/** Everything that an effect or an end is computed from. */
export function neededValues(code: FunctionCode): { readonly values: readonly Value[]; has(value: Value): boolean } {
  const marks = new Uint8Array(code.graph.code.length);
  const values: Value[] = [];
  const need = (value: Value): void => {
    if (marks[value.id] === 1) return;
    marks[value.id] = 1;
    values.push(value);
  };
  for (const { pinned, end } of liveBlocks(code)) {
    for (const value of pinned) if (isRoot(value)) need(value);
    for (const value of endUses(end)) need(value);
  }
  const argsOf = argumentsOf(code);
  for (let i = 0; i < values.length; i++) {
    const args = argsOf(values[i] as Value);
    for (let j = 0; j < args.length; j++) need(args[j] as Value);
  }
  return { values, has: ({ id }) => marks[id] === 1 };
}
