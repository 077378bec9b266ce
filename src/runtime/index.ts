export type { Difference } from './check.js';
export { flowHash } from './flow-hash.js';
export type { HostKind } from './host.js';
export type { Clock } from './packet-clock.js';
export { PathRecorder } from './path-recorder.js';
export { type AbortRecord, type FaultRecord, type PacketResult, Runtime } from './runtime.js';
export type { RuntimeOptions } from './runtime-options.js';
export { type Arrival, type Decided, Session, type SessionCounts, type SessionOptions } from './session.js';
export type { TraceRecord } from './trace-record.js';
