/** Placements: trying all against a plain enumeration, the search against trying all, and what constraints exclude. */
import { describe, expect, test } from 'vitest';
import { evaluate } from './evaluate.js';
import { heuristic } from './heuristic.js';
import type { Element, Objective, Placement, Problem } from './model.js';
import { optimum } from './optimum.js';
import { solvePlacement } from './solve.js';
import { fourElements, randomProblem } from './testing.js';
import { entryCost } from './tiers.js';

const objectives: readonly Objective[] = [
  { kind: 'throughput' },
  { kind: 'latency', rate: 500_000 },
  { kind: 'host-cores', rate: 500_000 },
  { kind: 'energy', rate: 500_000 },
];

/** All placements, one by one. */
function enumerate(problem: Problem): number {
  let best = Number.POSITIVE_INFINITY;
  const placement: number[] = problem.pieces.map(() => 0);
  const go = (piece: number): void => {
    if (piece === placement.length) {
      const { violations, score } = evaluate(problem, placement);
      if (violations.length === 0 && score < best) best = score;
      return;
    }
    for (let e = 0; e < problem.elements.length; e++) {
      placement[piece] = e;
      go(piece + 1);
    }
  };
  go(0);
  return best;
}

describe('the optimum', () => {
  test.each(objectives)('is what enumeration finds: $kind', (objective) => {
    for (let seed = 1; seed <= 3; seed++) {
      const problem = randomProblem(seed, 5, objective);
      expect([seed, optimum(problem)?.evaluation.score ?? Number.POSITIVE_INFINITY]).toEqual([
        seed,
        enumerate(problem),
      ]);
    }
  });
});

describe('the search', () => {
  test('places 200 pieces in seconds of processor time, no worse than any element alone', () => {
    const problem = randomProblem(7, 200, { kind: 'throughput' });
    const before = process.cpuUsage();
    const found = heuristic(problem, { budget: 10_000 });
    const { user } = process.cpuUsage(before);
    expect(user / 1e6).toBeLessThan(20);
    for (let e = 1; e < problem.elements.length; e++) {
      const alone = evaluate(
        problem,
        problem.pieces.map(() => e),
      );
      expect(found?.evaluation.score).toBeLessThanOrEqual(alone.score);
    }
  });

  test.each(objectives)('is within 2 % of the optimum: $kind', (objective) => {
    for (let seed = 100; seed < 102; seed++) {
      const problem = randomProblem(seed, 8, objective);
      const best = optimum(problem);
      const found = heuristic(problem, { budget: 10_000 });
      expect([seed, found === undefined]).toEqual([seed, best === undefined]);
      if (best !== undefined && found !== undefined)
        expect(found.evaluation.score, `seed ${seed}`).toBeLessThanOrEqual(best.evaluation.score * 1.02);
    }
  });
});

const [nic, xdp, tc, app] = fourElements as [Element, Element, Element, Element];

/** A chain of pieces that cost the same wherever they run. */
function chain(costs: readonly number[], more: Partial<Problem> = {}): Problem {
  return {
    elements: fourElements,
    pieces: costs.map((ns, i) => ({ name: `p${i}`, program: `p${i}`, share: 1, cost: [4 * ns, ns, ns, ns] })),
    flows: costs.map((_, i) => ({ from: i - 1, to: i, share: 1, bytes: 0 })),
    states: [],
    pins: [],
    objective: { kind: 'throughput' },
    ...more,
  };
}

describe('constraints', () => {
  test('a program that is pinned is where it is to be, and those behind it are not before it', () => {
    const solution = solvePlacement(chain([50, 50], { pins: [{ what: 'program', name: 'p0', element: 2 }] }));
    if (solution.kind !== 'placed') throw new Error('not placed');
    const [first, second] = solution.placed.placement;
    expect(first).toBe(2);
    expect(second).toBeGreaterThanOrEqual(2);
  });

  test('of constraints that exclude each other those are named that are needed for it', () => {
    const pins = [
      { what: 'program', name: 'p0', element: 3 },
      { what: 'program', name: 'p1', element: 0 },
      { what: 'program', name: 'p2', element: 3 },
    ] as const;
    const solution = solvePlacement(chain([50, 50, 50], { pins }));
    if (solution.kind !== 'unsatisfiable') throw new Error('placed');
    expect(solution.constraints).toEqual([
      'packets go down the tiers',
      'program p0 is pinned to app',
      'program p1 is pinned to nic',
    ]);
    expect(solution.isProved).toBe(true);
  });

  test('maps that are too large for the card keep what uses them off it', () => {
    const states = [{ name: 'flows', bytes: 5 << 20, uses: [{ piece: 1, reads: 1, writes: 0 }] }];
    const pins = [{ what: 'map', name: 'flows', element: 0 }] as const;
    expect(solvePlacement(chain([10, 10], { states })).kind).toBe('placed');
    const solution = solvePlacement(chain([10, 10], { states, pins }));
    if (solution.kind !== 'unsatisfiable') throw new Error('placed');
    expect(solution.constraints).toEqual(['memory of nic', 'map flows is pinned to nic']);
  });

  test('a rate that no placement takes names the elements', () => {
    const solution = solvePlacement(chain([1e6], { objective: { kind: 'latency', rate: 1e6 } }));
    if (solution.kind !== 'unsatisfiable') throw new Error('placed');
    expect(solution.constraints).toEqual(fourElements.map(({ name }) => `capacity of ${name}`));
  });
});

describe('shared maps', () => {
  const at = (placement: Placement, reads: number, writes: number): number => {
    const uses = [
      { piece: 0, reads, writes },
      { piece: 1, reads, writes: 0 },
    ];
    const problem = chain([10, 10], { states: [{ name: 'm', bytes: 64, uses }] });
    return evaluate(problem, placement).sharing[0]?.ns ?? 0;
  };

  test('cost nothing within the kernel, and more the further apart their users are', () => {
    expect(at([1, 2], 1, 1)).toBe(0);
    expect(at([1, 3], 1, 1)).toBeGreaterThan(0);
    expect(at([0, 1], 1, 1)).toBeGreaterThan(0);
  });

  test('that are only read are copied for nothing', () => {
    expect(at([0, 1], 5, 0)).toBe(0);
  });

  test('that are written seldom are copied, those that are written often have a home', () => {
    expect(at([0, 1], 10, 0.01)).toBeLessThan(at([0, 1], 10, 1));
  });
});

describe('published figures', () => {
  /** Microseconds of an echo at XDP, with the wire and the client: the one that others are compared with. */
  const echo = 37.8;
  const ready = (element: Element): number => entryCost(undefined, element, 0).busy / 1000;

  test('an echo takes longer the further up it is answered, each within 10 % of what was measured', () => {
    const user = (channel: 'socket'): Element => ({ ...app, channel });
    const predicted = [xdp, tc, user('socket')].map((element) => echo + ready(element) - ready(xdp));
    const published = [37.8, 38.5, 44.3];
    for (const [i, value] of predicted.entries()) {
      expect(Math.abs(value / (published[i] as number) - 1)).toBeLessThan(0.1);
      if (i > 0) expect(value).toBeGreaterThan(predicted[i - 1] as number);
    }
  });

  test('a slow path over AF_XDP gains a cache in the kernel about as much as was measured', () => {
    // 126.5 k requests a second at a socket; 318 k with the cache, whose slow path takes 51 % longer.
    const whole = 1e6 / 126.5;
    const work = whole - 5738;
    const slow = whole * 1.51;
    const fast = work + 38;
    const misses = (1e6 / 318 - fast) / (slow - fast);
    const socket: Element = { ...app, channel: 'socket' };
    const saved = entryCost(xdp, socket, 0).busy - entryCost(xdp, app, 0).busy;
    const predicted = 1e6 / (1e6 / 297 - misses * saved);
    expect(Math.abs(predicted / 333 - 1)).toBeLessThan(0.1);
  });

  test('a fast path pays if its share of the cost is smaller than its share of the traffic', () => {
    const slow = 1000;
    for (const [cost, decided] of [
      [100, 0.05],
      [100, 0.5],
      [600, 0.3],
      [600, 0.9],
    ] as const) {
      // Piece 0 decides a share of the packets; piece 1 does everything for the others, alone or behind it.
      const split: Problem = {
        elements: [xdp, tc],
        pieces: [
          { name: 'fast', program: 'a', share: 1, cost: [cost, 'is the fast path'] },
          { name: 'slow', program: 'b', share: 1 - decided, cost: ['too large', slow] },
        ],
        flows: [
          { from: -1, to: 0, share: 1, bytes: 0 },
          { from: 0, to: 1, share: 1 - decided, bytes: 0 },
        ],
        states: [],
        pins: [],
        objective: { kind: 'energy', rate: 1 },
      };
      const whole = slow + entryCost(undefined, tc, 0).busy;
      const busy = evaluate(split, [0, 1]).load.reduce((sum, ns) => sum + ns, 0);
      const entered = cost + entryCost(undefined, xdp, 0).busy;
      expect(busy < whole).toBe(entered / whole < decided);
    }
  });
});

test('the card is before the link, so what it decides waits less', () => {
  const one = chain([100], { objective: { kind: 'latency', rate: 1000 } });
  const onCard = evaluate(one, [0]);
  expect(onCard.latency - (onCard.load[0] ?? 0)).toBeLessThan(1);
  expect(nic.tier).toBe('card');
  expect(entryCost(undefined, xdp, 0).wait).toBeGreaterThan(0);
});
