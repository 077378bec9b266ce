export { type AbortCode, abortCodes, aborts } from './aborts.js';
export { type Compare, Facts } from './facts.js';
export { type AbortSite, defaultLimits, type RecordedTrace, Recorder, type RecorderLimits, type Recording } from './recorder.js';
export { type InstalledTrace, TraceTree } from './tree.js';
