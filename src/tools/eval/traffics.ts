/**
 * The traffic of the evaluation. Everything is made from a seed; what is published is labelled with its source in
 * `src/packet/flow-sizes.ts`.
 */
import { flowSizeTables, generateTraffic, type TrafficOptions } from '../../packet/index.js';
import type { Arrival } from '../../runtime/index.js';

/** A kind of traffic. */
export interface TrafficRow {
  readonly name: string;
  readonly description: string;
  readonly options: TrafficOptions;
  /** Part of a quick run. */
  readonly quick: boolean;
}

/** Of every kind something: a program of which nothing is known finds what it looks for. */
const mixed: TrafficOptions = { vlan: 0.05, qinq: 0.1, malformed: 0.02, replies: 0.2, ipv6: 0.2 };

/** Flows of the kinds that do not end. */
const flows = 1000;
// A kind whose flows have sizes of a published table; 200 are under way at a time, and each ends for good.
const sized = (name: keyof typeof flowSizeTables): TrafficRow => ({
  name,
  description: `flows that end, sizes: ${flowSizeTables[name].source}`,
  options: { ...mixed, flowSizes: name, concurrency: 200 },
  quick: false,
});

/** Zipf exponents, in order. */
export const zipfExponents = [0.8, 1, 1.2, 1.4] as const;

/** All kinds, the plainest first. */
export const traffics: readonly TrafficRow[] = [
  { name: 'uniform', description: `${flows} flows, all alike`, options: { ...mixed, flows }, quick: true },
  ...zipfExponents.map((zipf) => ({
    name: `zipf-${zipf}`,
    description: `${flows} flows, the k-th with weight 1/k^${zipf}`,
    options: { ...mixed, flows, popularity: { zipf } },
    quick: zipf === 1,
  })),
  sized('web-search'),
  sized('data-mining'),
  sized('hadoop'),
  sized('storage'),
  {
    name: 'campus',
    description: 'flows that end, lengths in packets on a university uplink (arXiv 1809.03486)',
    options: { ...mixed, flowSizes: 'campus', concurrency: 200 },
    quick: true,
  },
];

/** What stands for realistic traffic where a program has none of its own. */
export const realistic = 'campus';

/** Packets of that kind; each has bytes of its own, so they may be kept. */
export function makeTraffic(options: TrafficOptions, packets: number, seed: number): Arrival[] {
  return Array.from(generateTraffic({ ...options, packets, seed }), ({ data, time }) => ({ data: data.slice(), time }));
}

/** Packets that find as many paths as possible: all header combinations there are, half of them damaged. */
export function probing(packets: number, seed: number): Arrival[] {
  const options: TrafficOptions = {
    flows: packets,
    vlan: 0.2,
    qinq: 0.3,
    ipv6: 0.4,
    malformed: 0.5,
    replies: 0.2,
    sizes: '7:64,3:90,1:300',
    protocols: { tcp: 0.4, udp: 0.35, icmp: 0.2, arp: 0.05 },
  };
  return makeTraffic(options, packets, seed);
}
