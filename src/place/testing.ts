/** Random problems for tests: graphs of pieces that run anywhere or not, maps that some of them share. */
import { Prng } from '../packet/index.js';
import type { Element, Flow, Objective, Problem, State } from './model.js';

/** A card, two hooks and a process. */
export const fourElements: readonly Element[] = [
  { name: 'nic', tier: 'card', cores: 8, memory: 4 << 20, watts: 2 },
  { name: 'xdp', tier: 'xdp', cores: 2, memory: Number.POSITIVE_INFINITY, watts: 10 },
  { name: 'tc', tier: 'tc', cores: 2, memory: Number.POSITIVE_INFINITY, watts: 10 },
  { name: 'app', tier: 'user', channel: 'af_xdp', cores: 1, memory: Number.POSITIVE_INFINITY, watts: 10 },
];

/** Pieces in an order in which flows go forward only. */
export function randomProblem(seed: number, size: number, objective: Objective): Problem {
  const random = new Prng(seed);
  const shares = [1];
  const flows: Flow[] = [{ from: -1, to: 0, share: 1, bytes: 0 }];
  for (let to = 1; to < size; to++) {
    const from = Math.max(0, to - 1 - random.below(3));
    const share = (shares[from] as number) * (0.2 + 0.8 * random.float());
    shares[to] = share;
    flows.push({ from, to, share, bytes: random.below(96) });
  }
  const pieces = shares.map((share, i) => {
    const host = 5 + 200 * random.float();
    const onCard = i > 0 && random.chance(0.3) ? 'the card has no such helper' : host * (1 + 8 * random.float());
    return {
      name: `p${i}`,
      program: `prog${i % 3}`,
      share,
      cost: [onCard, host, host * 1.02, host * (0.7 + random.float())],
    };
  });
  const states: State[] = Array.from({ length: Math.ceil(size / 3) }, (_, i) => ({
    name: `map${i}`,
    bytes: random.below(3 << 20),
    uses: [random.below(size), random.below(size)].map((piece) => ({
      piece,
      reads: shares[piece] as number,
      writes: random.chance(0.5) ? (shares[piece] as number) * 0.2 : 0,
    })),
  }));
  return { elements: fourElements, pieces, flows, states, pins: [], objective };
}
