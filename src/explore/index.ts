export { Coverage, type LineCounts, lineCounts, type ProgramCounts, type Totals, totalsOf } from './coverage.js';
export { Divergences, type ProgramVersion, type VersionPairs } from './follow/divergence.js';
export {
  type Arrival,
  arriving,
  fillMaps,
  type StartAbsence,
  type StartEntry,
  type StartState,
} from './follow/start-state.js';
export { lcovText } from './lcov.js';
export { type FoundPath, type PathRunner, PathSearch } from './path-search.js';
export { type StatePath, StateSearch, type StateSearchOptions } from './state-search.js';
export { countWays, type Way, type WayCount } from './way-count.js';
