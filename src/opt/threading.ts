/**
 * Jump threading: where a predecessor already decides the branch that a block consists of, it goes to the branch's
 * target itself. That is so when the condition is about a phi and that predecessor brings a constant (a verdict that
 * was just set and is now asked for), or when the path to it implies the condition.
 *
 *     P: x = 2; jump B     B: phi x; branch x == 2, T, F     =     P: jump T
 *
 * B must do nothing else, and its phis may be read by its condition and by the phis of its successors alone: then
 * nothing needs repair behind it. Heads of loops are left alone, so that loops keep one entry.
 */
import {
  type Block,
  type End,
  endUses,
  type FunctionCode,
  isConst,
  liveBlocks,
  makeBlock,
  mapEnd,
  opTable,
  orderOfCode,
  type Phi,
  successors,
  type Value,
  withBlocks,
} from '../ir/index.js';
import { branches, skipEmptyBlocks } from './branches.js';
import type { Modes, PassContext } from './pass.js';
import { decide, PathFacts } from './path-facts.js';
import { compare } from './ranges.js';
import { isPlaced, Rewriter } from './rewriter.js';

/** An end that decides between two blocks. */
type Branch = End & { readonly kind: 'branch' };

/** Passes over the function: what one round threads may let the next one see more. */
const maxRounds = 3;

/**
 * The pass. A thread may make another one possible, so it goes round a few times; merging in between keeps blocks few.
 */
export function threading(code: FunctionCode, { modes }: PassContext): FunctionCode {
  let result = code;
  for (let round = 0; round < maxRounds; round++) {
    const threaded = threadOnce(result, modes);
    result = threaded.code;
    if (!threaded.changed) break;
    result = branches(result, { modes });
  }
  return skipEmptyBlocks(result);
}

/** `changed`: some jump goes elsewhere. */
function threadOnce(given: FunctionCode, modes: Modes): { readonly code: FunctionCode; readonly changed: boolean } {
  const rewriter = new Rewriter(given, modes);
  const facts = new PathFacts(rewriter);
  const code = rewriter.run({
    enter: (block) => facts.enter(block),
    leave: (pinned, block) => {
      facts.leave(block);
      return pinned;
    },
  });
  const { headers } = orderOfCode(code);
  const candidates = liveBlocks(code).filter(
    ({ id, pinned, end, preds }) =>
      id !== 0 && pinned.length === 0 && end.kind === 'branch' && preds.length > 1 && !headers.has(id),
  );
  if (candidates.length === 0) return { code, changed: false };
  const local = localPhis(code, candidates);
  const blocks = code.blocks.slice();
  let changed = false;
  for (const { id } of candidates) {
    if (!local.has(id)) continue;
    for (const pred of [...(blocks[id] as Block).preds]) {
      const block = blocks[id] as Block;
      if (block.preds.length === 1) break;
      const target = targetFrom(block, pred, (condition) => {
        // Facts are about the edges that there were: one that was redirected here is no way out of its predecessor
        // that they know.
        if (!(code.blocks[id] as Block).preds.includes(pred)) return undefined;
        const known = facts.onEdge(pred, id);
        return decide(known, condition) ?? compare(condition, known);
      });
      if (target !== undefined && redirect(blocks, block, pred, target)) changed = true;
    }
  }
  return { code: changed ? withBlocks(code, blocks) : code, changed };
}

/** Where control that comes from `pred` will go, if that is decided. */
function targetFrom(
  block: Block,
  pred: number,
  decideOn: (condition: Value) => boolean | undefined,
): number | undefined {
  const { condition, yes, no } = block.end as Branch;
  const known = constantFrom(block, pred, condition);
  const isOwn = dependsOn(condition, block.phis);
  const outcome = known !== undefined ? known !== 0n : isOwn ? undefined : decideOn(condition);
  return outcome === undefined ? undefined : outcome ? yes : no;
}

/** What a value of the block is when control comes from `pred`, if that is a constant. */
function constantFrom(block: Block, pred: number, value: Value): bigint | undefined {
  const index = block.preds.indexOf(pred);
  const at = (phiOf(block, value)?.args[index] ?? value) as Value;
  if (isConst(at)) return at.imm;
  const { evaluate } = opTable[at.op];
  const [a, b] = at.args;
  if (at !== value || evaluate === undefined || a === undefined || !dependsOn(at, block.phis)) return undefined;
  const x = constantFrom(block, pred, a);
  const y = b === undefined ? x : constantFrom(block, pred, b);
  return x === undefined || y === undefined ? undefined : evaluate(x, y);
}

/** The block's phi that yields this value. */
function phiOf({ phis }: Block, value: Value): Phi | undefined {
  return value.op === 'phi' ? phis.find((phi) => phi.value === value) : undefined;
}

/** Is the value computed from one of these phis? Looked for eight operations deep. */
function dependsOn(value: Value, phis: readonly Phi[], depth = 0): boolean {
  if (value.op === 'phi' && phis.some((phi) => phi.value === value)) return true;
  if (isPlaced(value) || depth > 8) return false;
  return value.args.some((arg) => dependsOn(arg, phis, depth + 1));
}

/** Sends `pred` to `target` instead of `block`. False where that would need a second edge between two blocks. */
function redirect(blocks: (Block | undefined)[], block: Block, pred: number, target: number): boolean {
  const to = blocks[target] as Block;
  const from = blocks[pred] as Block;
  if (to.preds.includes(pred) || target === block.id || from.end.kind === 'tail call') return false;
  const throughBlock = to.preds.indexOf(block.id);
  const index = block.preds.indexOf(pred);
  const args = to.phis.map((phi) => {
    const arg = phi.args[throughBlock] as Value;
    const own = phiOf(block, arg);
    if (own !== undefined) return own.args[index];
    return dependsOn(arg, block.phis) ? undefined : arg;
  });
  if (args.some((arg) => arg === undefined)) return false;
  const more = to.phis.map((phi, i): Phi => ({ value: phi.value, args: [...phi.args, args[i] as Value] }));
  const fewer = block.phis.map((phi): Phi => ({ value: phi.value, args: phi.args.filter((_, i) => i !== index) }));
  const rest = block.preds.filter((other) => other !== pred);
  blocks[block.id] = makeBlock(block.id, rest, fewer, block.pinned, block.end);
  blocks[target] = makeBlock(target, to.preds.concat(pred), more, to.pinned, to.end);
  const rename = (id: number): number => (id === block.id ? target : id);
  // The predecessor may be the target itself, and has one more predecessor by now.
  const { preds, phis, pinned } = blocks[pred] as Block;
  blocks[pred] = makeBlock(
    pred,
    preds,
    phis,
    pinned,
    mapEnd(from.end, (value) => value, rename),
  );
  return true;
}

/** Candidates whose phis nobody reads but their own end and the phis of their successors. */
function localPhis(code: FunctionCode, candidates: readonly Block[]): ReadonlySet<number> {
  const owner = new Map<Value, number>();
  for (const { id, phis } of candidates) for (const { value } of phis) owner.set(value, id);
  const local = new Set(candidates.map(({ id }) => id));
  const memo = new Map<Value, readonly number[]>();
  const none: readonly number[] = [];
  const ownersBelow = (value: Value): readonly number[] => {
    const own = owner.get(value);
    if (own !== undefined) return [own];
    if (isPlaced(value) || value.args.length === 0) return none;
    const known = memo.get(value);
    if (known !== undefined) return known;
    const found = [...new Set(value.args.flatMap(ownersBelow))];
    memo.set(value, found);
    return found;
  };
  const use = (value: Value, isAllowed: (block: number) => boolean): void => {
    for (const id of ownersBelow(value)) if (!isAllowed(id)) local.delete(id);
  };
  for (const block of liveBlocks(code)) {
    for (const value of block.pinned) for (const arg of value.args) use(arg, () => false);
    for (const value of endUses(block.end)) use(value, (id) => id === block.id);
    for (const phi of block.phis) {
      for (const [i, arg] of phi.args.entries()) {
        const pred = block.preds[i] as number;
        use(arg, (id) => id === pred && successors((code.blocks[id] as Block).end).includes(block.id));
      }
    }
  }
  return local;
}
