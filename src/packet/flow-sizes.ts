/**
 * How large flows are: published measurements as data, and samplers for them. Sizes in bytes with cumulative
 * probability, linear between the points, re-typed from the papers by way of the generators that their authors
 * published.
 */

import type { Prng } from './prng.js';

/** A measured distribution of flow sizes. */
export interface FlowSizeTable {
  readonly source: string;
  /** Mean of the piecewise linear distribution, in bytes. */
  readonly mean: number;
  readonly points: readonly (readonly [bytes: number, cumulative: number])[];
}

/** Published distributions of flow sizes, by name. */
export type FlowSizeTableName = 'web-search' | 'data-mining' | 'hadoop' | 'storage';

/**
 * The distributions with their sources. `mean` is the paper's own, in bytes; points are bytes and cumulative
 * probability.
 */
export const flowSizeTables: Readonly<Record<FlowSizeTableName, FlowSizeTable>> = {
  'web-search': {
    source: 'Alizadeh et al., Data Center TCP (DCTCP), SIGCOMM 2010',
    mean: 1_711_250,
    points: [
      [0, 0],
      [10e3, 0.15],
      [20e3, 0.2],
      [30e3, 0.3],
      [50e3, 0.4],
      [80e3, 0.53],
      [200e3, 0.6],
      [1e6, 0.7],
      [2e6, 0.8],
      [5e6, 0.9],
      [10e6, 0.97],
      [30e6, 1],
    ],
  },
  'data-mining': {
    source: 'Greenberg et al., VL2, SIGCOMM 2009; as in Alizadeh et al., pFabric, SIGCOMM 2013',
    mean: 12_658_199,
    points: [
      [0, 0],
      [180, 0.1],
      [216, 0.2],
      [560, 0.3],
      [900, 0.4],
      [1100, 0.5],
      [1870, 0.6],
      [3160, 0.7],
      [10e3, 0.8],
      [400e3, 0.9],
      [3.16e6, 0.95],
      [100e6, 0.98],
      [1e9, 1],
    ],
  },
  hadoop: {
    source:
      "Roy et al., Inside the Social Network's (Datacenter) Network, SIGCOMM 2015; as in Li et al., HPCC, SIGCOMM 2019",
    mean: 120_421,
    points: [
      [0, 0],
      [100, 0.01],
      [200, 0.02],
      [300, 0.05],
      [350, 0.15],
      [400, 0.2],
      [500, 0.3],
      [600, 0.4],
      [700, 0.5],
      [1000, 0.6],
      [2000, 0.67],
      [7000, 0.7],
      [30e3, 0.72],
      [50e3, 0.82],
      [80e3, 0.87],
      [120e3, 0.9],
      [300e3, 0.95],
      [1e6, 0.975],
      [2e6, 0.99],
      [10e6, 1],
    ],
  },
  storage: {
    source: 'AliStorage 2019; Li et al., HPCC, SIGCOMM 2019',
    mean: 40_870,
    points: [
      [0, 0],
      [4000, 0.2293],
      [8000, 0.6921],
      [16e3, 0.8061],
      [32e3, 0.9047],
      [64e3, 0.9353],
      [128e3, 0.9677],
      [256e3, 0.9753],
      [2e6, 1],
    ],
  },
};

/**
 * Packets per flow on a university's Internet uplink (AGH Krakow 2015, 4.03 G flows; Jurkiewicz et al., arXiv
 * 1809.03486): a mixture of discrete uniforms U(0, n), rounded up to whole packets, and lognormals LN(sigma, scale).
 */
export const campusMixture: readonly CampusComponent[] = [
  { weight: 0.30503, uniform: 1 },
  { weight: 0.24842, uniform: 2 },
  { weight: 0.06366, uniform: 3 },
  { weight: 0.04922, uniform: 4 },
  { weight: 0.00932, uniform: 5 },
  { weight: 0.08217, uniform: 6 },
  { weight: 0.13126, sigma: 0.5207, scale: 7.8056 },
  { weight: 0.07329, sigma: 0.7702, scale: 22.1097 },
  { weight: 0.02929, sigma: 1.1253, scale: 128.645 },
  { weight: 0.00835, sigma: 1.9838, scale: 1084.47 },
];

/**
 * A part of the campus mixture: uniform up to a number of packets, or lognormal with `sigma` and `scale` in packets.
 * Weights add up to 1.
 */
export type CampusComponent =
  | { readonly weight: number; readonly uniform: number }
  | { readonly weight: number; readonly sigma: number; readonly scale: number };

/** Shares of flows by protocol and the mean packet in the same measurement. */
export const campusProtocols = { tcp: 0.5385, udp: 0.4309, icmp: 0.0306, arp: 0 } as const;
/** Mean frame size of that trace, in bytes; turns flow sizes in bytes into packets. */
export const campusMeanPacket = 870.6;

/** A flow's size in whole bytes, at least 1. */
export function drawFlowBytes(table: FlowSizeTable, random: Prng): number {
  const u = random.float();
  let [lowBytes, lowShare] = [0, 0];
  for (const [bytes, share] of table.points) {
    if (u < share) return Math.max(1, Math.ceil(lowBytes + ((u - lowShare) / (share - lowShare)) * (bytes - lowBytes)));
    [lowBytes, lowShare] = [bytes, share];
  }
  return lowBytes;
}

/** A flow's length in packets, at least 1. */
export function drawCampusPackets(random: Prng): number {
  let u = random.float();
  for (const component of campusMixture) {
    u -= component.weight;
    if (u >= 0) continue;
    if ('uniform' in component) return Math.max(1, Math.ceil(random.float() * component.uniform));
    // Rounded to the nearest: the source leaves it open, and so the published check points are met.
    return Math.max(1, Math.round(component.scale * Math.exp(component.sigma * random.normal())));
  }
  return 1;
}

/**
 * Draws from weights in constant time: Walker's alias method in Vose's form (IEEE Trans. Software Eng. 17(9), 1991).
 */
export class WeightedChoice {
  private readonly keep: Float64Array;
  private readonly alias: Uint32Array;

  constructor(weights: Float64Array) {
    const count = weights.length;
    let total = 0;
    for (const weight of weights) total += weight;
    this.keep = new Float64Array(count).fill(1);
    this.alias = new Uint32Array(count);
    const scaled = weights.map((weight) => (weight * count) / total);
    const small: number[] = [];
    const large: number[] = [];
    for (let i = 0; i < count; i++) ((scaled[i] ?? 0) < 1 ? small : large).push(i);
    while (small.length > 0 && large.length > 0) {
      const lesser = small.pop() ?? 0;
      const greater = large.at(-1) ?? 0;
      const share = scaled[lesser] ?? 0;
      this.keep[lesser] = share;
      this.alias[lesser] = greater;
      const left = (scaled[greater] ?? 0) + share - 1;
      scaled[greater] = left;
      if (left < 1) {
        large.pop();
        small.push(greater);
      }
    }
  }

  /** Vose's alias method: a column, then the column itself or its alias. */
  draw(random: Prng): number {
    const i = random.below(this.keep.length);
    return random.float() < (this.keep[i] ?? 1) ? i : (this.alias[i] ?? 0);
  }
}

/** Weights 1, 1/2^s, 1/3^s, ... */
export function zipfWeights(count: number, exponent: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => Math.exp(-exponent * Math.log(i + 1)));
}
