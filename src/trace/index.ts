export { type AbortCode, aborts } from './aborts.js';
export { fingerprint } from './fingerprint.js';
export { ForkSides } from './fork-sides.js';
export { guardPath, partOnState, sharedSteps } from './guard-path.js';
export { guardWords } from './guard-words.js';
export { type Join, Passage } from './joins.js';
export { readTraces } from './read-traces.js';
export { Recorder } from './recorder.js';
export {
  type AbortSite,
  defaultLimits,
  type RecordedTrace,
  type RecorderLimits,
  type Recording,
} from './recording.js';
export {
  endsBelow,
  type RegionBody,
  type RegionBranch,
  type RegionFork,
  type RegionWords,
  regionBody,
  regionEnds,
  regionLines,
  regionWords,
  sharedCondition,
} from './region-body.js';
export { registersOf, type Snapshot } from './snapshot.js';
export { type Assumption, AssumptionLedger, StableValues } from './stable-values.js';
export { stackSlots } from './stack-slots.js';
export { writeTraces } from './write-traces.js';
