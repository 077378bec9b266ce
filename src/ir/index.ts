export { type BuildOptions, bareR1, bareR2, buildFunction, firstArgument, recordAddress } from './build-function.js';
export {
  type ArgumentUse,
  type CallEffects,
  callEffects,
  type EffectsOf,
  mapOf,
  returnsPointer,
} from './call-effects.js';
export { checkTrace } from './check.js';
export { checkFunction, checkValues } from './check-function.js';
export { faultOf } from './check-value.js';
export { countFunction } from './count.js';
export { countInsns, liveCode, mayFail } from './dce.js';
export { evaluate } from './evaluate.js';
export { Unsupported, unsupportedIn } from './flow.js';
export {
  type Block,
  branchEnd,
  type End,
  endUses,
  type FunctionCode,
  hasAddress,
  liveBlocks,
  makeBlock,
  makesTailCalls,
  mapEnd,
  type Phi,
  successors,
  withBlocks,
} from './function.js';
export { type DraftOptions, FunctionDraft } from './function-draft.js';
export { orderOfCode, shareOrder } from './function-order.js';
export { Graph, type GraphOptions } from './graph.js';
export { immediate, low32, lowerAlu, lowerJump, onesOf, signExtend } from './lower-alu.js';
export { findNeeded, isRoot, type Needed, type Use } from './needed.js';
export { fillRight, resultOnes } from './ones.js';
export { isCompare, type Op, type OpKind, type OpName, opNames, opTable, swapBytes } from './ops.js';
export { type ParsedValues, parseFunction, parseTrace, parseValues } from './parse.js';
export type { ParseNames } from './parse-line.js';
export { type ArgumentsOf, argumentsOf } from './phis.js';
export { formatConstant, formatTrace, formatValue, type Names, plainNames, traceLines } from './print.js';
export { formatFunction } from './print-function.js';
export { boundsOf, type Rule, splitOffset } from './rules/index.js';
export { type Schedule, schedule } from './schedule.js';
export { depthOf, directAddress, frameStart, isInFrame, stackAddress } from './stack-address.js';
export { isPacketAccess, packetOffset, type TraceCode } from './trace.js';
export { firstFunctionCall, firstKfuncCall, lookupDetail } from './translate-call.js';
export type { Trust } from './translation.js';
export {
  cellOf,
  type Detail,
  isConst,
  isFixed,
  isPlace,
  isStatic,
  mask32,
  mask64,
  type Origin,
  type Piece,
  type Space,
  signed,
  type Value,
} from './value.js';
export { type VariableHost, Variables } from './variables.js';
export {
  constantData,
  isDirectMap,
  type Program,
  referenceAt,
  type World,
  type WorldMap,
  worldOf,
} from './world.js';
