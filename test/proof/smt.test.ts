/** The text that src/ir/smt.ts makes means what the operation table does. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Graph, type OpName, opTable } from '../../src/ir/index.js';
import { SmtWriter } from '../../src/ir/smt.js';
import { solve } from './solver.js';

const pure = (Object.keys(opTable) as OpName[]).filter((op) => opTable[op].evaluate !== undefined);

test('every operation says the same to the solver as the table computes', { timeout: 120_000 }, async () => {
  const interesting = [0n, 1n, 2n, 31n, 32n, 63n, 64n, 0x7fn, 0x80n, 0x8000n, 0x7fff_ffffn, 0x8000_0000n, 0xffff_ffffn];
  const number = fc.oneof(
    fc.constantFrom(...interesting, ...interesting.map((x) => BigInt.asUintN(64, -x)), 1n << 63n),
    fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
  );
  const pairs = fc.sample(fc.tuple(number, number), { numRuns: 25, seed: 5 });
  const cases = pure.flatMap((op) => pairs.map(([a, b]) => ({ op, a, b })));
  // Unfolded values: the solver has to compute them.
  const graph = new Graph({ fold: false });
  const writer = new SmtWriter();
  const queries = cases.map(({ op, a, b }) => {
    const x = graph.environment(1);
    const y = graph.environment(2);
    const value = graph.make(op, x, opTable[op].arity === 2 ? y : undefined);
    const result = opTable[op].evaluate?.(a, b) ?? 0n;
    const equal = (term: string, wanted: bigint): string => `(= ${term} #x${wanted.toString(16).padStart(16, '0')})`;
    return `(push)(assert (and ${equal(writer.term(x), a)} ${equal(writer.term(y), b)} (not ${equal(writer.term(value), result)})))(check-sat)(pop)`;
  });
  const answers = await solve(`${writer.text()}\n${queries.join('\n')}`);
  const wrong = cases.filter((_, i) => answers[i] !== 'unsat');
  expect(wrong).toEqual([]);
});
