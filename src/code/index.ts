export { noAdditions } from './additions.js';
export { type BackwardStep, solveBackward } from './backward.js';
export {
  calledHelper,
  functionEntries,
  isFunctionAddress,
  isHelperCall,
  isLocalCall,
  isTailCall,
  namedFunction,
} from './calls.js';
export { type ChangedSlots, changedSlots } from './changed-slots.js';
export { type CounterPlan, planCounters, type SlotCounts, slotCounts } from './counters.js';
export { encodingFault } from './encoding.js';
export { type Fork, type ForkBlock, forkAt } from './forks.js';
export { jumpTargets, leaders, successors } from './leaders.js';
export { type LiveSet, liveSlots } from './live-slots.js';
export { type MapUses, mapUses } from './map-uses.js';
export { dominates, loopBodies, type Order, orderOf } from './order.js';
export {
  constantOf,
  followOrigins,
  idOf,
  kindOf,
  mayMeet,
  type Origins,
  offsetOf,
  origin,
} from './origins.js';
export { probeLoads } from './probe-loads.js';
export { onlyFirstProgram, pruneMaps, withoutTypes } from './prune.js';
export { reachableSlots } from './reachable.js';
export {
  overwrittenRegisters,
  readRegisters,
  usedRegisters,
  writtenRegisters,
} from './register-effects.js';
export { rewriteProgram } from './rewrite.js';
export { followStackPointers } from './stack-pointers.js';
export { mayBeWritten } from './written-maps.js';
export { needsZeroExtension } from './zero-extension.js';
