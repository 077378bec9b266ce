/**
 * The driver with a clock. A packet is run when it is the card's turn to look at it, in the order of arrival, with the
 * traces that are on the card at that moment; what that takes, on the card, on the link and on the host, follows from
 * what it did. So verdicts, bytes and maps are those of the interpreter in order of arrival, whatever the times are,
 * and times never depend on the machine that simulates.
 *
 * A packet's way:
 *
 *     wire -> queue -> card: hit  -> out (TX, REDIRECT), to the host's memory (PASS), or gone
 *                          : miss -> link -> core's queue -> run -> (TX, REDIRECT) link -> out
 *                                                             `-> recorder -> link -> table: the trace is in
 *
 * Card, link and cores each take one after the other, so when a packet gets where follows from those before it: a miss
 * that is to be lost in a queue is known to be before it runs, and then it does not. What comes back from the host
 * (packets, traces) and what leaves the card are events.
 *
 * A packet that uses maps which a miss under way may write waits until that miss is done (`hazards.slow_path`). Maps
 * are told apart by the program's text, not by element; copies of a map that each CPU has of its own are no reason.
 */
import { mayBeWritten } from '../code/index.js';
import { type CardDescription, numberOf, wordOf } from '../nic/index.js';
import { XDP_PASS, XDP_REDIRECT, XDP_TX } from '../platform/index.js';
import { flowHash, type Session, type SlowPath, type Start, type TraceRecord } from '../runtime/index.js';
import type { RecordedTrace, Recording } from '../trace/index.js';
import { Arrivals, type Rate, type Wire } from './arrivals.js';
import { BoundedQueue } from './bounded-queue.js';
import type { CardModel, Passage } from './card-model.js';
import { EventClock, type EventKind, nanosecond } from './event-clock.js';
import { HostCores } from './host-cores.js';
import type { EngineCost } from './host-costs.js';
import { Link, packetBytes } from './link.js';
import { type Shipment, Shipments, shipmentOf } from './shipments.js';
import { TimedCounts } from './timed-counts.js';
import { mapsOf } from './trace-maps.js';
import { WayOut } from './way-out.js';

/** The world around the card. */
export interface TimedOptions {
  readonly rate: Rate;
  readonly hostCores: number;
  /** Packets that wait for each core at most. */
  readonly hostQueue: number;
  readonly hostCost: EngineCost;
  /** Of what varies: latencies of the link, random arrivals. */
  readonly seed: bigint;
}

/** Told of each packet that is through: when it arrived, and when it was. Picoseconds. */
export type DeliveryObserver = (arrived: number, done: number) => void;

/** What reports of a run with a clock are made of. */
export type ClockedRun = Pick<TimedRun, 'counts' | 'card' | 'up' | 'down' | 'cores' | 'arrivals' | 'out'> & {
  readonly options: Pick<TimedOptions, 'hostCost'>;
};

/** One run. {@link packet} for each packet, then {@link finish}. */
export class TimedRun implements SlowPath {
  readonly card: CardDescription;
  readonly counts: TimedCounts = new TimedCounts();
  readonly options: TimedOptions;
  readonly model: CardModel;
  readonly arrivals: Arrivals;
  readonly up: Link;
  readonly down: Link;
  readonly cores: HostCores;
  private readonly wayOut: WayOut;
  readonly input: BoundedQueue;
  onDelivery: DeliveryObserver | undefined;
  readonly clock: EventClock = new EventClock();
  readonly session: Session;
  private readonly period: number;
  private readonly passage: Passage = { occupies: 1, waits: 0, takes: 1, cause: 'frame' };
  private readonly returning: EventKind;
  /** The first cycle in which the card can begin with a packet, and the last time at which one was through. */
  private freeCycle = 0;
  private lastExit = 0;
  /** When the last miss that may write maps will be known at the card to be done. */
  private slowUntil = 0;
  /** Of the packet that runs. */
  private begin = 0;
  private exit = 0;
  private atHost = 0;
  private core = 0;
  private recording: Shipment | undefined;
  private readonly shipments: Shipments;
  /** Maps that a miss may write, each CPU's copies left out. */
  private readonly written: ReadonlySet<number>;
  private readonly waits = new WeakMap<TraceRecord, { readonly trace: RecordedTrace; readonly waits: boolean }>();

  constructor(session: Session, card: CardDescription, model: CardModel, options: TimedOptions) {
    this.session = session;
    this.card = card;
    this.model = model;
    this.options = options;
    this.period = 1e6 / numberOf(card, 'clock');
    const port = numberOf(card, 'mac.rate');
    this.arrivals = new Arrivals(options.rate, port, options.seed);
    this.input = new BoundedQueue(numberOf(card, 'mac.queue'));
    this.up = new Link(card, options.seed ^ 0x7570n);
    this.down = new Link(card, options.seed ^ 0x646f_776en);
    this.cores = new HostCores(options.hostCores, options.hostQueue);
    this.wayOut = new WayOut(card, this.clock, this.counts, (kind, arrived, done) => this.deliver(kind, arrived, done));
    this.returning = this.clock.on((arrived, length) => this.giveBack(arrived, length));
    this.shipments = new Shipments(this);
    const { object } = session.runtime.machine;
    const stalls = wordOf(card, 'hazards.slow_path') === 'stall';
    const isShared = (map: number): boolean => object.maps[map]?.type.includes('percpu') === false;
    this.written = new Set(
      stalls ? [...object.maps.keys()].filter((map) => isShared(map) && mayBeWritten(object, map)) : [],
    );
    if (!model.isWhole) session.runtime.host.slowPath = this;
  }

  /** The wire that packets leave by. */
  get out(): Wire {
    return this.wayOut.wire;
  }

  /** A packet comes; `stamp` is its time in the capture, in nanoseconds. */
  packet(data: Uint8Array, stamp: bigint): void {
    const { counts, session, clock, period } = this;
    const { length } = data;
    const arrived = this.arrivals.arrival(length, stamp);
    const moment = counts.arrive(arrived, length);
    if (!this.input.hasRoom(arrived)) {
      counts.lose('card', arrived);
      return;
    }
    const cycle = Math.max(Math.ceil(arrived / period), this.freeCycle);
    this.begin = Math.max(arrived, Math.round(cycle * period));
    clock.advance(this.begin);
    this.input.enter(arrived, this.begin);
    this.core = flowHash(data, 0, length) % this.cores.count;
    this.recording = undefined;
    this.model.missed(length, this.passage);
    this.stalled = 0;
    this.plan(cycle);
    const { hit, isLost, steps, verdict } = session.step({ data, time: stamp });
    if (this.model.isWhole || hit !== undefined) this.planHit(hit, data, cycle);
    this.take(cycle);
    if (isLost) {
      counts.lose(this.lostAt, arrived);
      return;
    }
    counts.countAlone(this.options.hostCost, length, hit?.insnsProgram ?? steps, verdict);
    // The program may have made it longer or shorter.
    const leaves = session.runtime.machine.lane.packet.length;
    if (hit !== undefined || this.model.isWhole) {
      counts.hits++;
      moment.hits++;
      this.decided(arrived, leaves, verdict);
    } else {
      counts.misses++;
      moment.misses++;
      this.missed(arrived, leaves, verdict, steps);
    }
  }

  /** No more packets come: everything that is under way ends. */
  finish(): this {
    this.clock.finish();
    return this;
  }

  /** What a packet that the card decides costs it; those that the slow path holds up begin later. */
  private planHit(hit: TraceRecord | undefined, data: Uint8Array, cycle: number): void {
    const waits = hit !== undefined && this.slowUntil > this.begin && this.usesWritten(hit);
    this.stalled = waits ? Math.max(0, Math.ceil(this.slowUntil / this.period) - cycle) : 0;
    this.model.passage(hit, data, cycle + this.stalled, this.passage);
    this.plan(cycle);
  }

  /** When the packet is through, behind those before it. */
  private plan(cycle: number): void {
    const { waits, takes } = this.passage;
    this.exit = Math.max(this.lastExit, Math.round((cycle + this.stalled + waits + takes) * this.period));
  }

  private stalled = 0;
  private lostAt: 'link' | 'host' = 'host';

  /** The card has taken the packet: when it can take the next one. */
  private take(cycle: number): void {
    const { counts, passage, period, stalled } = this;
    this.lastExit = this.exit;
    this.freeCycle = cycle + stalled + passage.waits + passage.occupies;
    counts.cardBusy += (stalled + passage.waits + passage.occupies) * period;
    counts.stalls[passage.cause] += (passage.occupies - 1) * period;
    counts.stalls.hazard += passage.waits * period;
    counts.stalls.slow_path += stalled * period;
  }

  /** Does a trace use a map that a miss may write? */
  private usesWritten(record: TraceRecord): boolean {
    const { trace } = record;
    if (trace === undefined) return true;
    const known = this.waits.get(record);
    if (known?.trace === trace) return known.waits;
    const waits = mapsOf(trace).some((map) => this.written.has(map));
    this.waits.set(record, { trace, waits });
    return waits;
  }

  /** The card has decided the packet. */
  private decided(arrived: number, length: number, verdict: number): void {
    if (verdict === XDP_TX || verdict === XDP_REDIRECT) this.wayOut.at('hit', this.exit, arrived, length);
    else if (verdict !== XDP_PASS) this.deliver('hit', arrived, this.exit);
    else if (!this.up.queue.hasRoom(this.exit)) this.counts.lose('link', arrived);
    else this.deliver('hit', arrived, this.up.send(this.exit, packetBytes(length)));
  }

  /** A miss has left the card; the session asks before it runs. */
  reaches(): boolean {
    const { up, cores } = this;
    if (!up.queue.hasRoom(this.exit)) {
      this.lostAt = 'link';
      return false;
    }
    this.atHost = up.send(this.exit, packetBytes(this.session.runtime.machine.lane.packet.length));
    this.lostAt = 'host';
    return cores.admits(this.core, this.atHost);
  }

  /** See {@link Shipments.hasRoom}. */
  records(): boolean {
    return this.shipments.hasRoom;
  }

  /** The host has recorded the packet that runs. */
  recorded(start: Start, recording: Recording): void {
    this.counts.recorded++;
    this.recording = shipmentOf(start, recording);
  }

  /** A miss has run on the host. */
  private missed(arrived: number, length: number, verdict: number, steps: number): void {
    const { recording, clock } = this;
    const { packet, instruction } = this.options.hostCost;
    const ends = this.cores.run(this.core, this.atHost, Math.round((packet + steps * instruction) * nanosecond));
    if (this.written.size > 0) this.slowUntil = Math.max(this.slowUntil, ends + this.oneWay);
    if (verdict === XDP_TX || verdict === XDP_REDIRECT) clock.at(ends, this.returning, arrived, length);
    else this.deliver('miss', arrived, ends);
    if (recording !== undefined) this.shipments.record(ends, steps, recording);
  }

  /** A packet that the host sends comes over the link and goes out. */
  private giveBack(arrived: number, length: number): void {
    this.wayOut.at('miss', this.down.send(this.clock.now, packetBytes(length)), arrived, length);
  }

  private deliver(kind: 'hit' | 'miss', arrived: number, done: number): void {
    this.counts.deliver(kind, arrived, done);
    this.onDelivery?.(arrived, done);
  }

  /** Picoseconds of one way over the link, at the median. */
  private get oneWay(): number {
    return (numberOf(this.card, 'link.read_64') * nanosecond) / 2;
  }
}
