/**
 * Paths that sample packets take are not joined with others. Where two paths meet, what only one of them knows is
 * forgotten (names of values, flow.ts); so a block that is reached on several ways has a copy for each way that is
 * taken often:
 *
 *     a: x = 14; goto c    b: x = 18; goto c    c: p += x; ...
 *     -> a: x = 14; p += x; ...    b: x = 18; p += x; ...
 *
 * The other passes then find constants, branches that are decided, checks that were made. Copies in which nothing came
 * of it are made one again (same.ts). Loops stay as they are.
 */
import { type Block, blockOrder, edgeWeight, type FunctionCode, opsOf, predecessors } from '../function-code.js';
import type { PassContext } from './pass.js';

/** Least share of all packets that a way has which gets a copy. */
const leastShare = 0.03;
/** How many times its size, and how many instructions, the code may have in between. */
const maxTimes = 4;
const maxOps = 1500;

/** The pass: the join that most packets come through first, until the budget is spent. */
export function split(code: FunctionCode, context: PassContext): boolean {
  const [entry] = code.blocks;
  if (code.profile === undefined || entry === undefined) return false;
  const least = leastShare * Math.max(1, entry.weight ?? 0);
  let budget = Math.min(maxOps, maxTimes * opsOf(code.blocks)) - opsOf(code.blocks);
  let changed = false;
  for (;;) {
    const found = nextJoin(code, least, budget);
    if (found === undefined) return changed;
    const first = found.block.ops[0] ?? found.block.branch;
    if (first === undefined || !context.allow(first)) return changed;
    budget -= found.block.ops.length + 1;
    copyFor(code, found);
    changed = true;
  }
}

interface Join {
  readonly block: Block;
  readonly from: Block;
  readonly way: 'taken' | 'next';
}

/** The first block, in the order of the code, with two ways to it of which one is taken often: the lesser such way. */
function nextJoin(code: FunctionCode, least: number, budget: number): Join | undefined {
  const order = blockOrder(code);
  const position = new Map(order.map((block, i) => [block, i]));
  const before = predecessors(code);
  for (const [i, block] of order.entries()) {
    const preds = [...new Set(before.get(block) ?? [])].filter((pred) => position.has(pred));
    const isLoop = preds.some((pred) => (position.get(pred) ?? 0) >= i);
    if (preds.length === 0 || isLoop || block.ops.length + 1 > budget) continue;
    const ways = preds.flatMap((from) =>
      (['taken', 'next'] as const).filter((way) => from[way] === block).map((way): Join => ({ block, from, way })),
    );
    if (ways.length < 2) continue;
    const often = ways.filter(({ from, way }) => edgeWeight(from, way) >= least);
    if (often.length === 0) continue;
    often.sort((a, b) => edgeWeight(a.from, a.way) - edgeWeight(b.from, b.way));
    return often[0];
  }
  return undefined;
}

/** Gives one way a copy of the block, and each its share of what was counted. */
function copyFor(code: FunctionCode, { block, from, way }: Join): void {
  const weight = edgeWeight(from, way);
  const share = Math.min(1, weight / Math.max(1, block.weight ?? 0));
  const id = Math.max(...code.blocks.map((each) => each.id)) + 1;
  const taken = (block.takenWeight ?? 0) * share;
  const copy: Block = { ...block, id, ops: [...block.ops], labels: [], weight, takenWeight: taken };
  block.weight = Math.max(0, (block.weight ?? 0) - weight);
  block.takenWeight = Math.max(0, (block.takenWeight ?? 0) - taken);
  code.blocks.splice(code.blocks.indexOf(block) + 1, 0, copy);
  from[way] = copy;
}
