/**
 * The solver (z3, a development dependency) behind whole SMT-LIB 2 scripts: one call for as many queries as there are, since each call costs
 * milliseconds whatever is asked.
 */
import { init } from 'z3-solver';

interface LowLevel {
  mk_config(): number;
  del_config(config: number): void;
  mk_context(config: number): number;
  del_context(context: number): void;
}

/**
 * The compiled solver itself. Its own `eval_smtlib2_string` puts the script on the stack and starts a thread that reads it there, while the stack is
 * used for something else: now and then the solver then sees another script. Here the script lies on the heap until the answer has come.
 */
interface Module {
  readonly HEAPU8: Uint8Array;
  _malloc(bytes: number): number;
  _free(at: number): void;
  _async_Z3_eval_smtlib2_string(context: number, script: number): void;
  async_call(start: () => void): Promise<string>;
}

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
  const { Z3, em } = (await init()) as unknown as { Z3: LowLevel; em: Module };
  return async (script) => {
    const config = Z3.mk_config();
    const context = Z3.mk_context(config);
    Z3.del_config(config);
    const text = new TextEncoder().encode(`(set-option :timeout ${timeout})\n${script}\0`);
    const at = em._malloc(text.length);
    em.HEAPU8.set(text, at);
    const answer = await em.async_call(() => em._async_Z3_eval_smtlib2_string(context, at));
    em._free(at);
    Z3.del_context(context);
    const lines = answer.split('\n').filter((line) => line !== '');
    const strange = lines.find((line) => !['sat', 'unsat', 'unknown'].includes(line));
    if (strange !== undefined) throw new Error(`the solver says: ${strange}`);
    return lines;
  };
}
