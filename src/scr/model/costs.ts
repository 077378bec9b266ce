/**
 * What a packet costs a core, and what follows from it: the model of Xu et al. (NSDI 2025), as their artifact fits it.
 *
 *     c1   the program on the packet itself, ns
 *     c2   replaying one item of history, ns
 *     t    all of a packet without history: dispatch d, and the program; t = d + c1
 *
 * Program time over n cores is the line c1 + c2 (n - 1); a core takes 1 / (t + (n - 1) c2) packets a nanosecond, and n
 * cores n times that.
 */
import { UsageError } from '../../base/index.js';

/** Times of a packet, ns. */
export interface ScrCosts {
  /** Dispatch and program, without history. */
  readonly t: number;
  /** The program alone. */
  readonly c1: number;
  /** Replaying one item. */
  readonly c2: number;
}

/** Millions of packets a second that n cores replay and run, if nothing else limits them. */
export const scrThroughput = ({ t, c2 }: ScrCosts, cores: number): number => (1000 * cores) / (t + (cores - 1) * c2);

/** What any number of cores stays below, Mpps. */
export const scrCeiling = ({ c2 }: ScrCosts): number => 1000 / c2;

/** Cores at which each does half of what one alone does: 1 + t / c2. */
export const halfEfficiency = ({ t, c2 }: ScrCosts): number => 1 + t / c2;

/** The line through points by least squares. Throws UsageError for fewer than two places. */
export function fitLine(points: readonly (readonly [x: number, y: number])[]): { at0: number; slope: number } {
  const n = points.length;
  const sum = (of: (x: number, y: number) => number): number => points.reduce((all, [x, y]) => all + of(x, y), 0);
  const [mx, my] = [sum((x) => x) / n, sum((_, y) => y) / n];
  const spread = sum((x) => (x - mx) ** 2);
  if (n < 2 || spread === 0) throw new UsageError('a line takes two points');
  const slope = sum((x, y) => (x - mx) * (y - my)) / spread;
  return { at0: my - slope * mx, slope };
}

/**
 * The costs by what was measured, as published: `programTimes` are nanoseconds of the program by number of cores,
 * `rates` Mpps that so many cores take (MLFFR). Where none were, t is c1 and what dispatch costs.
 */
export function fitCosts(
  programTimes: readonly (readonly [cores: number, ns: number])[],
  rates: readonly (readonly [cores: number, mpps: number])[] | { readonly dispatch: number },
): ScrCosts {
  const { at0: c1, slope: c2 } = fitLine(programTimes.map(([cores, ns]) => [cores - 1, ns]));
  if ('dispatch' in rates) return { t: rates.dispatch + c1, c1, c2 };
  const t = rates.reduce((sum, [n, mpps]) => sum + (1000 * n) / mpps - c2 * (n - 1), 0) / rates.length;
  return { t, c1, c2 };
}

/** Loss up to which a rate counts as taken, as published. */
export const allowedLoss = 0.04;

/**
 * The highest rate that is taken with a loss of {@link allowedLoss} at most, by bisection between two rates to a
 * tolerance; published: between 5 and 55 Mpps, to 0.4 Mpps.
 */
export function searchRate(
  lossAt: (mpps: number) => number,
  { from = 5, to = 55, tolerance = 0.4 }: { from?: number; to?: number; tolerance?: number } = {},
): number {
  let [low, high] = [from, to];
  while (high - low > tolerance) {
    const middle = (low + high) / 2;
    if (lossAt(middle) <= allowedLoss) low = middle;
    else high = middle;
  }
  return low;
}
