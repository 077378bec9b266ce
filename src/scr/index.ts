export { analyzeScr, type ScrAnalysis, type ScrVerdict } from './analysis.js';
export type { Finding, FindingCode } from './analysis-checks.js';
export type { MapRole, StateMap } from './analysis-state.js';
export { type BuildOptions, type BuiltScr, buildScr } from './build.js';
export { compareScr, type Equivalence, type EquivalenceOptions } from './equivalence.js';
export { addedBytes, coresThatFit, maxXdpFrame, type ScrField, type ScrLayout, writeFrame } from './layout.js';
export { layoutFor, type Metadata } from './metadata.js';
export { Sequencer } from './metadata-sequence.js';
export {
  assumedSharing,
  type ChoiceInput,
  type ChoiceRow,
  type CountedCosts,
  choiceRow,
  choose,
  coreCounts,
  countReplay,
  largestShare,
  observe,
  predict,
  type ScrTraffic,
  type SharingCosts,
  scrLimits,
  scrTraffics,
  simulate,
  type Technique,
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
export { HistorySequencer, headerItems, headerLayout, type ItemSource, type TimedPacket } from './sequencer-batch.js';
export { plainLayout, sequencerFigures } from './sequencer-stage.js';
