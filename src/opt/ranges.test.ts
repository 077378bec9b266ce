import { describe, expect, it } from 'vitest';
import { Graph } from '../ir/index.js';
import type { Fact } from './path-facts.js';
import { compare, intervalOf } from './ranges.js';

describe('intervals of what a path knows', () => {
  const graph = new Graph();
  const x = graph.make('and', graph.length, graph.constant(255n));
  const limit = (op: 'ult' | 'ule' | 'eq', a: typeof x, b: typeof x, before?: Fact, holds = true): Fact =>
    ({ condition: graph.make(op, a, b), holds, before }) as Fact;

  it('close to one number from both sides', () => {
    const facts = limit('ule', x, graph.constant(7n), limit('ult', graph.constant(6n), x));
    expect(intervalOf(x, facts)).toEqual({ lo: 7n, hi: 7n });
    expect(compare(graph.make('eq', x, graph.constant(7n)), facts)).toBe(true);
  });

  it('say nothing of a path that cannot be', () => {
    const facts = limit('ult', x, graph.constant(7n), limit('ult', graph.constant(6n), x));
    expect(intervalOf(x, facts)).toEqual({ lo: 0n, hi: 255n });
  });
});
