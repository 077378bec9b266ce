import { describe, expect, it } from 'vitest';
import { evaluateTerms } from './evaluate.js';
import { NearbySolver } from './nearby-solver.js';
import { binaryOps, relationOps } from './operations.js';
import type { Term } from './term.js';
import { Terms } from './terms.js';

const noArrays = { arrays: new Map(), functions: new Map() };

/** Every pair of values of two variables, and whether the term holds there. */
function truths(term: Term, width: number): boolean[] {
  return Array.from({ length: 4 ** width }, (_, i) => {
    const values = new Map([
      ['x', BigInt(i % 2 ** width)],
      ['y', BigInt(Math.floor(i / 2 ** width))],
    ]);
    return evaluateTerms([term], { values, ...noArrays })[0] === 1n;
  });
}

describe('the solver in this process', () => {
  // Widths of 3 and 4 bits: exhaustive, and the two differ in what a shift's distance can be.
  for (const width of [3, 4])
    for (const op of binaryOps.filter((name) => name !== 'bvsdiv' && name !== 'bvsrem'))
      it(`finds each result that \`${op}\` of ${width} bits can have, and no other`, () => {
        const t = new Terms({ simplify: false });
        const result = t.binary(op, t.unknown('x', width), t.unknown('y', width));
        for (let value = 0; value < 2 ** width; value++) {
          const wanted = t.eq(result, t.bits(width, value));
          const answer = new NearbySolver().solve([], wanted, new Map());
          const isPossible = truths(wanted, width).some((holds) => holds);
          expect(answer.verdict).toBe(isPossible ? 'sat' : 'unsat');
          if (answer.verdict === 'sat')
            expect(evaluateTerms([wanted], { values: answer.changes, ...noArrays })).toEqual([1n]);
        }
      });

  for (const op of relationOps)
    it(`agrees with every value of \`${op}\``, () => {
      const t = new Terms({ simplify: false });
      const [x, y] = [t.unknown('x', 3), t.unknown('y', 3)];
      const relation = t.relation(op, x, y);
      for (const [i, holds] of truths(relation, 3).entries()) {
        const point = t.all([t.eq(x, t.bits(3, i % 8)), t.eq(y, t.bits(3, i >> 3)), relation]);
        expect(new NearbySolver().solve([], point, new Map()).verdict).toBe(holds ? 'sat' : 'unsat');
      }
    });

  it('finds a way through extensions, parts and choices', () => {
    const t = new Terms();
    const [a, b] = [t.unknown('a', 8), t.unknown('b', 8)];
    const wide = t.concat(a, b);
    const signed = t.signExtend(a, 16);
    const wanted = t.all([
      t.eq(t.extract(wide, 11, 4), t.bits(8, 0x5a)),
      t.eq(t.ite(t.ult(a, b), signed, t.bits(16, 0)), t.bits(16, 0)),
      t.no(t.eq(signed, t.bits(16, 0xff95))),
    ]);
    const answer = new NearbySolver().solve([], wanted, new Map());
    if (answer.verdict !== 'sat') throw new Error(answer.verdict);
    expect(evaluateTerms([wanted], { values: answer.changes, ...noArrays })).toEqual([1n]);
  });

  it('keeps what held, and leaves alone what it need not change', () => {
    const t = new Terms();
    const [a, b, c] = [t.unknown('a', 16), t.unknown('b', 16), t.unknown('c', 16)];
    const held = [t.eq(t.add(a, b), t.bits(16, 100)), t.ult(c, t.bits(16, 10))];
    const start = new Map([
      ['a', 60n],
      ['b', 40n],
      ['c', 7n],
    ]);
    const answer = new NearbySolver().solve(held, t.eq(a, t.bits(16, 90)), start);
    if (answer.verdict !== 'sat') throw new Error(answer.verdict);
    expect([...answer.changes].sort()).toEqual([
      ['a', 90n],
      ['b', 10n],
    ]);
  });

  it('says which assertions cannot hold together, and knows it the next time', () => {
    const t = new Terms();
    const [a, b] = [t.unknown('a', 8), t.unknown('b', 8)];
    const small = t.ult(a, t.bits(8, 10));
    const other = t.ult(b, t.bits(8, 10));
    const solver = new NearbySolver();
    const wanted = t.eq(a, t.bits(8, 77));
    const answer = solver.solve([other, small], wanted, new Map());
    expect(answer).toMatchObject({ verdict: 'unsat', core: [wanted, small] });
    expect(solver.solve([small], wanted, new Map([['a', 3n]])).verdict).toBe('unsat');
    expect(solver.solve([other], wanted, new Map()).verdict).toBe('sat');
  });

  it('gives up where it was told to', () => {
    const t = new Terms();
    const [a, b] = [t.unknown('a', 40), t.unknown('b', 40)];
    const product = t.binary('bvmul', t.zeroExtend(a, 80), t.zeroExtend(b, 80));
    const wanted = t.all([
      t.eq(product, t.bits(80, 1_000_000_007n * 998_244_353n)),
      t.ult(t.bits(40, 1), a),
      t.ult(t.bits(40, 1), b),
    ]);
    expect(new NearbySolver().solve([], wanted, new Map(), 50).verdict).toBe('unknown');
  });
});
