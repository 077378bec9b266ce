/**
 * How sure a figure is: the percentile bootstrap (Efron, "Bootstrap methods: another look at the jackknife", 1979) over
 * rounds. A round holds one turn of every engine, so rounds are drawn whole: what disturbed a round disturbed both
 * sides of a ratio, and stays together.
 */
import { Prng } from '../../packet/index.js';

/** Lower and upper end. */
export type Interval = readonly [number, number];

const draws = 2000;
const confidence = 0.95;

/**
 * Interval with 95 % confidence for `statistic` of `rounds` figures; the same each time for the same figures.
 * `statistic` is given the numbers of the rounds that were drawn. Undefined with fewer than three rounds.
 */
export function bootstrap(rounds: number, statistic: (drawn: readonly number[]) => number): Interval | undefined {
  if (rounds < 3) return undefined;
  const random = new Prng(1);
  const found: number[] = [];
  const drawn = new Array<number>(rounds).fill(0);
  for (let i = 0; i < draws; i++) {
    for (let k = 0; k < rounds; k++) drawn[k] = random.below(rounds);
    found.push(statistic(drawn));
  }
  found.sort((a, b) => a - b);
  const tail = Math.floor(((1 - confidence) / 2) * draws);
  return [found[tail] as number, found[draws - 1 - tail] as number];
}
