/**
 * The port to a solver: questions are terms, answers are values. Who asks knows neither which solver there is nor how
 * it is reached; the room that starts one (`linux/`) hands it in.
 */
import type { Model } from './evaluate.js';
import type { Term } from './term.js';

/** `unknown`: the limit was reached first, which proves nothing. */
export type SolverVerdict = 'sat' | 'unsat' | 'unknown';

/**
 * Whether assertions can hold together, and with which values. `steps`: what finding out took, counted as limits are.
 */
export type Answer = { readonly steps: number } & (
  | { readonly verdict: 'sat'; readonly model: Model }
  | { readonly verdict: 'unsat' }
  | { readonly verdict: 'unknown'; readonly reason: string }
);

/** A solver that is open. Whoever opened it closes it. */
export interface Solver {
  /** Which solver, for reports: `z3 4.8.12`. */
  readonly name: string;
  /**
   * Whether all assertions (truth values) can hold at once. The answer does not depend on what was asked before: the
   * same assertions and the same limit give the same answer from the same solver.
   *
   * `limit` counts steps of the solver's own (z3's `rlimit`), not time, so that a slow machine proves as much as a
   * fast one.
   */
  check(assertions: readonly Term[], limit?: number): Promise<Answer>;
  /**
   * For each question, whether it can hold beside `base`. Cheaper than as many {@link check}s where questions are
   * small: the solver keeps the base, and is asked once. No models.
   */
  checkEach(base: readonly Term[], questions: readonly (readonly Term[])[], limit?: number): Promise<SolverVerdict[]>;
  /** Ends the solver; nothing may be asked afterwards. */
  close(): Promise<void>;
}

/**
 * Steps for one question where the caller says nothing: some tens of seconds of z3 for what is hard, and no question
 * of ours that is easy needs 1 %.
 */
export const defaultLimit = 50_000_000;
