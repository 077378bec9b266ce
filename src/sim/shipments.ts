/**
 * Traces on their way to the card: the recorder takes one path after the other, what comes of it crosses the link, and
 * enters the table. From then on it decides packets.
 */
import { type CardDescription, numberOf } from '../nic/index.js';
import type { Session, Start } from '../runtime/index.js';
import { fingerprint, type Recording } from '../trace/index.js';
import { type EventClock, type EventKind, nanosecond } from './event-clock.js';
import { recordingCost } from './host-costs.js';
import type { Link } from './link.js';
import type { TimedCounts } from './timed-counts.js';

/** A path that was recorded. */
export interface Shipment {
  readonly start: Start;
  readonly recording: Recording;
  readonly key: string;
}

/** What a recording is known by. */
export function shipmentOf(start: Start, recording: Recording): Shipment {
  const key = recording.kind === 'trace' ? fingerprint(recording.trace.code, recording.trace.verdict) : '';
  return { start, recording, key };
}

/** Bytes of a value of a trace, as the card's instructions. */
const valueBytes = 8;

/** What shipments go through. */
export interface ShipmentWorld {
  readonly session: Session;
  readonly card: CardDescription;
  readonly clock: EventClock;
  readonly down: Link;
  readonly counts: TimedCounts;
}

/** All that are under way. */
export class Shipments {
  private readonly world: ShipmentWorld;
  private readonly arriving: EventKind;
  private readonly installing: EventKind;
  private readonly shipments = new Map<number, Shipment>();
  private readonly underWay = new Set<string>();
  private count = 0;
  private recorderFree = 0;
  private tableFree = 0;

  constructor(world: ShipmentWorld) {
    this.world = world;
    this.arriving = world.clock.on((number) => this.enterTable(number));
    this.installing = world.clock.on((number) => this.install(number));
  }

  /** The recorder takes what waits for it one after the other, and no more than it can remember. */
  get hasRoom(): boolean {
    return this.shipments.size < recordingCost.backlog;
  }

  /** The recorder follows the path of a packet that ran until `ran`, makes a trace of it, and sends it. */
  record(ran: number, steps: number, shipment: Shipment): void {
    const { counts, clock } = this.world;
    const { recording, key } = shipment;
    const { instruction, value } = recordingCost;
    const values = recording.kind === 'trace' ? recording.trace.recorded.length : 0;
    const isRepeated = this.underWay.has(key);
    const takes = Math.round((steps * instruction + (isRepeated ? 0 : values * value)) * nanosecond);
    this.recorderFree = Math.max(ran, this.recorderFree) + takes;
    counts.recorderBusy += takes;
    if (isRepeated) {
      counts.repeated++;
      return;
    }
    const number = this.count++;
    this.shipments.set(number, shipment);
    if (recording.kind === 'trace') this.underWay.add(key);
    // Of a recording that was given up there is nothing to send, and the policy learns of it at once.
    clock.at(this.recorderFree, recording.kind === 'trace' ? this.arriving : this.installing, number);
  }

  /** The trace is made: over the link, and into the table, one after the other. */
  private enterTable(number: number): void {
    const { card, clock, counts, down, session } = this.world;
    const { recording } = this.shipments.get(number) as Shipment;
    const values = recording.kind === 'trace' ? recording.trace.code.values.length : 0;
    const bytes = values * valueBytes + 2 * Math.ceil(numberOf(card, 'front.key_bits') / 8);
    const arrives = down.send(clock.now, bytes);
    const { cache } = session.runtime;
    const isFull = cache !== undefined && cache.length >= cache.size;
    const takes = (numberOf(card, 'costs.install') + (isFull ? numberOf(card, 'costs.evict') : 0)) * nanosecond;
    counts.installBytes += bytes;
    counts.tableBusy += takes;
    this.tableFree = Math.max(arrives, this.tableFree) + Math.round(takes);
    clock.at(this.tableFree, this.installing, number);
  }

  /** From now on the trace decides packets. */
  private install(number: number): void {
    const { counts, clock, session } = this.world;
    const { start, recording, key } = this.shipments.get(number) as Shipment;
    const { runtime } = session;
    const before = runtime.installs;
    this.shipments.delete(number);
    this.underWay.delete(key);
    runtime.offload?.recorded(start, recording);
    counts.timeline.at(clock.now).installs += runtime.installs - before;
  }
}
