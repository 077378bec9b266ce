export { countStep, nestedHelper, probeStep, stepName, stepNumber, walkHelper, walkSteps } from './engine-helpers.js';
export { type ErrnoName, errno, errnoName } from './errno.js';
export {
  type ArgAccess,
  argAccess,
  changesAny,
  helpersWhere,
  isEnvironment,
  mapFitsHelper,
  packetMoves,
  registersRead,
  resultBits,
} from './helper-facts.js';
export { type HelperName, helperId, helperName, helperNames, helperNumber } from './helper-names.js';
export type { ArgClass, Change, Environment, HelperRow, HelperSpec, ReturnClass } from './helper-row.js';
export { helperRow, helperRows, isMissingHelper } from './helper-table.js';
export {
  accessStruct,
  connStatus,
  type KernelStruct,
  nfConn,
  nfConnAt,
  nfConnInit,
  type StructAccess,
  tupleAt,
} from './kernel-struct.js';
export {
  asksForConnections,
  asksForFrameMetadata,
  deviceKfuncs,
  type KernelArg,
  type KfuncArg,
  type KfuncName,
  type KfuncRow,
  kfuncName,
  kfuncNames,
  kfuncNumber,
  kfuncRow,
} from './kfunc-table.js';
export {
  ethHeader,
  headroom,
  maxCpus,
  maxErrno,
  maxFragments,
  maxFrames,
  maxInsns,
  maxLinear,
  maxLoops,
  maxMeta,
  maxOpenFrames,
  maxPacketOffset,
  maxPendingPaths,
  maxSubprogs,
  maxTailCalls,
  maxVarOffset,
  mostMetadata,
  pageFrame,
  stackBeforeTailCall,
  stackSize,
  tailReserve,
  xdpFrameSize,
} from './limits.js';
export {
  elementMaps,
  isArrayMap,
  isPercpuMap,
  keyedMaps,
  type MapTypeName,
  mapFlags,
  mapTypeNames,
  mapTypeNumber,
  readableMaps,
} from './map-type.js';
export { printkFormatFits } from './printk-format.js';
export {
  type VerdictName,
  verdictName,
  verdictNames,
  XDP_ABORTED,
  XDP_DROP,
  XDP_PASS,
  XDP_REDIRECT,
  XDP_TX,
} from './verdict.js';
export { type XdpMdField, xdpMd, xdpMdFields } from './xdp-md.js';
