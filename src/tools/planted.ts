/**
 * `npm run planted -- [NAME...] [--seed N]`: right and wrong rewrites of a piece of code, each judged by proof and by
 * running both versions. NAMEs choose rows by what their name contains. A line a row; exit 0 when all wrong ones are
 * found by both and all right ones are proved, 4 where there is no solver.
 */
import { UnsupportedError } from '../base/index.js';
import { judgeByProof, judgeByRun, rewriteRows } from '../judge/index.js';
import { noSolver, openSolver } from '../linux/open-solver.js';
import { type Cell, formatTable } from '../text/index.js';
import { negativeIf, numberFlag, runTool } from './tool.js';

const usage = 'npm run planted -- [NAME...] [--seed N]';

await runTool(usage, { seed: { type: 'string' } }, async (operands, flags) => {
  const seed = numberFlag(flags, 'seed', 1);
  const solver = await openSolver();
  if (solver === undefined) throw new UnsupportedError(noSolver, {}, 'install z3, or run `npm install z3-solver`');
  const chosen = rewriteRows.filter(
    ({ name }) => operands.length === 0 || operands.some((part) => name.includes(part)),
  );
  const cells: Cell[][] = [];
  const counts = { passed: 0, failed: 0 };
  const check = (holds: boolean): string => {
    counts[holds ? 'passed' : 'failed']++;
    return holds ? '' : ' (!)';
  };
  for (const { name, before, right, wrong, needsOthers } of chosen) {
    const proof = await judgeByProof(before, wrong, solver);
    const seen = judgeByRun(before, wrong, seed) !== undefined;
    const byProof = `${proof.verdict}${check(proof.verdict === 'refuted')}`;
    const byRun = needsOthers === true ? 'not by one CPU' : `${seen ? 'differs' : 'equal'}${check(seen)}`;
    let done = '';
    if (right !== undefined) {
      const { verdict } = await judgeByProof(before, right, solver);
      done = `${verdict}${check(verdict === 'proved')}`;
      if (judgeByRun(before, right, seed) !== undefined) done += `, differs${check(false)}`;
    }
    cells.push([name, byProof, byRun, done]);
  }
  await solver.close();
  const titles = ['rewrite', 'by proof', 'by packets', 'done right'];
  process.stdout.write(
    formatTable(
      titles.map((title) => ({ title })),
      cells,
    ),
  );
  console.log(`${counts.passed} passed, ${counts.failed} failed`);
  return negativeIf(counts.failed);
});
