/**
 * `npm run prove -- [NAME...] [--limit STEPS] [--solver process|wasm] [--quick]`: proves with z3 that the verifier's
 * arithmetic keeps every value, for all 64-bit values, from the source in src/verifier. NAMEs choose lemmas by what
 * their name contains; `--quick` leaves out shift amounts above zero; STEPS are z3's own for each query. Exit 0 when
 * all are proved, 4 where there is no solver.
 *
 * What it is made of is in tools/prove, not in judge/: it reads TypeScript with the compiler, a development
 * dependency, and the command line, which is published without it, imports the judge.
 */
import { fileURLToPath } from 'node:url';
import { UnsupportedError, UsageError } from '../base/index.js';
import { noSolver, openSolver, type SolverKind, solverKinds } from '../linux/open-solver.js';
import { formatNumber } from '../text/index.js';
import { allLemmas } from './prove/lemmas.js';
import { type Flags, negativeIf, numberFlag, runTool } from './tool.js';

const usage = 'npm run prove -- [NAME...] [--limit STEPS] [--solver process|wasm] [--quick]';
const source = fileURLToPath(new URL('../../src/verifier', import.meta.url));
/** Steps for one query; equality at 64 bits, the hardest, takes a fifth of it. */
const defaultSteps = 500_000_000;

/** Solvers that may be used, the fastest first; without the flag the first that is there is taken. */
function kindsFlag(flags: Flags): readonly SolverKind[] {
  const name = flags['solver'];
  const kinds = solverKinds.filter((kind) => name === undefined || kind === name);
  if (kinds.length === 0)
    throw new UsageError(`--solver takes ${solverKinds.join(' or ')}, not \`${name}\``, {}, usage);
  return kinds;
}

await runTool(
  usage,
  { limit: { type: 'string' }, solver: { type: 'string' }, quick: { type: 'boolean' } },
  async (operands, flags) => {
    const limit = numberFlag(flags, 'limit', defaultSteps);
    const quick = flags['quick'] === true;
    const lemmas = allLemmas(source).filter(
      ({ name }) =>
        (operands.length === 0 || operands.some((part) => name.includes(part))) && !(quick && / [1-9]\d*$/.test(name)),
    );
    const solver = await openSolver(kindsFlag(flags));
    if (solver === undefined) throw new UnsupportedError(noSolver, {}, 'install z3, or run `npm install z3-solver`');
    let proved = 0;
    let slowest = 0;
    const started = performance.now();
    for (const lemma of lemmas) {
      const start = performance.now();
      // `unsat` for all of a lemma's queries proves it; `sat` is a counter-example and `unknown` a limit that was
      // reached.
      const verdicts = new Set<string>();
      for (const query of lemma.queries()) verdicts.add((await solver.check(query, limit)).verdict);
      slowest = Math.max(slowest, performance.now() - start);
      verdicts.delete('unsat');
      if (verdicts.size === 0) proved++;
      else console.log(`not proved: ${lemma.name}: ${[...verdicts].join(', ')}`);
    }
    await solver.close();
    const seconds = (performance.now() - started) / 1000;
    console.log(
      `${formatNumber(proved)} of ${formatNumber(lemmas.length)} lemmas proved by ${solver.name} for all 64-bit values in ${seconds.toFixed(1)} s, the slowest in ${(slowest / 1000).toFixed(1)} s`,
    );
    console.log(`${proved} passed, ${lemmas.length - proved} failed`);
    return negativeIf(lemmas.length - proved);
  },
);
