export { type Figure, summarize, type Turn, wallTime } from './clock.js';
export { bootstrap, type Interval } from './interval.js';
export type { KernelFigure } from './kernel-turn.js';
export { measureSpeed, type Rounds, type Speed, type SpeedOptions, type SpeedSubject } from './measure.js';
export { formatRatio, type Ratio, ratioOf } from './ratio.js';
export { type SuiteEntry, standardPacket, suite } from './suite.js';
export { batch, batchTurn, packetStride } from './wasm-turn.js';
