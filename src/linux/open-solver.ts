/** Finds a solver on this machine. */
import { SmtLibSolver, type Solver } from '../solve/index.js';
import { openZ3Process } from './z3-process.js';
import { openZ3Wasm } from './z3-wasm.js';

/** `process`: the `z3` on the path. `wasm`: the package `z3-solver`. */
export type SolverKind = 'process' | 'wasm';

/** All kinds, in the order in which they are tried. */
export const solverKinds: readonly SolverKind[] = ['process', 'wasm'];

/** What to say where {@link openSolver} finds none. */
export const noSolver = 'no solver: neither `z3` on the path nor the package `z3-solver`';

/** The first of `kinds` that there is, the fastest first; undefined if there is none. Who opens it closes it. */
export async function openSolver(kinds: readonly SolverKind[] = solverKinds): Promise<Solver | undefined> {
  for (const kind of kinds) {
    const dialogue = kind === 'process' ? openZ3Process() : await openZ3Wasm();
    if (dialogue !== undefined) return new SmtLibSolver(dialogue);
  }
  return undefined;
}
