import { describe, expect, it } from 'vitest';
import { shippedCard } from '../../nic/index.js';
import { generateTraffic, type TrafficOptions } from '../../packet/index.js';
import { flowHash } from '../../runtime/index.js';
import {
  carriedRates,
  choose,
  fitCosts,
  halfEfficiency,
  keyWindows,
  largestShare,
  predict,
  scrCeiling,
  scrThroughput,
  searchRate,
  simulate,
  techniques,
  type Workload,
  WorkloadBuilder,
} from './index.js';

/** Enough for rates to a hundredth. */
const packets = 65_536;

const costs = { t: 120, c1: 50, c2: 12, transfer: 60, lock: 10, atomic: 6 };

function workload(name: string, options: TrafficOptions): Workload {
  const builder = new WorkloadBuilder();
  for (const { data } of generateTraffic({ seed: 1, packets, protocols: { udp: 1 }, ipv6: 0, ...options }))
    builder.add(flowHash(data, 0, data.length), data.length);
  return builder.finish(name);
}

const elephant = workload('one flow', { flows: 1, sizes: '60' });
const skewed = workload('Zipf 1.1', { flows: 10_000, popularity: { zipf: 1.1 } });
const campus = workload('campus', { flowSizes: 'campus' });

describe('costs', () => {
  it('are found again by least squares from what they make', () => {
    const cores = [1, 2, 4, 8, 14];
    const times = cores.map((n) => [n, costs.c1 + costs.c2 * (n - 1)] as const);
    const rates = cores.map((n) => [n, scrThroughput(costs, n)] as const);
    const found = fitCosts(times, rates);
    expect(found.t).toBeCloseTo(costs.t, 9);
    expect(found.c1).toBeCloseTo(costs.c1, 9);
    expect(found.c2).toBeCloseTo(costs.c2, 9);
    expect(fitCosts(times, { dispatch: 70 }).t).toBeCloseTo(120, 9);
  });

  it('give half efficiency where each core does half, and a rate that no number of cores reaches', () => {
    expect(halfEfficiency(costs)).toBe(11);
    expect(scrThroughput(costs, 11) / 11).toBeCloseTo(scrThroughput(costs, 1) / 2, 9);
    expect(scrThroughput(costs, 10_000)).toBeLessThan(scrCeiling(costs));
  });

  it('are measured by a search for the rate', () => {
    // A server that takes 20 Mpps loses the rest.
    const found = searchRate((rate) => Math.max(0, 1 - 20 / rate), { tolerance: 0.01 });
    expect(found).toBeCloseTo(20 / 0.96, 1);
  });
});

describe('formula and simulation are within 1 %', () => {
  for (const traffic of [elephant, skewed, campus])
    it.each(techniques)(`${traffic.name}: %s`, (technique) => {
      for (const cores of [2, 14]) {
        const formula = predict(technique, costs, traffic, cores);
        const simulated = simulate(technique, costs, traffic, cores);
        expect(Math.abs(simulated / formula - 1), `${cores} cores: ${formula}, ${simulated}`).toBeLessThan(0.01);
      }
    });

  it('behind a wire and a bus', () => {
    const card = shippedCard('pipeline');
    if (card === undefined) throw new Error('no card');
    for (const cores of [2, 14, 64]) {
      const added = 14 + 30 * (cores - 1);
      const { wire, pcie } = carriedRates(card, Math.round(elephant.meanLength), added);
      const formula = Math.min(wire, pcie, predict('scr', costs, elephant, cores));
      expect(Math.abs(simulate('scr', costs, elephant, cores, { card, added }) / formula - 1)).toBeLessThan(0.01);
    }
  });
});

describe('what is chosen', () => {
  const card = shippedCard('pipeline');
  if (card === undefined) throw new Error('no card');

  it.each([elephant, skewed, campus])('$name: within 2 % of the best by simulation', (traffic) => {
    const added = (n: number): number => 14 + 8 * (n - 1);
    for (const cores of [8]) {
      const [best] = choose({ costs, workload: traffic, card, added, possible: techniques }, cores);
      const simulated = techniques.map((technique) => {
        const carrier = { card, added: technique === 'scr' ? added(cores) : 0 };
        const { wire, pcie } = carriedRates(card, traffic.meanLength, carrier.added);
        return [technique, Math.min(wire, pcie, simulate(technique, costs, traffic, cores))] as const;
      });
      const most = Math.max(...simulated.map(([, mpps]) => mpps));
      const own = simulated.find(([technique]) => technique === best?.technique)?.[1] ?? 0;
      expect(own, `${best?.technique} at ${cores}`).toBeGreaterThan(0.98 * most);
    }
  });
});

describe('what the techniques are for', () => {
  it('one flow: only replication gains by cores', () => {
    expect(largestShare(elephant)).toBe(1);
    const gain = (technique: (typeof techniques)[number]): number =>
      predict(technique, costs, elephant, 8) / predict(technique, costs, elephant, 1);
    expect(gain('shard')).toBeCloseTo(1, 2);
    expect(gain('migrate')).toBeCloseTo(1, 2);
    expect(gain('scr')).toBeGreaterThan(4);
  });

  it('many flows: sharding gains by every core, and moving buckets by more', () => {
    expect(predict('shard', costs, campus, 8)).toBeGreaterThan(6 * predict('shard', costs, campus, 1));
    expect(predict('migrate', costs, skewed, 7)).toBeGreaterThan(predict('shard', costs, skewed, 7));
  });

  it('windows hold all packets', () => {
    expect(keyWindows(campus).reduce((sum, { packets }) => sum + packets, 0)).toBe(packets);
  });
});
