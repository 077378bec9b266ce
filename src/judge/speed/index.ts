export { type Figure, measureSpeed, type Speed, type SpeedOptions, type SpeedSubject } from './measure.js';
export { type SuiteEntry, standardPacket, suite } from './suite.js';
