/**
 * The driver with a clock where card and host have maps of their own and protocols keep them in step: what packets
 * meet on their way is what {@link TimedRun} has, and the messages of the protocols besides.
 *
 *     wire -> queue -> card: done there        -> out (TX, REDIRECT), to the host's memory (PASS), or gone
 *                          : has to wait       -> a place among those that wait -> through the card again
 *                          : no trace          -> link -> core's queue -> runs, may wait for the card -> done
 *
 * What a packet does is done in one instant, as the protocols have it (src/coherence); when that is over, on the card
 * or on a core, follows from what it took there. What it tells the other side leaves then. A packet that has waited
 * goes through the card's stages again, and a packet whose run on the host was undone takes its core again.
 *
 * While as many packets wait as the card has places (`hazards.parked`), it takes no other: that is its stall. Messages
 * are a traffic class of their own on the link, before packets. While others are on their way to it, messages gather,
 * and go together as far as a transfer carries them. The host takes them one by one, at `link.message` of a core each.
 */
import { InternalError } from '../base/index.js';
import {
  type Decision,
  type Message,
  messageBytes,
  type Parcel,
  type Side,
  type TwoSides,
} from '../coherence/index.js';
import { type CardDescription, numberOf } from '../nic/index.js';
import { XDP_PASS, XDP_REDIRECT, XDP_TX } from '../platform/index.js';
import { flowHash, type TraceRecord } from '../runtime/index.js';
import type { PacketInput } from '../vm/index.js';
import { Arrivals, type Wire } from './arrivals.js';
import { BoundedQueue } from './bounded-queue.js';
import type { CardModel, Passage } from './card-model.js';
import { EventClock, type EventKind, nanosecond } from './event-clock.js';
import { HostCores } from './host-cores.js';
import { Link, packetBytes } from './link.js';
import { TimedCounts } from './timed-counts.js';
import type { DeliveryObserver, TimedOptions } from './timed-run.js';
import { WayOut } from './way-out.js';

/** Bytes of a transfer that messages gather for: the usual payload of a PCIe packet. */
const mostGathered = 256;
/** Bytes of the word that a packet is done. */
const doneBytes = 16;

/** What the run asks of whoever knows traces. */
export interface TraceSource {
  /** Has the card a trace for the packet as things stand there? Asked of packets that would have to wait to be run. */
  wouldHit(input: PacketInput, number: number): boolean;
  /** The trace that decided a packet in its last run on the card. */
  hitOf(number: number): TraceRecord | undefined;
  /** A packet has been decided: on the card, or on the host, by a run that ended at `ends`. */
  decided(number: number, side: Side, decision: Decision, ends: number): void;
}

/** Everything about packets that are under way. */
interface Flight {
  readonly arrived: number;
  readonly length: number;
  readonly data: Uint8Array;
  readonly core: number;
  /** When what it did last is over. */
  ready: number;
  isOnCard: boolean;
  /** It takes one of the places of those that wait. */
  isParked: boolean;
}

/** How a run is made. */
export interface CoherentOptions extends TimedOptions {
  readonly card: CardDescription;
  readonly model: CardModel;
  /** Undefined: the caller says of each packet whether it is a hit. */
  readonly traces?: TraceSource | undefined;
}

/** What {@link CoherentRun} has to be told by the two sides. */
export interface CoherentHooks {
  readonly carry: (parcel: Parcel) => void;
  readonly onRun: (number: number, side: Side, decision: Decision) => void;
  readonly onDone: (number: number) => void;
}

/** One run. {@link packet} for each packet, then {@link finish}. */
export class CoherentRun {
  readonly card: CardDescription;
  readonly options: CoherentOptions;
  readonly counts: TimedCounts = new TimedCounts();
  readonly arrivals: Arrivals;
  readonly up: Link;
  readonly down: Link;
  readonly cores: HostCores;
  private readonly wayOut: WayOut;
  readonly clock: EventClock = new EventClock();
  readonly sides: TwoSides;
  /** Messages of protocols by kind, packets and words that they are done left out. */
  readonly messages: Map<Message['kind'], number> = new Map();
  onDelivery: DeliveryObserver | undefined;
  private readonly input: BoundedQueue;
  private readonly period: number;
  private readonly places: number;
  private readonly messageCost: number;
  private readonly passage: Passage = { occupies: 1, waits: 0, takes: 1, cause: 'frame' };
  private readonly events: Readonly<
    Record<'departs' | 'atHost' | 'serves' | 'goes' | 'flushes' | 'comes' | 'told', EventKind>
  >;
  private readonly flights = new Map<number, Flight>();
  private readonly fifos: number[][];
  private readonly isServing: boolean[];
  private readonly parcels = new Map<number, { readonly parcel: Parcel; readonly bytes: number }>();
  private readonly outboxes: { readonly [side in Side]: number[] } = { card: [], host: [] };
  private parcelCount = 0;
  private freeCycle = 0;
  private lastExit = 0;
  private waiting = 0;
  /** The packet that comes now and has not gone through the card yet, and the cycle in which it begins. */
  private coming: { readonly flight: Flight; readonly cycle: number } | undefined;
  /** When what is being told now may leave its side. */
  private tellAt = 0;

  /** `make` builds the two sides, with what they are to tell the run. */
  constructor(options: CoherentOptions, make: (hooks: CoherentHooks) => TwoSides) {
    const { card, rate, seed, hostCores, hostQueue } = options;
    this.card = card;
    this.options = options;
    this.period = 1e6 / numberOf(card, 'clock');
    this.places = Math.max(1, numberOf(card, 'hazards.parked'));
    this.messageCost = Math.round(numberOf(card, 'link.message') * nanosecond);
    const port = numberOf(card, 'mac.rate');
    this.arrivals = new Arrivals(rate, port, seed);
    this.input = new BoundedQueue(numberOf(card, 'mac.queue'));
    this.up = new Link(card, seed ^ 0x7570n);
    this.down = new Link(card, seed ^ 0x646f_776en);
    this.cores = new HostCores(hostCores, hostQueue);
    this.fifos = Array.from({ length: hostCores }, () => []);
    this.isServing = this.fifos.map(() => false);
    const { clock } = this;
    this.wayOut = new WayOut(card, clock, this.counts, (kind, arrived, done) => this.deliver(kind, arrived, done));
    this.events = {
      departs: clock.on((number) => this.depart(number)),
      atHost: clock.on((number) => this.reachHost(number)),
      serves: clock.on((core) => this.serve(core)),
      goes: clock.on((id) => this.go(id)),
      flushes: clock.on((isUp) => this.flush(isUp === 1 ? 'host' : 'card')),
      comes: clock.on((id) => this.come(id)),
      told: clock.on((id) => this.read(id)),
    };
    this.sides = make({
      carry: (parcel) => this.carry(parcel),
      onRun: (number, side, decision) => this.ran(number, side, decision),
      onDone: (number) => this.done(number),
    });
  }

  /** The wire that packets leave by. */
  get out(): Wire {
    return this.wayOut.wire;
  }

  /** A packet comes. `isHit`: the card has a trace for it; without {@link CoherentOptions.traces} it is so. */
  packet(input: PacketInput, stamp: bigint, flow: number, isHit: boolean): void {
    const { counts, clock, period, sides } = this;
    const { data } = input;
    const { length } = data;
    const arrived = this.arrivals.arrival(length, stamp);
    counts.arrive(arrived, length);
    if (!this.input.hasRoom(arrived)) {
      counts.lose('card', arrived);
      return;
    }
    clock.advance(Math.max(arrived, Math.round(this.freeCycle * period)));
    const free = clock.now;
    this.waitForPlace();
    counts.stalls.slow_path += clock.now - free;
    const cycle = Math.max(Math.ceil(clock.now / period), this.freeCycle);
    const begin = Math.max(clock.now, Math.round(cycle * period));
    clock.advance(begin);
    this.input.enter(arrived, begin);
    const core = flowHash(data, 0, length) % this.cores.count;
    const flight: Flight = { arrived, length, data, core, ready: begin, isOnCard: true, isParked: false };
    const number = sides.next;
    this.flights.set(number, flight);
    this.coming = { flight, cycle };
    this.tellAt = 0;
    const { traces } = this.options;
    const isTried = traces === undefined || sides.dispatcher.isFree(flow);
    sides.packet(input, flow, isTried ? isHit : traces.wouldHit(input, number));
    this.passUndone();
    if (!flight.isOnCard) return;
    flight.isParked = true;
    this.waiting++;
  }

  /** No more packets come: everything that is under way ends. */
  finish(): this {
    this.clock.finish();
    if (!this.sides.dispatcher.isIdle) throw new InternalError('coherence', 'packets are under way for ever');
    return this;
  }

  /** Time passes while there is no place for one more that may have to wait. */
  private waitForPlace(): void {
    while (this.waiting >= this.places || this.parcels.size > this.up.queue.capacity)
      if (!this.clock.step()) throw new InternalError('coherence', `${this.waiting} packets wait, and nothing comes`);
  }

  /** A packet goes through the card, from that cycle on, by {@link passage}; when it is through. */
  private pass(flight: Flight, cycle: number): void {
    const { passage, counts, period } = this;
    const { waits, takes, occupies, cause } = passage;
    this.lastExit = Math.max(this.lastExit, Math.round((cycle + waits + takes) * period));
    flight.ready = this.lastExit;
    this.freeCycle = cycle + waits + occupies;
    counts.cardBusy += (waits + occupies) * period;
    counts.stalls[cause] += (occupies - 1) * period;
    counts.stalls.hazard += waits * period;
  }

  /** A packet has been run, and what it did may be kept. */
  private ran(number: number, side: Side, decision: Decision): void {
    const { clock, period, passage } = this;
    const flight = this.flights.get(number);
    if (flight === undefined) return;
    if (side === 'host') {
      const { packet, instruction } = this.options.hostCost;
      const takes = Math.round((packet + decision.steps * instruction) * nanosecond);
      flight.ready = this.cores.busyFor(flight.core, clock.now, takes);
    } else {
      const { coming } = this;
      const isFirst = coming?.flight === flight;
      const cycle = isFirst ? coming.cycle : Math.max(Math.ceil(clock.now / period), this.freeCycle);
      this.options.model.passage(this.options.traces?.hitOf(number), flight.data, cycle, passage);
      this.pass(flight, cycle);
      if (isFirst) this.coming = undefined;
    }
    this.tellAt = flight.ready;
  }

  /** The packet that comes goes through the card, and nothing is done there. */
  private passUndone(): void {
    const { coming, passage } = this;
    if (coming === undefined) return;
    this.coming = undefined;
    this.options.model.missed(coming.flight.length, passage);
    this.pass(coming.flight, coming.cycle);
  }

  /** A packet is decided, and its side knows it. */
  private done(number: number): void {
    const { counts, clock, options } = this;
    const flight = this.flights.get(number);
    const decision = this.sides.decision(number);
    if (flight === undefined || decision === undefined) return;
    const side = this.sides.sideOf(number);
    const { arrived, length } = flight;
    const { verdict, bytes } = decision;
    this.offCard(flight);
    this.flights.delete(number);
    const ends = Math.max(clock.now, flight.ready);
    counts.countAlone(options.hostCost, length, options.traces?.hitOf(number)?.insnsProgram ?? decision.steps, verdict);
    const moment = counts.timeline.at(arrived);
    if (side === 'card') {
      counts.hits++;
      moment.hits++;
    } else {
      counts.misses++;
      moment.misses++;
    }
    options.traces?.decided(number, side, decision, ends);
    const isSent = verdict === XDP_TX || verdict === XDP_REDIRECT;
    const kind = side === 'card' ? 'hit' : 'miss';
    if (isSent && side === 'card') this.wayOut.at('hit', ends, arrived, bytes.length);
    else if (isSent) {
      // A transfer of its own, behind what is gathered.
      this.wayOut.at('miss', this.down.send(ends, packetBytes(bytes.length)), arrived, bytes.length);
    } else if (verdict !== XDP_PASS || side === 'host') this.deliver(kind, arrived, ends);
    else if (!this.up.queue.hasRoom(ends)) counts.lose('link', arrived);
    else this.deliver(kind, arrived, this.up.send(ends, packetBytes(bytes.length)));
    // What is told on its account leaves when it is through.
    this.tellAt = ends;
  }

  private deliver(kind: 'hit' | 'miss', arrived: number, done: number): void {
    this.counts.deliver(kind, arrived, done);
    this.onDelivery?.(arrived, done);
  }

  private offCard(flight: Flight): void {
    flight.isOnCard = false;
    if (!flight.isParked) return;
    flight.isParked = false;
    this.waiting--;
  }

  // The link.

  private carry(parcel: Parcel): void {
    const { clock, events } = this;
    if (parcel.kind === 'packet') {
      const flight = this.flights.get(parcel.age);
      if (flight === undefined) throw new InternalError('coherence', `packet ${parcel.age} is not under way`);
      if (flight === this.coming?.flight) this.passUndone();
      this.offCard(flight);
      clock.at(Math.max(clock.now, flight.ready), events.departs, parcel.age);
      return;
    }
    if (parcel.kind === 'message')
      this.messages.set(parcel.message.kind, (this.messages.get(parcel.message.kind) ?? 0) + 1);
    const id = this.parcelCount++;
    const bytes = parcel.kind === 'done' ? doneBytes : messageBytes(parcel.message);
    this.parcels.set(id, { parcel, bytes });
    clock.at(Math.max(clock.now, this.tellAt), events.goes, id);
  }

  /** A miss is at the link. */
  private depart(number: number): void {
    const { up, clock } = this;
    const { length } = this.flights.get(number) as Flight;
    if (!up.queue.hasRoom(clock.now)) this.lose(number, 'link');
    else clock.at(up.send(clock.now, packetBytes(length)), this.events.atHost, number);
  }

  private reachHost(number: number): void {
    const { core } = this.flights.get(number) as Flight;
    const fifo = this.fifos[core] as number[];
    if (fifo.length >= this.options.hostQueue) {
      this.lose(number, 'host');
      return;
    }
    fifo.push(number);
    if (this.isServing[core] === true) return;
    this.isServing[core] = true;
    this.clock.at(Math.max(this.clock.now, this.cores.freeAt(core)), this.events.serves, core);
  }

  /** A core may take the next packet. */
  private serve(core: number): void {
    const { clock, cores } = this;
    const fifo = this.fifos[core] as number[];
    if (cores.freeAt(core) <= clock.now) {
      const number = fifo.shift();
      if (number !== undefined) this.tell({ to: 'host', kind: 'packet', age: number });
    }
    if (fifo.length > 0) clock.at(Math.max(clock.now, cores.freeAt(core)), this.events.serves, core);
    else this.isServing[core] = false;
  }

  private lose(number: number, place: 'link' | 'host'): void {
    const flight = this.flights.get(number) as Flight;
    this.counts.lose(place, flight.arrived);
    this.flights.delete(number);
    this.tellAt = 0;
    this.sides.lose(number);
  }

  /** A message may leave: at once, or with others when the link is free. */
  private go(id: number): void {
    const { to } = (this.parcels.get(id) as { readonly parcel: Parcel }).parcel;
    const outbox = this.outboxes[to];
    outbox.push(id);
    if (outbox.length > 1) return;
    const link = to === 'host' ? this.up : this.down;
    this.clock.at(Math.max(this.clock.now, link.freeAhead), this.events.flushes, to === 'host' ? 1 : 0);
  }

  private flush(to: Side): void {
    const { clock, events } = this;
    const outbox = this.outboxes[to];
    const link = to === 'host' ? this.up : this.down;
    const bytesOf = (id: number): number => this.parcels.get(id)?.bytes ?? 0;
    let bytes = 0;
    let count = 0;
    while (count < outbox.length && (count === 0 || bytes + bytesOf(outbox[count] as number) <= mostGathered))
      bytes += bytesOf(outbox[count++] as number);
    const arrives = link.sendAhead(clock.now, bytes);
    for (const id of outbox.splice(0, count)) clock.at(arrives, events.comes, id);
    if (outbox.length > 0) clock.at(Math.max(clock.now, link.freeAhead), events.flushes, to === 'host' ? 1 : 0);
  }

  /** A message is at its side; on the host a core has to look at it. */
  private come(id: number): void {
    const { clock, cores, messageCost } = this;
    const { parcel } = this.parcels.get(id) as { readonly parcel: Parcel };
    if (parcel.to === 'card' || messageCost === 0) this.read(id);
    else clock.at(cores.busyFor(id % cores.count, clock.now, messageCost), this.events.told, id);
  }

  private read(id: number): void {
    const { parcel } = this.parcels.get(id) as { readonly parcel: Parcel };
    this.parcels.delete(id);
    this.tell(parcel);
  }

  private tell(parcel: Parcel): void {
    this.tellAt = 0;
    this.sides.deliver(parcel);
  }
}
