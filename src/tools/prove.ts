/**
 * `npm run prove -- [NAME...] [--timeout MS] [--quick]`: proves with Z3 that the verifier's arithmetic keeps every value, for all 64-bit
 * values, from the source in src/verifier. NAMEs choose lemmas by what their name contains; `--quick` takes one shift amount in sixteen.
 * Exit 0 when all are proved.
 *
 * What it is made of is in tools/prove, not in judge/: it reads TypeScript with the compiler and asks Z3, both development dependencies, and the command line, which
 * is published without them, imports the judge.
 */
import { fileURLToPath } from 'node:url';
import { formatNumber } from '../cli/output.js';
import { allLemmas } from './prove/lemmas.js';
import { openSolver } from './prove/solver.js';
import { negativeIf, numberFlag, runTool } from './tool.js';

const usage = 'npm run prove -- [NAME...] [--timeout MS] [--quick]';
const source = fileURLToPath(new URL('../../src/verifier', import.meta.url));

await runTool(usage, { timeout: { type: 'string' }, quick: { type: 'boolean' } }, async (operands, flags) => {
  const timeout = numberFlag(flags, 'timeout', 60_000);
  const quick = flags['quick'] === true;
  const lemmas = allLemmas(source).filter(
    ({ name }) =>
      (operands.length === 0 || operands.some((part) => name.includes(part))) && !(quick && / [1-9]\d*$/.test(name)),
  );
  const solver = await openSolver(timeout);
  let proved = 0;
  let slowest = 0;
  const started = performance.now();
  for (const lemma of lemmas) {
    const start = performance.now();
    const answers = new Set<string>();
    for (const query of lemma.queries()) answers.add(await solver.check(query));
    slowest = Math.max(slowest, performance.now() - start);
    answers.delete('unsat');
    if (answers.size === 0) proved++;
    else console.log(`not proved: ${lemma.name}: ${[...answers].join(', ')}`);
  }
  const seconds = (performance.now() - started) / 1000;
  console.log(
    `${formatNumber(proved)} of ${formatNumber(lemmas.length)} lemmas proved for all 64-bit values in ${seconds.toFixed(1)} s, the slowest in ${(slowest / 1000).toFixed(1)} s`,
  );
  console.log(`${proved} passed, ${lemmas.length - proved} failed`);
  // The solver's worker threads do not end by themselves.
  process.exit(negativeIf(lemmas.length - proved));
});
