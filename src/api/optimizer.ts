/**
 * `jitnic/optimizer`: object files made smaller or faster. Same bytes and options in, same bytes out; maps, types,
 * lines, CO-RE relocations and everything that is not code stay as they are.
 */

export type { BpfVersion } from '../bpf/index.js';
export type {
  Answer,
  ArraySort,
  BinaryOp,
  BitsSort,
  BoolSort,
  Model,
  RelationOp,
  Solver,
  SolverVerdict,
  Sort,
  Term,
  TermOp,
} from '../solve/index.js';
export {
  type Effort,
  type FunctionOutcome,
  type Goal,
  type ImprovedObject,
  type ImproveOptions,
  improveObject,
  type OptimizedObject,
  type OptimizeObjectOptions,
  optimizeObject,
  type PassStep,
  type ProgramProfile,
  type ProgramWork,
  type Refusal,
} from '../super/index.js';
