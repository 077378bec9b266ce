/**
 * Good placements of many pieces: from several starts, moves that make it better until none does. A move takes a piece
 * somewhere else, alone, with all that come after it, or with all that lead to it: since packets only go down the
 * tiers, pieces that stand in each other's way have to move together. Broken constraints count before everything else,
 * so that a search may begin anywhere.
 */
import { Prng } from '../packet/index.js';
import { type Active, evaluate, rank } from './evaluate.js';
import { type Element, type Problem, tiers } from './model.js';
import { type Placed, topological } from './optimum.js';

/** How long it looks. */
export interface HeuristicOptions {
  readonly seed?: number | undefined;
  /** Placements that are priced at most. */
  readonly budget?: number | undefined;
  readonly active?: Active | undefined;
}

/** Starts besides those with all pieces on one element. */
const spreadStarts = 12;

/** Pieces times elements up to which pairs of moves are tried. */
const mostForPairs = 64;

/** Placements that are priced unless told otherwise: a second or two for 200 pieces. */
const defaultBudget = 40_000;

/** Undefined where none was found that keeps all constraints, which is no proof that there is none. */
export function heuristic(problem: Problem, options: HeuristicOptions = {}): Placed | undefined {
  const budget = options.budget ?? defaultBudget;
  const search = new Search(problem, options.active, budget);
  const random = new Prng(options.seed ?? 1);
  const { elements, pieces } = problem;
  const order = topological(problem);
  for (let e = 0; e < elements.length; e++) search.from(pieces.map(() => e));
  const byTier = elements.map((_, e) => e).sort((a, b) => tierOf(problem, a) - tierOf(problem, b));
  // The first pieces on the first tier, the next ones further down.
  const spread = (): number[] => {
    const cuts = byTier
      .slice(1)
      .map(() => random.below(order.length + 1))
      .sort((a, b) => a - b);
    const start = pieces.map(() => 0);
    for (const [at, piece] of order.entries()) start[piece] = byTier[cuts.filter((cut) => cut <= at).length] as number;
    return start;
  };
  for (let i = 0; i < spreadStarts && search.left > budget / 2; i++) search.from(spread());
  // What is left goes to annealing, from the best so far and from elsewhere, and its ends are improved in turn.
  while (!search.isOver) search.from(search.annealed(random.chance(0.5) ? spread() : search.start, random));
  return search.best;
}

function tierOf({ elements }: Problem, e: number): number {
  return tiers.indexOf((elements[e] as Element).tier);
}

class Search {
  best: Placed | undefined;
  private readonly problem: Problem;
  private readonly active: Active | undefined;
  /** Placements that may still be priced. */
  left: number;
  /** What a nanosecond of all loads together counts for: the busiest element alone makes plateaus. */
  private readonly slope: number;
  /** The best by its score here, whether it keeps all constraints or not. */
  private lowest: { readonly placement: readonly number[]; readonly score: number } | undefined;
  /** By piece: it, and all that come after it; it, and all that lead to it. */
  private readonly after: readonly (readonly number[])[];
  private readonly before: readonly (readonly number[])[];
  /** Pieces that use a map together. */
  private readonly groups: readonly (readonly number[])[];

  constructor(problem: Problem, active: Active | undefined, budget: number) {
    this.problem = problem;
    this.active = active;
    this.left = budget;
    this.slope = problem.objective.kind === 'throughput' ? 1e-3 : 0;
    this.after = closure(problem, (from, to) => [from, to]);
    this.before = closure(problem, (from, to) => [to, from]);
    this.groups = problem.states.map(({ uses }) => uses.map(({ piece }) => piece)).filter(({ length }) => length > 1);
  }

  get isOver(): boolean {
    return this.left <= 0;
  }

  /** Takes every move that makes it better, until none does. */
  from(start: readonly number[]): void {
    let now = [...start];
    let score = this.score(now);
    const take = (moved: number[]): boolean => {
      const found = this.score(moved);
      if (found >= score - 1e-9) return false;
      now = moved;
      score = found;
      return true;
    };
    while (!this.isOver && (this.sweep(() => now, take) || this.sweepPairs(() => now, take)));
    if (score < (this.lowest?.score ?? Number.POSITIVE_INFINITY)) this.lowest = { placement: now, score };
    if (score >= 1e12) return;
    const evaluation = evaluate(this.problem, now, this.active);
    if (
      evaluation.violations.length === 0 &&
      evaluation.score < (this.best?.evaluation.score ?? Number.POSITIVE_INFINITY)
    )
      this.best = { placement: now, evaluation };
  }

  /** Tries to move each piece everywhere, and all that use a map together; true if anything was better. */
  private sweep(now: () => readonly number[], take: (moved: number[]) => boolean): boolean {
    const { elements, pieces } = this.problem;
    let isBetter = false;
    for (let piece = 0; piece < pieces.length && !this.isOver; piece++)
      for (let e = 0; e < elements.length; e++)
        for (const moved of this.moves(now(), piece, e)) if (take(moved)) isBetter = true;
    for (const group of this.groups)
      for (let e = 0; e < elements.length; e++) if (take(put(now(), group, e))) isBetter = true;
    return isBetter;
  }

  /**
   * Moves two pieces at once, as when they change places: where the busiest element counts, one move alone may make it
   * worse. Of few pieces only, since there are as many pairs as the square of that.
   */
  private sweepPairs(now: () => readonly number[], take: (moved: number[]) => boolean): boolean {
    const { elements, pieces } = this.problem;
    if (pieces.length * elements.length > mostForPairs) return false;
    for (let first = 0; first < pieces.length && !this.isOver; first++)
      for (let e = 0; e < elements.length; e++)
        for (let second = first + 1; second < pieces.length; second++)
          for (let f = 0; f < elements.length; f++) if (take(put(put(now(), [first], e), [second], f))) return true;
    return false;
  }

  /** The best so far. */
  get start(): readonly number[] {
    return this.lowest?.placement ?? this.problem.pieces.map(() => 0);
  }

  /** Moves at random, at first also such as make it worse (Kirkpatrick, Gelatt and Vecchi, 1983); the best on the way.
   * */
  annealed(start: readonly number[], random: Prng): readonly number[] {
    const { elements, pieces } = this.problem;
    const steps = Math.min(this.left, 60 * pieces.length * elements.length);
    let now = start;
    let score = this.score(now);
    let best = { placement: now, score };
    for (let step = 0; step < steps; step++) {
      // From a tenth of the score down to a ten-thousandth.
      const heat = 0.1 * (best.score % 1e12) * 10 ** ((-3 * step) / steps);
      const piece = random.below(pieces.length);
      const reach = random.chance(0.7) ? [piece] : random.pick([this.after[piece] ?? [], this.before[piece] ?? []]);
      const moved = put(now, reach, random.below(elements.length));
      const found = this.score(moved);
      if (found > score && random.float() >= Math.exp((score - found) / heat)) continue;
      now = moved;
      score = found;
      if (score < best.score) best = { placement: now, score };
    }
    return best.placement;
  }

  /** Broken constraints first; then the objective, with a little of all loads so that plateaus slope. */
  private score(placement: readonly number[]): number {
    this.left--;
    const { broken, score, load } = rank(this.problem, placement, this.active);
    if (this.slope === 0) return broken * 1e12 + score;
    const spread = load.reduce((sum, ns, e) => sum + (ns / (this.problem.elements[e] as Element).cores) ** 2, 0);
    return broken * 1e12 + score + Math.sqrt(spread) * this.slope;
  }

  /** Ways to get a piece to an element. */
  private *moves(now: readonly number[], piece: number, e: number): Generator<number[]> {
    if (now[piece] === e) return;
    yield put(now, [piece], e);
    const tier = tierOf(this.problem, e);
    const after = this.after[piece] as readonly number[];
    const before = this.before[piece] as readonly number[];
    // Those that would stand in its way.
    const down = after.filter((each) => tierOf(this.problem, now[each] as number) < tier);
    const up = before.filter((each) => tierOf(this.problem, now[each] as number) > tier);
    if (down.some((each) => each !== piece)) yield put(now, [...down, piece], e);
    if (up.some((each) => each !== piece)) yield put(now, [...up, piece], e);
    if (after.length > 1) yield put(now, after, e);
    if (before.length > 1) yield put(now, before, e);
  }
}

function put(now: readonly number[], pieces: readonly number[], e: number): number[] {
  const moved = [...now];
  for (const piece of pieces) moved[piece] = e;
  return moved;
}

/** By piece: itself and what can be reached over `edge`. */
function closure(
  { pieces, flows }: Problem,
  edge: (from: number, to: number) => readonly [number, number],
): number[][] {
  const next: number[][] = pieces.map(() => []);
  for (const { from, to } of flows) {
    if (from < 0) continue;
    const [a, b] = edge(from, to);
    next[a]?.push(b);
  }
  return pieces.map((_, start) => {
    const seen = new Set([start]);
    for (const piece of seen) for (const each of next[piece] ?? []) seen.add(each);
    return [...seen];
  });
}
