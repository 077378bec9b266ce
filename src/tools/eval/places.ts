/**
 * What a small card decides once it has seen some packets: a share of the packets behind {@link warmUp}, of runs that
 * record and evict as `jitnic trace` does. With regions a place holds the ways that state makes of one class of
 * packets; without them each way is a trace with a place of its own, and with `joins` false each side of a short
 * branch as well.
 */
import type { Subject } from '../../cli/check/subjects.js';
import { repeated } from '../../cli/check/traffic.js';
import type { ProgramSpec } from '../../object/index.js';
import { type Arrival, Session } from '../../runtime/index.js';

/** Packets that come before those that are counted. */
export const warmUp = 1000;
/** Places of the card. */
export const cardPlaces = 16;
/** The share that they are to decide. */
export const wantedShare = 0.99;

/** A run with one kind of card. */
interface PlacesRun {
  /** Share of the packets behind the warm-up that the card decided, from 0 to 1. */
  readonly share: number;
  /** Places that were taken in the end, traces in them, and values of these. */
  readonly places: number;
  readonly traces: number;
  readonly values: number;
}

/** The same packets on cards of {@link cardPlaces} places. */
export interface PlacesResult {
  readonly regions: PlacesRun;
  readonly traces: PlacesRun;
  readonly unjoined: PlacesRun;
}

/** Runs `packets` of the arrivals behind the warm-up; they are played again, time going on, where they are fewer. */
export function measurePlaces(
  subject: Subject,
  program: ProgramSpec,
  arrivals: readonly Arrival[],
  packets: number,
): PlacesResult {
  const run = (regions: boolean, joins: boolean): PlacesRun => {
    const session = new Session(subject.object, program, {
      ...(subject.maps === undefined ? {} : { maps: subject.maps }),
      cacheSize: cardPlaces,
      keepConditions: false,
      compiled: false,
      regions,
      limits: { joins },
    });
    const { runtime } = session;
    let before = 0;
    let ran = 0;
    for (const { data, time } of repeated(arrivals, warmUp + packets)) {
      if (ran++ === warmUp) before = runtime.hits;
      session.run({ data, time });
    }
    const installed = runtime.cache?.regions.flatMap(({ traces }) => traces) ?? [];
    return {
      share: (runtime.hits - before) / Math.max(1, packets),
      places: runtime.cache?.length ?? 0,
      traces: installed.length,
      values: installed.reduce((sum, { trace }) => sum + trace.code.values.length, 0),
    };
  };
  return { regions: run(true, true), traces: run(false, true), unjoined: run(false, false) };
}
