export type { Difference } from './check.js';
export { changeMap } from './control-plane.js';
export { type AbortRecord, type FaultRecord, noteFault } from './failures.js';
export { flowHash } from './flow-hash.js';
export type { HostKind } from './host.js';
export type { CardContext, CardMaker } from './make-offload.js';
export type { Start } from './offload.js';
export { type OpenOptions, openSession } from './open-session.js';
export { type Clock, PacketClock } from './packet-clock.js';
export { RingReader, type RingSource, RingWriter } from './packet-rings.js';
export { PathRecorder } from './path-recorder.js';
export { Runtime } from './runtime.js';
export { defaultSides, type RuntimeOptions } from './runtime-options.js';
export {
  type Arrival,
  type Decided,
  type PacketResult,
  Session,
  type SessionCounts,
  type SessionOptions,
  type SessionStats,
} from './session.js';
export { SessionMap, type UpdateMode } from './session-map.js';
export type { SlowPath } from './slow-path.js';
export type { TraceRecord } from './trace-record.js';
