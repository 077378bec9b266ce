import { describe, expect, it } from 'vitest';
import { Graph, type Value } from '../ir/index.js';
import { decide, type Fact } from './path-facts.js';

const graph = new Graph();
const [x, y] = [
  graph.length,
  graph.load(graph.context, 12n, { kind: 'memory', space: 'context', size: 4, map: -1, checked: false }, 0, true),
];
const compare = (op: 'eq' | 'ult', of: Value, to: bigint): Value => graph.make(op, of, graph.constant(to));
const fact = (condition: Value, holds: boolean, before?: Fact): Fact => ({
  condition,
  holds,
  before,
  length: (before?.length ?? 0) + 1,
});

describe('what a path knows of a number', () => {
  /** Of x = n and x < n, for n = 6, 7, 8: yes, no, or that cannot be said. */
  const answers = (known: Fact): string =>
    (['eq', 'ult'] as const)
      .map((op) =>
        [6n, 7n, 8n]
          .map((n) => ({ true: 'y', false: 'n', undefined: '?' })[`${decide(known, compare(op, x, n))}`])
          .join(''),
      )
      .join(' ');

  it.each([
    ['x = 7', fact(compare('eq', x, 7n), true), 'nyn nny'],
    ['x != 7', fact(compare('eq', x, 7n), false), '?n? ???'],
    ['x < 7', fact(compare('ult', x, 7n), true), '?nn ?yy'],
    ['x >= 7', fact(compare('ult', x, 7n), false), 'n?? nn?'],
  ])('%s', (_, known, said) => {
    expect(answers(known)).toBe(said);
  });

  it('says nothing of another one, nor of a comparison with one that is not known', () => {
    const known = fact(compare('ult', x, 7n), true);
    expect(decide(known, compare('ult', y, 8n))).toBeUndefined();
    expect(decide(known, graph.make('ult', x, y))).toBeUndefined();
    expect(decide(fact(graph.make('ult', x, y), true), compare('ult', x, 8n))).toBeUndefined();
    expect(decide(fact(graph.make('ult', x, y), true), graph.make('ult', x, y))).toBe(true);
  });

  it('is what any fact says, the newest first', () => {
    const known = fact(compare('eq', y, 1n), true, fact(compare('ult', x, 7n), true));
    expect([decide(known, compare('ult', x, 8n)), decide(known, compare('eq', y, 1n))]).toEqual([true, true]);
    expect(decide(undefined, compare('eq', y, 1n))).toBeUndefined();
    expect(decide(undefined, graph.constant(1n))).toBe(true);
  });
});
