export { tailCallHelper, walkHelper, walkHelperNames, walkHelperNumber } from './engine-helpers.js';
export { type ErrnoName, errno, errnoName } from './errno.js';
export { type ArgClass, type HelperProto, type ReturnClass, registersRead, xdpHelpers } from './helper-protos.js';
export { type HelperName, helperName, helperNames, helperNumber } from './helpers.js';
export { type KfuncArg, type KfuncRow, kfuncNumber, kfuncRow } from './kfunc-table.js';
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
  maxPendingPaths,
  maxSubprogs,
  maxTailCalls,
  maxVarOffset,
  pageFrame,
  stackBeforeTailCall,
  stackSize,
  tailReserve,
  xdpFrameSize,
} from './limits.js';
export { isPercpuMap, type MapTypeName, mapFlags, mapTypeNames, mapTypeNumber } from './map-type.js';
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
