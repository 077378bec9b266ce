/** Rules over windows of `jitnic opt`, each proved. */
import { describe, expect, it } from 'vitest';
import { assembleInsns } from '../../src/isa/index.js';
import { openSolver } from '../../src/linux/open-solver.js';
import { proveRule } from '../../src/super/search/obligation.js';
import { knownRules } from '../../src/super/search/rules.js';
import { haveSolver, whyNot } from '../support/solver.js';

describe.skipIf(!haveSolver)(`the solver${whyNot}`, () => {
  it('proves every rule of the repository and a right one, and refutes a wrong one with registers', async () => {
    const solver = await openSolver();
    if (solver === undefined) throw new Error('there is none');
    try {
      for (const each of knownRules) {
        const answer = await proveRule(each, each.after, solver, 2_000_000);
        expect([each.after.length < each.insns.length, answer]).toEqual([true, { kind: 'proved' }]);
      }
      const shifts = { insns: assembleInsns('r1 <<= 32\nr1 >>= 32'), known: [64], asked: [64] };
      // The table may be empty: what it had became an identity of a pass.
      const right = await proveRule(shifts, assembleInsns('w1 = w1'), solver, 2_000_000);
      expect(right).toEqual({ kind: 'proved' });
      const wrong = await proveRule(shifts, [], solver, 2_000_000);
      expect(wrong).toMatchObject({ kind: 'refuted' });
    } finally {
      await solver.close();
    }
  });
});
