export { analyzeScr, type ScrAnalysis, type ScrVerdict } from './analysis.js';
export type { Finding, FindingCode } from './analysis-checks.js';
export type { MapRole, StateMap } from './analysis-state.js';
export { type BuildOptions, type BuiltScr, buildScr } from './build.js';
export { compareScr, type Equivalence, type EquivalenceOptions, type TimedPacket } from './equivalence.js';
export { addedBytes, type ScrField, type ScrLayout, writeFrame } from './layout.js';
export type { Metadata } from './metadata.js';
export { Sequencer } from './metadata-sequence.js';
export {
  assumedSharing,
  type ChoiceInput,
  choiceRow,
  choose,
  coreCounts,
  predict,
  type ScrTraffic,
  scrLimits,
  scrTraffics,
  simulate,
  techniques,
  workloadOf,
} from './model/index.js';
export {
  brokenRecoveries,
  exploreRecovery,
  publishedRecoverable,
  recoveryProtocol,
  simulateRecovery,
} from './recovery/index.js';
export { plainLayout, sequencerFigures } from './sequencer-stage.js';
