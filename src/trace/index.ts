export { type AbortCode, aborts } from './aborts.js';
export { cachedLookups } from './cached-lookups.js';
export { isDoneByCard } from './card-helpers.js';
export { type CardOptions, CompiledCard } from './compiled-card.js';
export { fingerprint } from './fingerprint.js';
export { guardWords } from './guard-words.js';
export { ConditionOracle } from './oracle.js';
export { Recorder } from './recorder.js';
export {
  type AbortSite,
  defaultLimits,
  type RecordedTrace,
  type RecorderLimits,
  type Recording,
} from './recording.js';
export { type Parent, parentAt, SideExit } from './side-exit.js';
export { registersOf, type Snapshot } from './snapshot.js';
export { type Assumption, AssumptionLedger, StableValues } from './stable-values.js';
export { stackSlots } from './stack-slots.js';
export { type InstalledTrace, type Matcher, TraceTree } from './tree.js';
export { mayBeWritten } from './written-maps.js';
