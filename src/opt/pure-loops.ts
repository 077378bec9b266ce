/**
 * A loop that only computes, and whose rounds can be counted, is what it computes:
 *
 * H: x = phi(x0, f(x)), branch c(x), exit, H    =    jump exit, x = f(f(...f(x0)))     where c(x) is known each time
 *
 * The usual way copies blocks. Pure values have none, so it is enough to run the loop on values instead of numbers:
 * the phis start at what they are given, and in each round get what their next arguments become with them. A counter
 * that starts at a constant stays one, and the condition says by itself when it is over. What is left has no branch
 * that could be guessed wrong, and no counter.
 *
 * It ends with the budget `-Orounds=N`, in values that are made: the loop stays as it is, then. Values are counted and
 * not rounds, since they are what the code grows by. Those of a given-up attempt have no user and are swept away.
 *
 * Invariants: nothing in the loop is pinned, so no effect is moved or dropped; the head has one way in and one way
 * back; a condition that is not a constant in some round ends the attempt, and nothing of the loop has been changed by
 * then.
 */
import { loopBodies, type Order } from '../code/index.js';
import { type Block, type FunctionCode, isConst, liveBlocks, orderOfCode, type Phi, type Value } from '../ir/index.js';
import { branches } from './branches.js';
import type { PassContext } from './pass.js';
import { isPlaced, Rewriter } from './rewriter.js';

/** A loop whose head alone has a branch, and in which nothing is pinned. */
interface PureLoop {
  readonly head: Block;
  /** Argument of each phi from before the loop, and from the end of a round. */
  readonly phis: readonly { readonly phi: Phi; readonly first: Value; readonly next: Value }[];
  readonly condition: Value;
  /** Leaves the loop where the condition holds. */
  readonly leavesOnYes: boolean;
  readonly exit: number;
}

/** The pass. */
export function pureLoops(code: FunctionCode, { modes, params }: PassContext): FunctionCode {
  const order = orderOfCode(code);
  if (order.headers.size === 0 || !modes.fold || params.rounds === 0) return code;
  const loops = new Map<number, PureLoop>();
  const bodies = loopBodies(order);
  for (const head of liveBlocks(code)) {
    const body = bodies.get(head.id);
    const loop = body === undefined ? undefined : pureLoopOf(code, order, head, new Set(body));
    if (loop !== undefined) loops.set(head.id, loop);
  }
  if (loops.size === 0) return code;
  const rewriter = new Rewriter(code, modes);
  /** What phis of loops that are gone are behind them. */
  const last = new Map<Value, Value>();
  const gone = new Set<number>();
  const of = (value: Value): Value => last.get(value) ?? value;
  const result = rewriter.run({
    enter: (id) => {
      const loop = loops.get(id);
      const values = loop === undefined ? undefined : run(rewriter, loop, of, params.rounds);
      if (loop === undefined || values === undefined) return;
      gone.add(id);
      for (const [i, { phi }] of loop.phis.entries()) last.set(phi.value, values[i] as Value);
    },
    local: of,
    edge: of,
    pure: (old, args) => (args.some((arg) => last.has(arg)) ? rewriter.graph.again(old, args.map(of)) : undefined),
    end: (end, id) => (gone.has(id) ? { kind: 'jump', to: (loops.get(id) as PureLoop).exit } : end),
  });
  return gone.size === 0 ? code : branches(result, { modes });
}

/** The loop as one that only computes; undefined: it does more. */
function pureLoopOf(
  code: FunctionCode,
  { position }: Order,
  head: Block,
  body: ReadonlySet<number>,
): PureLoop | undefined {
  const { end, preds, phis } = head;
  if (end.kind !== 'branch' || preds.length !== 2 || head.pinned.length > 0) return undefined;
  const [a, b] = preds.map((pred) => (position[pred] as number) >= (position[head.id] as number));
  if (a === b) return undefined;
  for (const id of body) {
    const block = code.blocks[id] as Block;
    if (block === head) continue;
    if (block.phis.length > 0 || block.pinned.length > 0 || block.end.kind !== 'jump') return undefined;
  }
  const leavesOnYes = !body.has(end.yes);
  if (leavesOnYes === !body.has(end.no)) return undefined;
  const [before, behind] = a === true ? [1, 0] : [0, 1];
  return {
    head,
    phis: phis.map((phi) => ({ phi, first: phi.args[before] as Value, next: phi.args[behind] as Value })),
    condition: end.condition,
    leavesOnYes,
    exit: leavesOnYes ? end.yes : end.no,
  };
}

/** The phis' values when the loop is left; undefined where that cannot be told, or costs too much. */
function run(rewriter: Rewriter, loop: PureLoop, of: (value: Value) => Value, budget: number): Value[] | undefined {
  const { graph } = rewriter;
  const start = graph.code.length;
  let now = loop.phis.map(({ first }) => of(rewriter.value(first)));
  while (graph.code.length - start <= budget) {
    const known = new Map(loop.phis.map(({ phi }, i) => [phi.value, now[i] as Value]));
    const inRound = (value: Value): Value => valueIn(rewriter, known, of, value);
    const condition = inRound(loop.condition);
    if (!isConst(condition)) return undefined;
    if ((condition.imm !== 0n) === loop.leavesOnYes) return now;
    const next = loop.phis.map(({ next }) => inRound(next));
    // A round that changes nothing: it would not end.
    if (next.every((value, i) => value === now[i])) return undefined;
    now = next;
  }
  return undefined;
}

/** A value of the loop with the phis of a round; `known` is told what was made on the way. */
function valueIn(rewriter: Rewriter, known: Map<Value, Value>, of: (value: Value) => Value, root: Value): Value {
  const stack = [root];
  for (let value = stack.at(-1); value !== undefined; value = stack.at(-1)) {
    if (known.has(value) || isConst(value)) {
      stack.pop();
      continue;
    }
    if (isPlaced(value)) {
      // It was made before the loop, in which nothing is placed but the phis.
      known.set(value, of(rewriter.value(value)));
      continue;
    }
    const missing = value.args.find((arg) => !known.has(arg) && !isConst(arg));
    if (missing !== undefined) {
      stack.push(missing);
      continue;
    }
    const args = value.args.map((arg) => known.get(arg) ?? arg);
    known.set(value, args.every((arg, i) => arg === value.args[i]) ? value : rewriter.graph.again(value, args));
  }
  return known.get(root) ?? root;
}
