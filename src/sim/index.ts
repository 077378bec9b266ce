// Simulated time: an event clock, what packets meet by it (wire, card, link, host), and models of what cards do.
export { parseRate, type Rate, Wire, wireBytes } from './arrivals.js';
export { type CardModel, cardModel } from './card-model.js';
export { type CoherentHooks, type CoherentOptions, CoherentRun, type TraceSource } from './coherent-run.js';
export { CoherentTraces, type HostSideOptions } from './coherent-traces.js';
export { EventClock } from './event-clock.js';
export {
  flushedThroughput,
  flushProbability,
  largestLoss,
  publishedProbability,
} from './flush-model.js';
export { flushedAsBuilt, flushedByWindows } from './flush-simulation.js';
export { HostCores } from './host-cores.js';
export { hostEngines, parseHostCost } from './host-costs.js';
export { Link, linkTime, packetBytes } from './link.js';
export { lossPlaces } from './timed-counts.js';
export { type Latency, type Throughput, type TimedReport, timedReport } from './timed-report.js';
export { type ClockedRun, type TimedOptions, TimedRun } from './timed-run.js';
