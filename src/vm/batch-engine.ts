/**
 * What runs packets in batches: a card with its traces, or the host with the whole program. One stands in front of the
 * other: what the first does not take, the next one runs, and then it goes on behind that packet.
 */
export interface BatchEngine {
  /**
   * Runs the packets of `count` records (packet-record.ts), `stride` bytes apart from guest address `first` on, in
   * order, until one is none of its own. Returns how many it decided, 0 to `count`. Each decided record has r0, the
   * packet's ends and the redirect's words, and with a card the trace's number. The packet at the returned index is a
   * miss: neither its bytes nor its record nor any map has changed, so that another engine can run it from the start.
   */
  runBatch(first: number, count: number, stride: number): number;
}
