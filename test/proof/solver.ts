/**
 * The solver (z3, a development dependency) behind whole SMT-LIB 2 scripts: one call for as many queries as there are, since each call costs
 * milliseconds whatever is asked.
 */
import { init } from 'z3-solver';

/** Milliseconds for one answer; after that it is `unknown`, which proves nothing. */
const timeout = 20_000;

/** The solver takes one script at a time. */
let last: Promise<unknown> = Promise.resolve();

let solver: Promise<(script: string) => Promise<string[]>> | undefined;

/** Runs a script on a fresh context; what its `check-sat`s answer, in order. */
export async function solve(script: string): Promise<string[]> {
  solver ??= start();
  const run = await solver;
  const answer = last.then(() => run(script));
  last = answer.catch(() => undefined);
  return answer;
}

async function start(): Promise<(script: string) => Promise<string[]>> {
  const { Z3 } = await init();
  return async (script) => {
    const config = Z3.mk_config();
    const context = Z3.mk_context(config);
    Z3.del_config(config);
    const answer = await Z3.eval_smtlib2_string(context, `(set-option :timeout ${timeout})\n${script}`);
    Z3.del_context(context);
    const lines = answer.split('\n').filter((line) => line !== '');
    const strange = lines.find((line) => !['sat', 'unsat', 'unknown'].includes(line));
    if (strange !== undefined) throw new Error(`the solver says: ${strange}`);
    return lines;
  };
}
