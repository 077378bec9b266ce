/**
 * The solver of the tests: the `z3` on the path or the package z3-solver, whichever is there;
 * JITNIC_SOLVER=process|wasm says which. Where there is none, tests that need one are skipped, and their titles say
 * why.
 */
import { noSolver, openSolver, type SolverKind, solverKinds } from '../../src/linux/open-solver.js';
import type { Solver } from '../../src/solve/index.js';

export { solverKinds };

const wanted = solverKinds.filter((kind) => (process.env['JITNIC_SOLVER'] ?? kind) === kind);
const opened = await openSolver(wanted);

export const haveSolver: boolean = opened !== undefined;

/** What a title ends with where its test is skipped. */
export const whyNot: string = haveSolver ? '' : ` (${noSolver})`;

/** The one solver of a test file; asked only by tests that {@link haveSolver} lets run. */
export function theSolver(): Solver {
  if (opened === undefined) throw new Error(noSolver);
  return opened;
}

/** Starts another one, which the test ends. */
export function startSolver(kind: SolverKind): Promise<Solver | undefined> {
  return openSolver([kind]);
}
