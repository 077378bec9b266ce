/**
 * Which parts of a trace tree become functions of their own, by what their traces have decided so far: the traces that
 * take most packets stand together in the packet loop, the rest is called. A function of all traces is one that the
 * host's engine takes seconds to optimize, does so less well the larger it is, and does anew whenever a trace comes;
 * and what is rarely run would lie between what is.
 *
 * A part that is called reads again what the way to it has read; it evaluates no guard twice.
 */
import type { TestOf, TreeNode, TreeTrace } from './tree.js';

/** Values up to which a function takes whatever comes next. */
const smallFunction = 300;
/**
 * And up to which it takes what at least one packet of {@link rareShare} needs. V8 allocates registers well up to
 * 8,192 virtual ones.
 */
const largeFunction = 1500;
const rareShare = 64;

/** How a tree is cut into functions. */
export interface TreeLayout {
  /** First nodes of the functions; the tree's root first. */
  readonly roots: readonly TreeNode[];
  /** Packets that took the traces of a node and those below it; absent: none of them is compiled. */
  readonly weights: ReadonlyMap<TreeNode, number>;
  /** Traces that are functions of their own, for which there was no room beside others of their leaf. */
  readonly apart: readonly TreeTrace[];
  /** Of the packets, the share that the first function decides. */
  readonly hotShare: number;
}

/** What a layout goes by: packets of each trace, undefined where it is not compiled. */
export type WeightOf = (trace: TreeTrace) => number | undefined;

/** Weighs, sorts and cuts a tree. Deterministic: equal counts give equal layouts. */
export function layOut(root: TreeNode, weightOf: WeightOf): TreeLayout {
  const weights = new Map<TreeNode, number>();
  weigh(root, weightOf, weights);
  sortSiblings(root, weights, weightOf);
  const roots = [root];
  const apart: TreeTrace[] = [];
  // Grows while it is walked.
  let away = 0;
  for (const first of roots) {
    const { cut, traces } = cutBelow(first, weights, weightOf);
    if (first === root) {
      for (const node of cut) away += weights.get(node) as number;
      for (const trace of traces) away += weightOf(trace) ?? 0;
    }
    roots.push(...cut);
    apart.push(...traces);
  }
  const all = weights.get(root) ?? 0;
  return { roots, weights, apart, hotShare: all === 0 ? 1 : 1 - away / all };
}

/** Sums packets from the leaves up; a part without compiled traces gets no weight and no code. */
function weigh(node: TreeNode, weightOf: WeightOf, weights: Map<TreeNode, number>): void {
  let weight: number | undefined;
  const add = (more: number | undefined): void => {
    if (more !== undefined) weight = (weight ?? 0) + more;
  };
  for (const next of nextOf(node)) {
    weigh(next, weightOf, weights);
    add(weights.get(next));
  }
  for (const trace of node.traces) add(weightOf(trace));
  if (weight !== undefined) weights.set(node, weight);
}

/** Tests and traces of a node that are tried in turn: those that take most packets first, for the executor as well. */
function sortSiblings(node: TreeNode, weights: ReadonlyMap<TreeNode, number>, weightOf: WeightOf): void {
  const weightBehind = ({ holds, fails }: TestOf): number =>
    [holds, fails].reduce((sum, next) => sum + (next === undefined ? 0 : (weights.get(next) ?? 0)), 0);
  if (node.tests.length > 1) node.tests.sort((a, b) => weightBehind(b) - weightBehind(a));
  if (node.traces.length > 1) node.traces.sort((a, b) => (weightOf(b) ?? 0) - (weightOf(a) ?? 0));
  for (const next of nextOf(node)) sortSiblings(next, weights, weightOf);
}

/**
 * The nodes at which the function that begins at `first` ends, and traces of its leaves that are too much for it. It
 * takes the heaviest nodes that it reaches until it is large enough.
 */
function cutBelow(
  first: TreeNode,
  weights: ReadonlyMap<TreeNode, number>,
  weightOfTrace: WeightOf,
): { readonly cut: readonly TreeNode[]; readonly traces: readonly TreeTrace[] } {
  const weightOf = (node: TreeNode): number => weights.get(node) as number;
  const traces: TreeTrace[] = [];
  const least = weightOf(first) / rareShare;
  const frontier = [first];
  const cut: TreeNode[] = [];
  let size = 0;
  for (let node = takeHeaviest(frontier, weightOf); node !== undefined; node = takeHeaviest(frontier, weightOf)) {
    const limit = weightOf(node) >= least ? largeFunction : smallFunction;
    if (size > 0 && size + costOf(node) > limit) {
      cut.push(node);
      continue;
    }
    // One leaf may have any number of traces, which are tried in turn.
    size += costOfTests(node);
    for (const trace of node.traces) {
      if (weightOfTrace(trace) === undefined) continue;
      if (size > 0 && size + costOfTrace(trace) > largeFunction) traces.push(trace);
      else size += costOfTrace(trace);
    }
    for (const next of nextOf(node)) if (weights.has(next)) frontier.push(next);
  }
  return { cut, traces };
}

/** The first one of those that weigh most. */
function takeHeaviest(nodes: TreeNode[], weightOf: (node: TreeNode) => number): TreeNode | undefined {
  let best = 0;
  for (const [i, node] of nodes.entries()) if (weightOf(node) > weightOf(nodes[best] as TreeNode)) best = i;
  return nodes.splice(best, 1)[0];
}

/** Values that a node's tests and bodies are made of, about. */
function costOf(node: TreeNode): number {
  return node.traces.reduce((cost, trace) => cost + costOfTrace(trace), costOfTests(node));
}

function costOfTests({ tests }: TreeNode): number {
  return tests.reduce((cost, { computes }) => cost + 1 + computes.length, 0);
}

/** A body's code has four words a value. */
function costOfTrace({ body }: TreeTrace): number {
  return 8 + (body.length >> 2);
}

function nextOf({ tests }: TreeNode): TreeNode[] {
  return tests.flatMap(({ holds, fails }) => [holds, fails].filter((next) => next !== undefined));
}
