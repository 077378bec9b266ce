export { checkTrace } from './check.js';
export { countInsns, hasEffect, isVisible, liveCode, mayFail } from './dce.js';
export { evaluate } from './evaluate.js';
export { Graph } from './graph.js';
export { isCompare, type Op, type OpKind, type OpName, opNames, opTable, swapBytes } from './ops.js';
export { formatConstant, formatTrace, formatValue, type Names, plainNames } from './print.js';
export { boundsOf, type Rule, rules, splitOffset } from './rules.js';
export type { TraceCode } from './trace.js';
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
