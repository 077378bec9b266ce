// What ways to share state over cores yield: costs and their formula, techniques by formula and by simulation, limits.
export {
  type ChoiceInput,
  type ChoiceRow,
  choiceRow,
  choose,
  coreCounts,
  type ScrLimits,
  scrLimits,
} from './choice.js';
export {
  fitCosts,
  halfEfficiency,
  type ScrCosts,
  scrCeiling,
  scrThroughput,
  searchRate,
} from './costs.js';
export { type CarriedRates, carriedRates } from './limits.js';
export { type CountedCosts, countReplay, type Observation, observe } from './observe.js';
export { type Carrier, simulate } from './simulate.js';
export { assumedSharing, predict, type SharingCosts, type Technique, techniques } from './techniques.js';
export { type ScrTraffic, scrTraffics, workloadOf } from './traffics.js';
export { keyWindows, largestShare, type Workload, WorkloadBuilder } from './workload.js';
