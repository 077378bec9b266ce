/** Both ways to a solver give right answers, and values that can be checked. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { solverKinds, startSolver } from '../../test/support/solver.js';
import { arraySort, boolSort, evaluateTerms, memorySort, type Solver, type Term, Terms } from './index.js';

describe.each(solverKinds)('the solver as %s', (kind) => {
  let solver: Solver | undefined;
  beforeAll(async () => {
    solver = await startSolver(kind);
  });
  afterAll(async () => {
    await solver?.close();
  });

  /** A test that is skipped where this solver is not installed. */
  const test = (title: string, body: (solver: Solver) => Promise<void>): void => {
    it(title, async (context) => {
      if (solver === undefined) context.skip(`no z3 as ${kind} on this machine`);
      else await body(solver);
    });
  };

  /** The model makes all assertions true. */
  async function satisfied(asked: Solver, assertions: readonly Term[]): Promise<void> {
    const answer = await asked.check(assertions);
    if (answer.verdict !== 'sat') throw new Error(`${answer.verdict}`);
    expect(evaluateTerms(assertions, answer.model)).toEqual(assertions.map(() => 1n));
  }

  test('finds two numbers of 16 bits from their product and sum', async (z3) => {
    const t = new Terms();
    const [x, y] = [t.unknown('x', 16), t.unknown('y', 16)];
    await satisfied(z3, [
      t.eq(t.binary('bvmul', x, y), t.bits(16, 391)),
      t.eq(t.add(x, y), t.bits(16, 40)),
      t.ult(x, y),
    ]);
  });

  test('proves that a byte swap done twice is nothing, at 64 bits', async (z3) => {
    const t = new Terms();
    const x = t.unknown('x', 64);
    const swap = (a: Term): Term => t.concatAll(Array.from({ length: 8 }, (_, i) => t.extract(a, 8 * i + 7, 8 * i)));
    const flipped = t.binary('bvxor', swap(x), t.bits(64, 1));
    expect((await z3.check([t.distinct(swap(flipped), t.binary('bvxor', x, t.bits(64, 1n << 56n)))])).verdict).toBe(
      'unsat',
    );
  });

  test('reasons over memory whose stores may overlap, and says where they do', async (z3) => {
    const t = new Terms();
    const memory = t.variable('memory', memorySort);
    const [p, q] = [t.unknown('p', 64), t.unknown('q', 64)];
    const written = t.store(t.store(memory, p, t.bits(8, 1)), q, t.bits(8, 2));
    await satisfied(z3, [t.distinct(t.select(written, p), t.bits(8, 1)), t.ult(t.bits(64, 0x1000), p)]);
    // Apart from that case the first store is seen.
    expect((await z3.check([t.distinct(p, q), t.distinct(t.select(written, p), t.bits(8, 1))])).verdict).toBe('unsat');
    await satisfied(z3, [t.eq(t.select(memory, t.add(p, t.bits(64, 3))), t.bits(8, 0xab)), t.eq(p, q)]);
  });

  test('takes helpers for functions: equal arguments, equal results', async (z3) => {
    const t = new Terms();
    const [a, b] = [t.unknown('a', 64), t.unknown('b', 64)];
    const [fa, fb] = [t.apply('helper', 64, [a]), t.apply('helper', 64, [b])];
    expect((await z3.check([t.eq(a, b), t.distinct(fa, fb)])).verdict).toBe('unsat');
    await satisfied(z3, [t.distinct(fa, fb), t.eq(t.add(fa, fb), t.bits(64, 7))]);
  });

  test('knows truth values, odd widths and names that are no symbols', async (z3) => {
    const t = new Terms();
    const flag = t.variable('is it | so?', boolSort);
    const small = t.unknown('small value', 3);
    const table = t.variable('t', arraySort(3, 5));
    await satisfied(z3, [t.no(flag), t.ite(flag, t.false, t.eq(t.select(table, small), t.bits(5, 17)))]);
  });

  test('answers many questions over one base at once', async (z3) => {
    const t = new Terms();
    const x = t.unknown('x', 16);
    const below = (n: number): Term => t.ult(x, t.bits(16, n));
    const verdicts = await z3.checkEach([below(100)], [[below(50)], [t.no(below(200))], [t.no(below(99))]]);
    expect(verdicts).toEqual(['sat', 'unsat', 'sat']);
  });

  test('gives up after the same number of steps each time', async (z3) => {
    const t = new Terms();
    const [x, y] = [t.unknown('x', 64), t.unknown('y', 64)];
    const hard = [
      t.eq(t.binary('bvmul', x, y), t.bits(64, 0x7fff_ffff_ffff_ffe7n)),
      t.ult(t.bits(64, 1), x),
      t.ult(t.bits(64, 1), y),
      t.ult(x, t.bits(64, 1n << 32n)),
      t.ult(y, t.bits(64, 1n << 32n)),
    ];
    const first = await z3.check(hard, 200_000);
    expect(first.verdict).toBe('unknown');
    // Nothing of it stays behind.
    await satisfied(z3, [t.eq(x, t.bits(64, 3))]);
    expect(await z3.check(hard, 200_000)).toEqual(first);
  });
});
