import { describe, expect, test } from 'vitest';
import { eliminate, substitute } from './eliminate.js';
import { atMost, constant, evaluate, type Linear, linearText, plus, variable } from './linear.js';

const formula = (base: number, terms: Readonly<Record<string, number>>): Linear => ({
  constant: base,
  terms: new Map(Object.entries(terms)),
});

describe('formulas', () => {
  test('add up, and what cancels out is gone', () => {
    const sum = plus(formula(1, { a: 2, b: 3 }), formula(4, { a: 1, b: 3 }), -1);
    expect(sum).toEqual(formula(-3, { a: 1 }));
    expect(plus(constant(2), variable('a', 0))).toEqual(constant(2));
  });

  test('are read as they are written', () => {
    expect(linearText(formula(41, { n1: 12, j2: -2 }))).toBe('41 + 12 n1 - 2 j2');
    expect(linearText(formula(0, { n1: -1 }))).toBe('-n1');
    expect(linearText(constant(0))).toBe('0');
  });

  test('are largest where what adds is at its most and what takes away at its least', () => {
    const cost = formula(10, { a: 2, b: -1 });
    const least = new Map([
      ['a', 1],
      ['b', 2],
    ]);
    const most = new Map([
      ['a', 5],
      ['b', 9],
    ]);
    expect(atMost(cost, least, most)).toBe(10 + 10 - 2);
    expect(evaluate(cost, most)).toBe(10 + 10 - 9);
  });
});

describe('elimination', () => {
  test('does without what has the lower rank first', () => {
    // n = 1 + j, and f = 2 n: what is left is n.
    const known = eliminate(
      [formula(1, { j: 1, n: -1 }), formula(0, { n: 2, f: -1 })],
      (name) => ({ j: 0, f: 1 })[name] ?? 2,
    );
    expect(substitute(formula(0, { j: 3 }), known)).toEqual(formula(-3, { n: 3 }));
    expect(substitute(formula(0, { f: 1 }), known)).toEqual(formula(0, { n: 2 }));
  });

  test('an equation that says nothing changes nothing', () => {
    expect(eliminate([constant(0), formula(0, { n: 0 })], () => 0).size).toBe(0);
  });
});
