/** The way of a miss to the host and of its trace to the card, where that takes time. */
import type { Recording } from '../trace/index.js';
import type { Start } from './offload.js';

/**
 * Set by drivers with a clock (`Host.slowPath`), for packets that come one by one. Without it a miss runs at once, and
 * its trace is on the card before the next packet.
 */
export interface SlowPath {
  /** A packet missed. False: it does not reach the host. */
  reaches(): boolean;
  /** Has the host time to record now? If not, the packet is only run. */
  records(): boolean;
  /** What came of a recording. Who is told calls `Offload.recorded` with the same when the trace is at the card. */
  recorded(start: Start, recording: Recording): void;
}
