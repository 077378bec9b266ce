/**
 * What card and host get done where protocols keep their maps in step: a run with a clock for each example, protocol,
 * share of misses, popularity of flows and link. Which packets miss is drawn, so that shares are what they are called;
 * packets come from the example's capture, flow by flow, each flow as often as its popularity says, at the port's
 * rate.
 */

import { InternalError } from '../../base/index.js';
import { type SharedMap, shareMaps, TwoSides } from '../../coherence/index.js';
import { shippedCard } from '../../nic/index.js';
import type { ObjectSpec, ProgramSpec } from '../../object/index.js';
import { Prng } from '../../packet/index.js';
import { type Arrival, flowHash } from '../../runtime/index.js';
import { CoherentRun, cardModel, parseHostCost, parseRate } from '../../sim/index.js';
import type { Machine } from '../../vm/index.js';

/** How often flows have packets: by Zipf's law with that exponent, or nine of ten packets are one flow's. */
export type Popularity = number | 'hot';

/** Shares of misses, popularities: what a full run goes through. */
export const shares: readonly number[] = [0.001, 0.01, 0.05, 0.2];
/** By Zipf's law from even to steep, and one hot flow. */
export const popularities: readonly Popularity[] = [0, 1, 1.4, 'hot'];

/** An example, open. */
export interface Subject {
  readonly name: string;
  readonly object: ObjectSpec;
  readonly program: ProgramSpec;
  readonly arrivals: readonly Arrival[];
  readonly fill: (machine: Machine) => void;
}

/** Where a cell stands. */
export interface CellPlace {
  readonly example: string;
  /** 0 to 1. */
  readonly misses: number;
  readonly popularity: Popularity;
  readonly link: 'PCIe' | 'coherent';
}

/** What came of one run. */
export interface Outcome {
  /** `none`: each side for itself. `chosen`: what {@link shareMaps} says. Else the protocol of all maps that it can
   * carry. */
  readonly protocol: string;
  /** Millions of packets a second that are through: see {@link pace}. */
  readonly mpps: number;
  /** Protocols of its maps, in order: equal ones have equal outcomes. */
  readonly maps: string;
  /** Means, in ns. */
  readonly hit: number;
  readonly miss: number;
}

/** A cell: its outcomes, `none` first, then `chosen`, then protocols that differ from it. */
export interface FigureCell extends CellPlace {
  /** Millions of packets a second that come. */
  readonly offered: number;
  readonly outcomes: readonly Outcome[];
}

const cards = { PCIe: 'pipeline', coherent: 'pipeline-coherent' } as const;
const protocols = ['migrate', 'replay', 'device-home', 'host-home', 'stall'] as const;

/** Where figures are taken: in the middle; on the lines through it; everywhere; where a file has them already. */
export const placeSets = ['few', 'lines', 'all', 'kept'] as const;

/** The places of a set, in the order in which they are shown. */
export function placesOf(set: Exclude<(typeof placeSets)[number], 'kept'>): readonly Omit<CellPlace, 'example'>[] {
  const all = (['PCIe', 'coherent'] as const).flatMap((link) =>
    popularities.flatMap((popularity) => shares.map((misses) => ({ misses, popularity, link }))),
  );
  const isMiddle = [
    ({ link }: CellPlace) => link === 'PCIe',
    ({ popularity }: CellPlace) => popularity === 1,
    ({ misses }: CellPlace) => misses === 0.01,
  ];
  const most = { few: 0, lines: 1, all: 3 }[set];
  return all.filter((place) => {
    const off = isMiddle.filter((is) => !is({ example: '', ...place })).length;
    // Behind a coherent link, with all shares of misses as well.
    return off <= most || (set === 'lines' && place.link === 'coherent' && place.popularity === 1);
  });
}

/**
 * All outcomes of a cell, over so many packets. They come as fast as they are through where each side has maps of its
 * own and the port is full: so what falls behind does so on account of its protocol.
 */
export function figureCell(
  subject: Subject,
  place: Omit<CellPlace, 'example'>,
  packets: number,
  known?: FigureCell,
): FigureCell {
  const chosen = shareMaps(subject.object);
  const wanted: readonly (readonly [string, readonly SharedMap[]])[] = [
    ['none', chosen.map((map) => ({ ...map, protocol: undefined, possible: [] }))],
    ['chosen', chosen],
    ...protocols.map((name): [string, readonly SharedMap[]] => [
      name,
      chosen.map((map) => (map.possible.includes(name) ? { ...map, protocol: name } : map)),
    ]),
  ];
  const offered = known?.offered ?? outcomeOf(subject, place, wanted[0]?.[1] ?? [], packets, '100%').mpps;
  const outcomes: Outcome[] = [];
  for (const [protocol, shared] of wanted) {
    const maps = shared.map((map) => map.protocol ?? '').join();
    const same = [...outcomes, ...(known?.outcomes ?? [])].find((each) => each.maps === maps);
    // Where the host decides everything the card does so little that a tenth of the packets shows it.
    const few = protocol === 'host-home' ? Math.ceil(packets / 10) : packets;
    const outcome = same ?? outcomeOf(subject, place, shared, few, `${offered.toFixed(3)}Mpps`);
    outcomes.push({ ...outcome, protocol, maps });
  }
  return { example: subject.name, ...place, offered, outcomes };
}

function outcomeOf(
  { object, program, fill, arrivals }: Subject,
  { misses, popularity, link }: Omit<CellPlace, 'example'>,
  shared: readonly SharedMap[],
  packets: number,
  rate: string,
): Outcome {
  const card = shippedCard(cards[link]);
  if (card === undefined) throw new InternalError('coherence', `no card ${cards[link]}`);
  const options = {
    card,
    model: cardModel(card, program),
    rate: parseRate(rate),
    hostCores: 4,
    hostQueue: 512,
    hostCost: parseHostCost('kernel'),
    seed: 1n,
  };
  const run = new CoherentRun(options, (hooks) => {
    return new TwoSides(object, object.programs.indexOf(program), { ...hooks, shared, fill });
  });
  const through: number[] = [];
  run.onDelivery = (_, done) => through.push(done);
  const random = new Prng(5);
  for (const { data, time, flow } of byPopularity(arrivals, popularity, packets, random))
    run.packet({ data, now: time }, time, flow, random.float() >= misses);
  run.finish();
  const { hit, miss } = run.counts.latency;
  return { protocol: '', maps: '', mpps: pace(through), hit: hit.mean / 1000, miss: miss.mean / 1000 };
}

/**
 * Millions a second, from picoseconds: of the packets behind the first quarter, when queues are as full as they get,
 * to those before the last tenth, which are few and late.
 */
function pace(through: number[]): number {
  through.sort((a, b) => a - b);
  const [from, to] = [Math.floor(0.25 * through.length), Math.floor(0.9 * through.length)];
  return ((to - from) / ((through[to] ?? 0) - (through[from] ?? 0))) * 1e6;
}

interface Drawn {
  readonly data: Uint8Array;
  readonly time: bigint;
  readonly flow: number;
}

/** Packets of flows, drawn; a flow's own come in order, again and again. Times go on as in the capture on average. */
function* byPopularity(
  arrivals: readonly Arrival[],
  popularity: Popularity,
  packets: number,
  random: Prng,
): Generator<Drawn> {
  const flows = new Map<number, Arrival[]>();
  for (const arrival of arrivals) {
    const flow = flowHash(arrival.data, 0, arrival.data.length);
    const known = flows.get(flow);
    if (known === undefined) flows.set(flow, [arrival]);
    else known.push(arrival);
  }
  const list = [...flows];
  const weight = (rank: number): number =>
    popularity === 'hot' ? (rank === 0 ? 9 * (list.length - 1) : 1) : 1 / (rank + 1) ** popularity;
  let sum = 0;
  const sums = list.map((_, rank) => {
    sum += weight(rank);
    return sum;
  });
  const next = new Map<number, number>();
  const start = arrivals[0]?.time ?? 0n;
  const gap = ((arrivals.at(-1)?.time ?? start) - start) / BigInt(arrivals.length);
  for (let i = 0; i < packets; i++) {
    const wanted = random.float() * sum;
    const [flow, own] = list[sums.findIndex((upTo) => upTo > wanted)] as [number, Arrival[]];
    const at = next.get(flow) ?? 0;
    next.set(flow, at + 1);
    yield { data: (own[at % own.length] as Arrival).data, time: start + gap * BigInt(i), flow };
  }
}
