/**
 * Branches on constants become jumps, here and in later passes, and what cannot be reached goes; a block that jumps to
 * one that has no other predecessor takes it in.
 */
import { type Block, type FunctionCode, liveBlocks, makeBlock, mapEnd, successors, withBlocks } from '../ir/index.js';
import type { PassContext } from './pass.js';
import { Rewriter } from './rewriter.js';

/**
 * The pass; also what passes run that make branches constant. Walking is enough: the rewriter drops edges that are not
 * taken.
 */
export function branches(code: FunctionCode, { modes }: Pick<PassContext, 'modes'>): FunctionCode {
  return mergeBlocks(new Rewriter(code, modes).run({}));
}

/** Joins chains of blocks. */
export function mergeBlocks(code: FunctionCode): FunctionCode {
  const blocks = code.blocks.slice();
  let changed = false;
  for (const { id } of liveBlocks(code)) {
    for (;;) {
      const block = blocks[id];
      const end = block?.end;
      const next = end?.kind === 'jump' ? blocks[end.to] : undefined;
      if (block === undefined || next === undefined || next.id === id || next.id === 0 || next.preds.length !== 1)
        break;
      // Its phis have one argument each: the rewriter resolves them before anyone comes here.
      if (next.phis.length > 0) break;
      blocks[id] = makeBlock(id, block.preds, block.phis, block.pinned.concat(next.pinned), next.end);
      blocks[next.id] = undefined;
      changed = true;
      for (const to of successors(next.end)) renamePredecessor(blocks, to, next.id, id);
    }
  }
  return changed ? withBlocks(code, blocks) : code;
}

/** Phis keep their order of arguments: it is that of the predecessors. */
function renamePredecessor(blocks: (Block | undefined)[], id: number, from: number, to: number): void {
  const block = blocks[id];
  if (block === undefined) return;
  const preds = block.preds.map((pred) => (pred === from ? to : pred));
  blocks[id] = makeBlock(id, preds, block.phis, block.pinned, block.end);
}

/** Blocks that do nothing but jump, and whose target has no phis, are passed over. */
export function skipEmptyBlocks(code: FunctionCode): FunctionCode {
  const targetOf = (id: number): number => {
    let at = id;
    for (let steps = 0; steps < code.blocks.length; steps++) {
      const block = code.blocks[at];
      if (block === undefined || block.phis.length > 0 || block.pinned.length > 0 || block.end.kind !== 'jump') break;
      if ((code.blocks[block.end.to] as Block).phis.length > 0) break;
      at = block.end.to;
    }
    return at;
  };
  let changed = false;
  const blocks = code.blocks.map((block) => {
    if (block === undefined) return undefined;
    const end = mapEnd(block.end, (value) => value, targetOf);
    if (end === block.end) return block;
    changed = true;
    return makeBlock(block.id, block.preds, block.phis, block.pinned, end);
  });
  return changed ? withPredecessors(withBlocks(code, blocks)) : code;
}

/** Drops what cannot be reached and finds predecessors again; phis must not change. */
function withPredecessors(code: FunctionCode): FunctionCode {
  const preds: number[][] = code.blocks.map(() => []);
  const reached = new Set<number>([0]);
  for (const id of reached) {
    for (const to of successors((code.blocks[id] as Block).end)) {
      preds[to]?.push(id);
      reached.add(to);
    }
  }
  const blocks = code.blocks.map((block, id) => {
    if (block === undefined || !reached.has(id)) return undefined;
    return block.phis.length > 0 ? block : makeBlock(id, preds[id] as number[], block.phis, block.pinned, block.end);
  });
  return withBlocks(code, blocks);
}
