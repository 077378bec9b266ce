/** Z3 in WebAssembly: whole SMT-LIB texts in; whether they can be satisfied out. */
import { init } from 'z3-solver';

export type Answer = 'sat' | 'unsat' | 'unknown';

export interface Solver {
  check(text: string): Promise<Answer>;
}

/** `milliseconds`: after which it gives up on a query. */
export async function openSolver(milliseconds: number): Promise<Solver> {
  const { Z3 } = await init();
  Z3.global_param_set('timeout', String(milliseconds));
  const config = Z3.mk_config();
  const context = Z3.mk_context(config);
  Z3.del_config(config);
  return {
    check: async (text) => {
      const solver = Z3.mk_solver_for_logic(context, Z3.mk_string_symbol(context, 'QF_BV'));
      Z3.solver_inc_ref(context, solver);
      try {
        // The text is handed over at once; only the search runs on a thread of its own.
        Z3.solver_from_string(context, solver, text);
        const answer = await Z3.solver_check(context, solver);
        return answer > 0 ? 'sat' : answer < 0 ? 'unsat' : 'unknown';
      } finally {
        Z3.solver_dec_ref(context, solver);
      }
    },
  };
}
