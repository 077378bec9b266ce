/** What a timed run counts: packets and where they were lost, latencies, stalls, and all of it over time. */

import { XDP_REDIRECT, XDP_TX } from '../platform/index.js';
import { type StallCause, stallCauses } from './card-model.js';
import { nanosecond } from './event-clock.js';
import { Histogram } from './histogram.js';
import type { EngineCost } from './host-costs.js';
import { packetBytes, transactionsOf } from './link.js';

/** Where a packet can be lost: in front of the card, of the link, of a host core, behind the card. */
export const lossPlaces = ['card', 'link', 'host', 'out'] as const;

/** One of {@link lossPlaces}. */
export type LossPlace = (typeof lossPlaces)[number];

/** Counts of a stretch of time. */
export interface Moment {
  /** Picoseconds from the start of the run to that of the stretch. */
  readonly from: number;
  offered: number;
  hits: number;
  misses: number;
  lost: number;
  installs: number;
}

const mostMoments = 64;

/**
 * Counts over time, in stretches that are all as long. When there are too many, neighbours become one and stretches
 * twice as long, so memory stays flat for a run of any length.
 */
export class TimeLine {
  readonly moments: Moment[] = [];
  /** Picoseconds of a stretch. */
  step = 1_000_000;

  /** The stretch that `time` falls in. */
  at(time: number): Moment {
    while (time >= this.step * mostMoments) this.halve();
    const index = Math.floor(time / this.step);
    for (let i = this.moments.length; i <= index; i++) this.moments.push(emptyMoment(i * this.step));
    return this.moments[index] as Moment;
  }

  private halve(): void {
    const old = this.moments.splice(0);
    this.step *= 2;
    for (let i = 0; i < old.length; i += 2) {
      const first = old[i] as Moment;
      const second = old[i + 1] ?? emptyMoment(0);
      this.moments.push({
        from: first.from,
        offered: first.offered + second.offered,
        hits: first.hits + second.hits,
        misses: first.misses + second.misses,
        lost: first.lost + second.lost,
        installs: first.installs + second.installs,
      });
    }
  }
}

function emptyMoment(from: number): Moment {
  return { from, offered: 0, hits: 0, misses: 0, lost: 0, installs: 0 };
}

/** Everything that is counted packet by packet; times in picoseconds. */
export class TimedCounts {
  offered = 0;
  offeredBytes = 0;
  /** Through: decided, and out or handed to the host's stack. */
  delivered = 0;
  /** When the last packet came, and when the last one was through. */
  lastArrival = 0;
  lastDelivery = 0;
  hits = 0;
  misses = 0;
  recorded = 0;
  /** Recordings of a path whose trace was on its way already. */
  repeated = 0;
  readonly lost: Record<LossPlace, number> = { card: 0, link: 0, host: 0, out: 0 };
  readonly latency: Readonly<Record<'hit' | 'miss', Histogram>> = { hit: new Histogram(), miss: new Histogram() };
  /** What kept the next packet waiting in front of the card. */
  readonly stalls: Record<StallCause, number> = Object.fromEntries(stallCauses.map((cause) => [cause, 0])) as Record<
    StallCause,
    number
  >;
  /** Picoseconds that the card was taken, stalls included. */
  cardBusy = 0;
  recorderBusy = 0;
  tableBusy = 0;
  /** What the host's cores would have spent, had all these packets gone to them. */
  hostAlone = 0;
  /** Bytes and transactions of the link if all these packets had gone to the host. */
  aloneBytes = 0;
  aloneTransactions = 0;
  installBytes = 0;
  readonly timeline: TimeLine = new TimeLine();

  /** A packet has arrived. */
  arrive(arrived: number, length: number): Moment {
    const moment = this.timeline.at(arrived);
    this.offered++;
    this.offeredBytes += length;
    this.lastArrival = arrived;
    moment.offered++;
    return moment;
  }

  /** What a packet would have cost without a card. */
  countAlone({ packet, instruction }: EngineCost, length: number, steps: number, verdict: number): void {
    const ways = verdict === XDP_TX || verdict === XDP_REDIRECT ? 2 : 1;
    const bytes = packetBytes(length);
    this.hostAlone += (packet + steps * instruction) * nanosecond;
    this.aloneBytes += ways * bytes;
    this.aloneTransactions += ways * transactionsOf(bytes);
  }

  /** A packet is through. */
  deliver(kind: 'hit' | 'miss', arrived: number, time: number): void {
    this.delivered++;
    this.latency[kind].add(time - arrived);
    if (time > this.lastDelivery) this.lastDelivery = time;
  }

  lose(place: LossPlace, arrived: number): void {
    this.lost[place]++;
    this.timeline.at(arrived).lost++;
  }
}
