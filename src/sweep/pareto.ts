/** Pareto fronts: the rows that no other row is better than in one thing and at least as good in all others. */
import type { Figures, Row } from './outcome.js';

/** What is weighed against what; `most`: more is better. */
export interface Objective {
  readonly name: string;
  readonly most: boolean;
  /** Undefined where the figure is not known: such a row is on no front. */
  readonly of: (figures: Figures) => number | undefined;
}

/** Throughput, area and hit rate, in the order in which tables have them. */
export const objectives: readonly Objective[] = [
  { name: 'throughput', most: true, of: ({ achieved }) => achieved },
  { name: 'area', most: false, of: ({ luts }) => luts ?? undefined },
  { name: 'hit rate', most: true, of: ({ hitRate }) => hitRate },
];

/**
 * Rows of the front, in their order; of several with equal figures the first. An objective that no row knows does not
 * count.
 */
export function paretoFront(rows: readonly Row[], weighed: readonly Objective[] = objectives): Row[] {
  const ran = rows.flatMap((row) => (row.outcome.kind === 'ran' ? [{ row, figures: row.outcome.figures }] : []));
  const counted = weighed.filter(({ of }) => ran.some(({ figures }) => of(figures) !== undefined));
  // Larger is better in each.
  const known = ran.flatMap(({ row, figures }) => {
    const scores = counted.map(({ of, most }) => {
      const value = of(figures);
      return value === undefined ? Number.NaN : most ? value : -value;
    });
    return scores.some(Number.isNaN) ? [] : [{ row, scores }];
  });
  // From the best in the first objective down, what comes later beats nothing that came before.
  const order = known.map((_, i) => i).sort((a, b) => descending(scoresOf(a), scoresOf(b)) || a - b);
  function scoresOf(i: number): readonly number[] {
    return known[i]?.scores ?? [];
  }
  const front: number[] = [];
  for (const i of order) {
    const isBeaten = front.some((j) => scoresOf(j).every((score, k) => score >= (scoresOf(i)[k] as number)));
    if (!isBeaten) front.push(i);
  }
  return front.sort((a, b) => a - b).flatMap((i) => known[i]?.row ?? []);
}

/** Which comes first where the larger does, objective by objective. */
function descending(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((score, i) => score !== b[i]);
  return at < 0 ? 0 : (b[at] as number) - (a[at] as number);
}
