export { evaluateTerm, evaluateTerms, type Model } from './evaluate.js';
export { lowZeros } from './low-zeros.js';
export { type NearbyAnswer, NearbySolver, type Values } from './nearby-solver.js';
export {
  type BinaryOp,
  binaryOps,
  type Operation,
  type RelationOp,
  relationOps,
  type TermOp,
} from './operations.js';
export { type Dialogue, SmtLibSolver } from './smtlib-solver.js';
export type { Answer, Solver, SolverVerdict } from './solver.js';
export {
  type ArraySort,
  arraySort,
  type BitsSort,
  type BoolSort,
  bitsSort,
  boolSort,
  memorySort,
  type Sort,
} from './sort.js';
export { type Term, termsBelow, widthOf } from './term.js';
export { Terms, type TermsOptions } from './terms.js';
export { Trials } from './trials.js';
export { ValueTerms } from './value-terms.js';
