/** The port's other direction: packets that have been decided and leave, through a queue and over the wire. */
import { type CardDescription, numberOf } from '../nic/index.js';
import { Wire } from './arrivals.js';
import { BoundedQueue } from './bounded-queue.js';
import type { EventClock, EventKind } from './event-clock.js';
import type { TimedCounts } from './timed-counts.js';

/** Told of a packet that is out: when it arrived, and when it was. Picoseconds. */
export type OnOut = (kind: 'hit' | 'miss', arrived: number, done: number) => void;

/** Queue and wire. */
export class WayOut {
  readonly wire: Wire;
  private readonly clock: EventClock;
  private readonly counts: TimedCounts;
  private readonly queue: BoundedQueue;
  private readonly leaving: EventKind;
  private readonly onOut: OnOut;

  constructor(card: CardDescription, clock: EventClock, counts: TimedCounts, onOut: OnOut) {
    this.clock = clock;
    this.counts = counts;
    this.onOut = onOut;
    this.wire = new Wire(numberOf(card, 'mac.rate'));
    this.queue = new BoundedQueue(numberOf(card, 'mac.queue'));
    this.leaving = clock.on((arrived, word) => this.leave(arrived, word));
  }

  /** A packet of so many bytes will be at the way out at `time`. */
  at(kind: 'hit' | 'miss', time: number, arrived: number, length: number): void {
    this.clock.at(time, this.leaving, arrived, 2 * length + (kind === 'miss' ? 1 : 0));
  }

  /** A packet is there; `word` is twice its length, and one more if it was a miss. */
  private leave(arrived: number, word: number): void {
    const { queue, wire, clock, counts } = this;
    const { now } = clock;
    if (!queue.hasRoom(now)) {
      counts.lose('out', arrived);
      return;
    }
    queue.enter(now, Math.max(now, wire.free));
    this.onOut(word % 2 === 1 ? 'miss' : 'hit', arrived, wire.pass(now, word >> 1));
  }
}
