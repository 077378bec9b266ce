/**
 * How often a pipeline is flushed, and what that costs: the model of eHDL (ASPLOS 2023, section 5.3). A packet reads a
 * map element in one stage and writes it `distance` stages later; a packet behind it that reads the same element
 * before that is flushed, and `lost` cycles with it.
 *
 * Flows are Zipf-distributed, `p_i = 1 / (i ln N)`. The authors' tables round the probability to whole percents before
 * they go on; {@link publishedProbability} does as they do.
 */

/** Probability of a flush among packets under way: `sum_i L(L-1)/2 p_i^2 (1 - p_i)^(L-2)`. */
export function flushProbability(flows: number, distance: number): number {
  const scale = Math.log(flows);
  let sum = 0;
  for (let i = 1; i <= flows; i++) {
    const p = 1 / (i * scale);
    sum += p * p * (1 - p) ** (distance - 2);
  }
  return ((distance * (distance - 1)) / 2) * sum;
}

/** The same where all flows are as likely: `1 - exp(-L^2 / 2N)`. */
export function uniformFlushProbability(flows: number, distance: number): number {
  return 1 - Math.exp(-(distance * distance) / (2 * flows));
}

/** The probability in the authors' tables for 50,000 flows: whole percents, by distance 2 to 5. */
export function publishedProbability(distance: number): number {
  return [0.01, 0.03, 0.06, 0.1][distance - 2] ?? Number.NaN;
}

/** Packets a second, in units of `peak`: `T / ((1 - Pf) + K Pf)`. */
export function flushedThroughput(peak: number, probability: number, lost: number): number {
  return peak / (1 - probability + lost * probability);
}

/** Cycles that a flush may lose at most where `wanted` packets a second are to pass. */
export function largestLoss(peak: number, probability: number, wanted: number): number {
  return (peak / wanted - (1 - probability)) / probability;
}
