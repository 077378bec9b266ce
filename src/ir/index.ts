export { type BuildOptions, bareR1, bareR2, buildFunction } from './build-function.js';
export { checkTrace } from './check.js';
export { checkFunction } from './check-function.js';
export { countInsns, liveCode } from './dce.js';
export { evaluate } from './evaluate.js';
export { Unsupported } from './flow.js';
export { type Block, type End, endUses, type FunctionCode, successors } from './function.js';
export { Graph } from './graph.js';
export { type Op, type OpKind, type OpName, opNames, opTable } from './ops.js';
export { type Order, orderOf } from './order.js';
export { formatConstant, formatTrace, formatValue, type Names } from './print.js';
export { formatFunction } from './print-function.js';
export { boundsOf, type Rule, splitOffset } from './rules.js';
export type { TraceCode } from './trace.js';
export type { Trust } from './translation.js';
export {
  type Detail,
  isConst,
  mask32,
  mask64,
  type Origin,
  type Piece,
  type Space,
  signed,
  type Value,
} from './value.js';
