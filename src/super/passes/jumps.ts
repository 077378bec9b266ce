/**
 * Control flow: branches whose outcome is known, jumps to jumps, blocks that nothing comes to, blocks that are one.
 * A branch in an empty block that is decided for those who come from some block is passed by them.
 */
import { isExit } from '../../isa/index.js';
import { flowOf } from '../analyses.js';
import { copyState } from '../flow.js';
import { type Block, blockOrder, type FunctionCode, predecessors } from '../function-code.js';
import type { PassContext } from './pass.js';

/** The pass; each kind may make another one possible. */
export function jumps(code: FunctionCode, context: PassContext): boolean {
  let changed = false;
  while (decide(code, context) || thread(code, context) || skipEmpty(code) || sweepBlocks(code)) changed = true;
  return changed;
}

/** Branches with one way, and those whose ways are one. */
function decide(code: FunctionCode, context: PassContext): boolean {
  const flow = flowOf(code);
  let changed = false;
  for (const block of code.blocks) {
    const end = flow.exit.get(block);
    const { branch } = block;
    if (end === undefined || branch === undefined) continue;
    const state = copyState(end);
    const decided = block.taken === block.next ? false : flow.decided(state, branch);
    if (decided === undefined || !context.allow(branch)) continue;
    if (decided) block.next = block.taken;
    block.branch = undefined;
    block.taken = undefined;
    changed = true;
  }
  return changed;
}

/** Edges past an empty block whose branch they decide. */
function thread(code: FunctionCode, context: PassContext): boolean {
  const flow = flowOf(code);
  let changed = false;
  for (const block of code.blocks) {
    const end = flow.exit.get(block);
    const isEmpty = (target: Block | undefined): boolean =>
      target?.branch !== undefined && target.ops.length === 0 && target !== block;
    if (end === undefined || !(isEmpty(block.taken) || isEmpty(block.next))) continue;
    const state = copyState(end);
    for (const way of ['taken', 'next'] as const) {
      const target = block[way];
      if (target?.branch === undefined || !isEmpty(target)) continue;
      const after = flow.onEdge(block, target, state);
      const decided = flow.decided(after, { ...target.branch, facts: undefined });
      if (decided === undefined || !context.allow(target.branch)) continue;
      // What is known at the next one's head holds on this way, too: its own would only say more.
      block[way] = decided ? target.taken : target.next;
      changed = true;
    }
  }
  return changed;
}

/** Jumps to blocks that only go on. */
function skipEmpty(code: FunctionCode): boolean {
  let changed = false;
  const final = (from: Block): Block => {
    let at = from;
    for (
      const seen = new Set<Block>();
      at.ops.length === 0 && at.branch === undefined && at.next !== undefined && !seen.has(at);
    ) {
      seen.add(at);
      at = at.next;
    }
    return at;
  };
  for (const block of code.blocks) {
    for (const way of ['taken', 'next'] as const) {
      const target = block[way];
      if (target === undefined || final(target) === target) continue;
      block[way] = final(target);
      changed = true;
    }
  }
  return changed;
}

/** Blocks that nothing comes to, and pairs of which one alone leads to the other. */
function sweepBlocks(code: FunctionCode): boolean {
  const reachable = new Set(blockOrder(code));
  let changed = reachable.size !== code.blocks.length;
  code.blocks = code.blocks.filter((block) => reachable.has(block));
  const before = predecessors(code);
  const gone = new Set<Block>();
  for (const block of code.blocks) {
    if (gone.has(block)) continue;
    for (let { next } = block; next !== undefined && block.branch === undefined; next = block.next) {
      const isOnly = before.get(next)?.length === 1 && next !== code.blocks[0] && next !== block;
      const last = block.ops.at(-1);
      if (!isOnly || (last !== undefined && isExit(last.insn))) break;
      block.ops = [...block.ops, ...next.ops];
      block.branch = next.branch;
      block.takenWeight = next.takenWeight;
      block.taken = next.taken;
      block.next = next.next;
      gone.add(next);
      changed = true;
    }
  }
  code.blocks = code.blocks.filter((block) => !gone.has(block));
  return changed;
}
