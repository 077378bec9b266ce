export type { Difference } from './check.js';
export {
  type AbortRecord,
  type FaultRecord,
  type PacketResult,
  Runtime,
  type RuntimeOptions,
} from './runtime.js';
export { type Arrival, type Clock, Session, type SessionOptions } from './session.js';
export type { TraceRecord } from './trace-record.js';
