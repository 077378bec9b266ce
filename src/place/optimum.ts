/**
 * The best placement by trying all: depth first over the pieces, in an order in which each comes after those that lead
 * to it, leaving out what cannot become better than the best so far. Loads only grow as pieces are added, so the score
 * of those that are placed is a lower bound.
 */
import { type Active, type Evaluation, evaluate } from './evaluate.js';
import type { Placement, Problem } from './model.js';
import { tiers } from './model.js';

/** Pieces for which trying all is worth it. */
export const mostExhaustive = 12;

/** A placement and what it costs. */
export interface Placed {
  readonly placement: Placement;
  readonly evaluation: Evaluation;
}

/** Undefined where no placement keeps all constraints. */
export function optimum(problem: Problem, active?: Active): Placed | undefined {
  const { elements, pieces } = problem;
  const order = topological(problem);
  const into = pieces.map((_, to) =>
    problem.flows.filter((flow) => flow.to === to && flow.from >= 0).map(({ from }) => from),
  );
  const placement: number[] = pieces.map(() => 0);
  const isOrdered = active?.('packets go down the tiers') ?? true;
  let best: Placed | undefined;
  const load = elements.map(() => 0);
  const limit = (): number => (best === undefined ? Number.POSITIVE_INFINITY : best.evaluation.score);
  const go = (depth: number): void => {
    const piece = order[depth];
    if (piece === undefined) {
      const evaluation = evaluate(problem, placement, active);
      if (evaluation.violations.length === 0 && evaluation.score < limit())
        best = { placement: [...placement], evaluation };
      return;
    }
    const { cost, share, name } = pieces[piece] as Problem['pieces'][number];
    for (const [e, element] of elements.entries()) {
      const ns = cost[e];
      if (typeof ns === 'string' && (active?.(`${name} cannot run on ${element.name}`) ?? true)) continue;
      const tier = tiers.indexOf(element.tier);
      const comes = into[piece] as number[];
      if (
        isOrdered &&
        comes.some((from) => tiers.indexOf((elements[placement[from] as number] as typeof element).tier) > tier)
      )
        continue;
      const before = load[e] as number;
      load[e] = before + (typeof ns === 'number' ? ns * share : 0);
      placement[piece] = e;
      if (boundOf(problem, load) < limit()) go(depth + 1);
      load[e] = before;
    }
  };
  go(0);
  return best;
}

/** What the pieces that are placed cost at least, entries and shared maps left out. */
function boundOf({ objective, elements }: Problem, load: readonly number[]): number {
  let bound = 0;
  for (const [e, ns] of load.entries()) {
    const { cores, tier, watts } = elements[e] as Problem['elements'][number];
    switch (objective.kind) {
      case 'throughput':
        bound = Math.max(bound, ns / cores);
        break;
      case 'latency':
        bound += ns;
        break;
      case 'host-cores':
        if (tier !== 'card') bound += (ns * objective.rate) / 1e9;
        break;
      case 'energy':
        bound += ns * watts;
    }
  }
  return bound;
}

/** Pieces, each after those that lead to it; flows make no rings. */
export function topological({ pieces, flows }: Problem): number[] {
  const missing = pieces.map((_, to) => flows.filter((flow) => flow.to === to && flow.from >= 0).length);
  const ready = missing.flatMap((n, i) => (n === 0 ? [i] : []));
  const order: number[] = [];
  for (let next = ready.shift(); next !== undefined; next = ready.shift()) {
    order.push(next);
    for (const { from, to } of flows) {
      if (from !== next) continue;
      missing[to] = (missing[to] as number) - 1;
      if (missing[to] === 0) ready.push(to);
    }
  }
  return order;
}
