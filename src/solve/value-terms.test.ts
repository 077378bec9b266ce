/** What values become as terms means what the operation table does. */
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { haveSolver, theSolver, whyNot } from '../../test/support/solver.js';
import { Graph, type OpName, opTable } from '../ir/index.js';
import { evaluateTerm, Terms, ValueTerms } from './index.js';

const pure = (Object.keys(opTable) as OpName[]).filter((op) => opTable[op].evaluate !== undefined);

const interesting = [0n, 1n, 2n, 31n, 32n, 63n, 64n, 0x7fn, 0x80n, 0x8000n, 0x7fff_ffffn, 0x8000_0000n, 0xffff_ffffn];
const number = fc.oneof(
  fc.constantFrom(...interesting, ...interesting.map((x) => BigInt.asUintN(64, -x)), 1n << 63n),
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
);
const pairs = fc.sample(fc.tuple(number, number), { numRuns: 25, seed: 5 });
const cases = pure.flatMap((op) => pairs.map(([a, b]) => ({ op, a, b, result: opTable[op].evaluate?.(a, b) ?? 0n })));
// Unfolded values: the solver has to compute them.
const graph = new Graph({ fold: false });
const [x, y] = [graph.environment(1), graph.environment(2)];

describe.each([true, false])('with terms that are simplified: %s', (simplify) => {
  const terms = new Terms({ simplify });
  const writer = new ValueTerms(terms);
  const asked = cases.map(({ op, a, b, result }) => {
    const term = writer.term(graph.make(op, x, opTable[op].arity === 2 ? y : undefined));
    return { op, a, b, result, term };
  });

  it('every operation evaluates to what the table computes', () => {
    for (const { op, a, b, result, term } of asked) {
      const values = new Map([
        ['env_1', a],
        ['env_2', b],
      ]);
      expect(evaluateTerm(term, { values, arrays: new Map(), functions: new Map() }), `${op} ${a} ${b}`).toBe(result);
    }
  });

  test.skipIf(!haveSolver)(`every operation says the same to the solver${whyNot}`, { timeout: 120_000 }, async () => {
    const equal = (term: typeof terms.true, value: bigint): typeof term => terms.eq(term, terms.bits(64, value));
    const questions = asked.map(({ a, b, result, term }) => [
      equal(writer.term(x), a),
      equal(writer.term(y), b),
      terms.no(equal(term, result)),
    ]);
    const answers = await theSolver().checkEach([], questions);
    expect(asked.filter((_, i) => answers[i] !== 'unsat')).toEqual([]);
  });
});
