/**
 * First sequence numbers of TCP conversations, so that later ones can be shown relative to them. As in tcpdump: the
 * first packet with an ACK (or any SYN with one) sets both directions' base and is itself shown as it is.
 */

/** Conversations remembered; then the oldest is forgotten, so that a long capture cannot fill the memory. */
const capacity = 65_536;

/** Sequence numbers to subtract. */
export interface SequenceBase {
  readonly seq: number;
  readonly ack: number;
  /** For SACK blocks, which speak of the other direction. Set also for the packet that starts a conversation. */
  readonly sack: number;
}

/**
 * One entry for each pair of ends, as long as the printer lives: memory grows with the number of conversations, as in
 * tcpdump.
 */
export class Conversations {
  private readonly known = new Map<string, { readonly forward: number; readonly backward: number }>();

  /**
   * What to subtract from the numbers of a packet that carries an ACK. Addresses are compared as the wire has them.
   */
  base(
    source: string,
    sourcePort: number,
    destination: string,
    destinationPort: number,
    seq: number,
    ack: number,
    syn: boolean,
  ): SequenceBase {
    const reverse = sourcePort > destinationPort || (sourcePort === destinationPort && source > destination);
    const key = reverse
      ? `${destination},${destinationPort},${source},${sourcePort}`
      : `${source},${sourcePort},${destination},${destinationPort}`;
    const found = this.known.get(key);
    if (found !== undefined && !syn) {
      return reverse
        ? { seq: found.backward, ack: found.forward, sack: found.forward }
        : { seq: found.forward, ack: found.backward, sack: found.backward };
    }
    const before = (ack - 1) >>> 0;
    this.known.set(key, reverse ? { forward: before, backward: seq } : { forward: seq, backward: before });
    if (this.known.size > capacity) {
      const [oldest] = this.known.keys();
      if (oldest !== undefined) this.known.delete(oldest);
    }
    return { seq: 0, ack: 0, sack: before };
  }
}
