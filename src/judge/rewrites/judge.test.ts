import { describe, expect, it } from 'vitest';
import { rounds } from '../../../test/support/effort.js';
import { haveSolver, theSolver, whyNot } from '../../../test/support/solver.js';
import { judgeByProof, judgeByRun } from './judge.js';
import { rewriteRows } from './rows.js';

/** A third of the rows; `npm run planted` has them all. */
const some = rewriteRows.filter((_, i) => i % 3 === 0 || rounds(1) > 1);

describe('of two versions of a piece of code', () => {
  for (const { name, before, right, wrong, needsOthers } of some) {
    it.skipIf(!haveSolver)(`${name}: refuted by proof${whyNot}`, async () => {
      const { verdict } = await judgeByProof(before, wrong, theSolver());
      expect(verdict).toBe('refuted');
    });
    // What shows on several processors only is the same on one: proof is all there is.
    const seen = needsOthers === true ? 'not seen by one processor alone' : 'seen on packets';
    it(`${name}: ${seen}`, () => {
      expect(judgeByRun(before, wrong, 7) === undefined).toBe(needsOthers === true);
    });
    if (right === undefined) continue;
    it.skipIf(!haveSolver)(`${name}, done right: proved${whyNot}`, async () => {
      const { verdict } = await judgeByProof(before, right, theSolver());
      expect(verdict).toBe('proved');
    });
    it(`${name}, done right: the same on packets`, () => {
      expect(judgeByRun(before, right, 7)).toBeUndefined();
    });
  }
});
