/**
 * Makes a control flow graph reducible: a loop that can be entered at several places gets one entry, a *dispatcher*.
 *
 * Whoever goes to one of the loop's entries, from outside or from within, notes in a variable of the loop's own which
 * one it means, and goes to the dispatcher, which branches on it. So the entries are no longer entered from anywhere
 * else, the dispatcher is the loop's head, and everything that comes after knows only loops of one entry. It costs a
 * branch or two a turn; copying blocks until it fits would cost nothing a turn, but some loops take exponentially many
 * copies.
 */

import { type Order, orderOf } from '../code/index.js';
import type { Flow, FlowBlock, FlowEnd, Step } from './flow.js';

/** Order and loops of a flow's blocks. */
export function orderOfFlow(flow: Flow): Order {
  return orderOf(flow.blocks.length, 0, (id) => flowSuccessors((flow.blocks[id] as FlowBlock).end));
}

function flowSuccessors(end: FlowEnd): readonly number[] {
  switch (end.kind) {
    case 'jump':
    case 'tail call':
      return [end.to];
    case 'return':
    case 'trap':
      return [];
    default:
      return [end.yes, end.no];
  }
}

/** The same program, with loops of one entry each. */
export function withSingleEntries(flow: Flow): Flow {
  let current = flow;
  for (;;) {
    const order = orderOfFlow(current);
    const loop = order.irreducible ? findLoop(current, order) : undefined;
    if (loop === undefined) return current;
    current = dispatch(current, loop);
  }
}

/** A strongly connected part of the graph that is entered at several blocks. */
interface Loop {
  readonly nodes: ReadonlySet<number>;
  /** Ascending. */
  readonly entries: readonly number[];
}

/** A loop of several entries. */
function findLoop(flow: Flow, order: Order): Loop | undefined {
  const succs = flow.blocks.map(({ end }) => flowSuccessors(end));
  const work: ReadonlySet<number>[] = [new Set(order.rpo)];
  for (let nodes = work.pop(); nodes !== undefined; nodes = work.pop()) {
    for (const loop of components(nodes, order.preds, succs)) {
      const entries = order.rpo.filter((node) => {
        return loop.has(node) && (order.preds[node] ?? []).some((pred) => !loop.has(pred));
      });
      if (entries.length > 1) return { nodes: loop, entries: entries.sort((a, b) => a - b) };
      // Without its head, what is left of the loop is its inner loops.
      work.push(new Set([...loop].filter((node) => node !== entries[0])));
    }
  }
  return undefined;
}

/** Strongly connected components of more than one node (Kosaraju, Sharir). */
function components(
  nodes: ReadonlySet<number>,
  preds: readonly (readonly number[])[],
  succs: readonly (readonly number[])[],
): ReadonlySet<number>[] {
  const order: number[] = [];
  const seen = new Set<number>();
  for (const node of nodes) postorder(node, nodes, succs, seen, (done) => order.push(done));
  const found: Set<number>[] = [];
  const assigned = new Set<number>();
  for (const node of order.reverse()) {
    const component = new Set<number>();
    postorder(node, nodes, preds, assigned, (done) => component.add(done));
    if (component.size > 1) found.push(component);
  }
  return found;
}

/** Visits what `from` reaches within `nodes` and is not in `seen` yet. */
function postorder(
  from: number,
  nodes: ReadonlySet<number>,
  next: readonly (readonly number[])[],
  seen: Set<number>,
  visit: (node: number) => void,
): void {
  if (seen.has(from)) return;
  seen.add(from);
  const stack = [{ node: from, at: 0 }];
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const target = next[top.node]?.[top.at++];
    if (target === undefined) {
      visit(top.node);
      stack.pop();
    } else if (nodes.has(target) && !seen.has(target)) {
      seen.add(target);
      stack.push({ node: target, at: 0 });
    }
  }
}

/** Puts the dispatcher in, and a door in front of it for each entry, which notes the number. */
function dispatch(flow: Flow, { nodes, entries }: Loop): Flow {
  const at = flow.variables;
  const { depth } = flow.blocks[entries[0] as number] as FlowBlock;
  const blocks: FlowBlock[] = [...flow.blocks];
  const add = (steps: Step[], end: FlowEnd): number => {
    blocks.push({ id: blocks.length, depth, steps, end });
    return blocks.length - 1;
  };
  const dispatcher = blocks.length;
  for (const [value, entry] of entries.slice(0, -1).entries()) {
    const isLast = value === entries.length - 2;
    const no = isLast ? (entries.at(-1) as number) : dispatcher + value + 1;
    add([], { kind: 'meant', at, value, yes: entry, no });
  }
  const makeDoors = (): ReadonlyMap<number, number> =>
    new Map(
      entries.map((entry, value) => [entry, add([{ kind: 'mean', at, value }], { kind: 'jump', to: dispatcher })]),
    );
  // Doors from within belong to the loop; were they those from outside, it would have as many entries as before.
  const outside = makeDoors();
  const inside = makeDoors();
  for (const [id, block] of flow.blocks.entries()) {
    blocks[id] = { ...block, end: redirect(block.end, nodes.has(id) ? inside : outside) };
  }
  return { ...flow, blocks, variables: flow.variables + 1 };
}

/** The end with entries replaced by their doors. */
function redirect(end: FlowEnd, doors: ReadonlyMap<number, number>): FlowEnd {
  const through = (to: number): number => doors.get(to) ?? to;
  switch (end.kind) {
    case 'jump':
    case 'tail call':
      return { ...end, to: through(end.to) };
    case 'return':
    case 'trap':
      return end;
    default:
      return { ...end, yes: through(end.yes), no: through(end.no) };
  }
}
