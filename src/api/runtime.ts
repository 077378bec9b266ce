/** `jitnic/runtime`: programs run on packets, with their maps and all that surrounds them. */
export type { Content, ResultStore } from '../base/index.js';
export type { AdaptiveSizeOptions } from '../cache/index.js';
export type { Settings } from '../opt/index.js';
export type { ParamName } from '../opt/pass.js';
export {
  type Arrival,
  type Clock,
  type Decided,
  type Difference,
  type HostKind,
  type OpenOptions,
  openSession,
  type PacketResult,
  type RuntimeOptions,
  Session,
  SessionMap,
  type SessionOptions,
  type SessionStats,
  type TraceRecord,
  type UpdateMode,
} from '../runtime/index.js';
export type { RecorderLimits } from '../trace/index.js';
export type { Connection, Flow } from '../vm/conntrack.js';
export type { Interface, Neighbour, Route, RouteType } from '../vm/fib.js';
export {
  type ChangeTime,
  ConntrackTable,
  type DumpedEntry,
  type DumpedMaps,
  FibTable,
  type Formatted,
  type MachineOptions,
  type MapChange,
  type MapEntryJson,
  type MapsFile,
  type Output,
  type PacketInput,
  parseMapsFile,
  parseMapsScript,
  type RedirectTarget,
  RxMetadata,
  SocketTable,
  type TypedValue,
} from '../vm/index.js';
export type { FrameMetadata, RxFeature } from '../vm/rx-metadata.js';
export type { Socket, TcpState } from '../vm/sockets.js';
