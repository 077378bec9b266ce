/**
 * If-conversion: a branch around nothing but the choice of values becomes the choice.
 *
 *     branch c, B, C    B: jump J    C: jump J    J: phi(x, y)     =     J: select(c, x, y)
 *
 * It pays where a mispredicted branch costs more than computing both: for a phi or two, whose values are at hand or
 * cost no more than `-Oselect=N` cheap operations.
 */
import {
  type Block,
  type End,
  type FunctionCode,
  type Graph,
  isFixed,
  liveBlocks,
  makeBlock,
  opTable,
  type Phi,
  type Value,
  withBlocks,
} from '../ir/index.js';
import { branches } from './branches.js';
import type { PassContext } from './pass.js';
import { isPlaced } from './rewriter.js';

/** Phis that may be chosen for at once. */
const maxPhis = 2;

/** The pass. Both sides were pure, so computing both changes nothing that anybody sees. */
export function ifConvert(code: FunctionCode, { params, modes }: PassContext): FunctionCode {
  const graph = code.graph.extend(code.size, modes);
  const blocks = code.blocks.slice();
  let changed = false;
  // Inner choices first: they may make an outer one small enough.
  for (const { id } of [...liveBlocks(code)].reverse()) if (convert(graph, blocks, id, params.select)) changed = true;
  return changed ? branches(withBlocks(code, blocks, graph), { modes }) : withBlocks(code, code.blocks, graph);
}

/** Converts the branch that ends block `id`, if it is one around a choice that is cheap enough. */
function convert(graph: Graph, blocks: (Block | undefined)[], id: number, limit: number): boolean {
  const block = blocks[id];
  if (block?.end.kind !== 'branch') return false;
  const { condition, yes, no } = block.end;
  const joint = jointOf(blocks, block.end, id);
  if (joint === undefined) return false;
  const [join, fromYes, fromNo] = joint;
  const into = blocks[join] as Block;
  const [x, y] = [into.preds.indexOf(fromYes), into.preds.indexOf(fromNo)];
  const differing = into.phis.filter((phi) => phi.args[x] !== phi.args[y]);
  if (differing.length === 0 || differing.length > maxPhis) return false;
  let cost = 0;
  for (const phi of differing) cost += costOf(phi.args[x] as Value) + costOf(phi.args[y] as Value);
  if (cost > limit) return false;
  const preds = [...into.preds.filter((pred) => pred !== fromYes && pred !== fromNo), id];
  const phis = into.phis.map(({ value, args }): Phi => {
    const [a, b] = [args[x] as Value, args[y] as Value];
    const chosen = a === b ? a : graph.select(condition, a, b);
    return { value, args: [...args.filter((_, i) => i !== x && i !== y), chosen] };
  });
  blocks[join] = makeBlock(join, preds, phis, into.pinned, into.end);
  blocks[id] = makeBlock(id, block.preds, block.phis, block.pinned, { kind: 'jump', to: join });
  for (const arm of [yes, no]) if (arm !== join) blocks[arm] = undefined;
  return true;
}

/** The block where both arms meet, and its predecessors on the two ways; undefined where an arm does something. */
function jointOf(
  blocks: readonly (Block | undefined)[],
  { yes, no }: End & { readonly kind: 'branch' },
  id: number,
): readonly [number, number, number] | undefined {
  const through = (arm: number): number | undefined => {
    const block = blocks[arm];
    const isEmpty =
      block !== undefined && block.phis.length === 0 && block.pinned.length === 0 && block.preds.length === 1;
    return isEmpty && block.end.kind === 'jump' && block.end.to !== arm ? block.end.to : undefined;
  };
  const [behindYes, behindNo] = [through(yes), through(no)];
  if (behindYes === no) return [no, yes, id];
  if (behindNo === yes) return [yes, id, no];
  if (behindYes !== undefined && behindYes === behindNo) return [behindYes, yes, no];
  return undefined;
}

/** Operations that are computed whichever way the choice goes; divisions are never cheap. */
function costOf(value: Value, depth = 0): number {
  if (isFixed(value) || isPlaced(value)) return 0;
  if (depth > 4 || value.op.includes('div') || value.op.includes('mod')) return Number.POSITIVE_INFINITY;
  const own = opTable[value.op].arity === 0 ? 0 : 1;
  return value.args.reduce((sum, arg) => sum + costOf(arg, depth + 1), own);
}
