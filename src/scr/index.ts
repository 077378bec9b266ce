export { stateMaps } from './analysis-state.js';
export { addedBytes } from './layout.js';
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
