import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openExample } from '../../test/support/examples.js';
import { type ProtocolName, type SharedMap, shareMaps, TwoSides } from '../coherence/index.js';
import { shippedCard } from '../nic/index.js';
import { decodeCapture, Prng } from '../packet/index.js';
import { flowHash } from '../runtime/index.js';
import { loadMaps } from '../vm/map-json.js';
import { parseRate } from './arrivals.js';
import { cardModel } from './card-model.js';
import { CoherentRun } from './coherent-run.js';
import { parseHostCost } from './host-costs.js';

const { folder, object, main, maps } = openExample('token-bucket');
const { packets } = decodeCapture(readFileSync(`${folder}traffic.pcap`));

/** So many packets at a rate, of which a share misses. */
function go(
  rate: string,
  misses: number,
  { protocol, card = 'pipeline', hostQueue = 512 }: { protocol?: ProtocolName; card?: string; hostQueue?: number } = {},
): CoherentRun {
  const shared = shareMaps(object).map((map): SharedMap => {
    if (protocol === undefined) return { ...map, protocol: undefined, possible: [] };
    return map.possible.includes(protocol) ? { ...map, protocol } : map;
  });
  const found = shippedCard(card);
  if (found === undefined) throw new Error(card);
  const hosts = { hostCores: 2, hostQueue, hostCost: parseHostCost('kernel') };
  const options = { card: found, model: cardModel(found, main), rate: parseRate(rate), seed: 1n, ...hosts };
  const run = new CoherentRun(options, (hooks) => {
    return new TwoSides(object, object.programs.indexOf(main), {
      ...hooks,
      shared,
      fill: (machine) => {
        if (maps !== undefined) loadMaps(machine, maps.contents, maps.file);
      },
    });
  });
  const random = new Prng(3);
  for (const { data, time } of packets.slice(0, 400))
    run.packet({ data, now: time }, time, flowHash(data, 0, data.length), random.float() >= misses);
  return run.finish();
}

describe('card and host by the clock', () => {
  it('have each packet once, and take the same times again', () => {
    const { counts } = go('5Mpps', 0.1, { protocol: 'migrate' });
    expect(counts.delivered + Object.values(counts.lost).reduce((sum, n) => sum + n, 0)).toBe(400);
    expect(counts.hits).toBeGreaterThan(300);
    expect(go('5Mpps', 0.1, { protocol: 'migrate' }).counts.latency.hit.mean).toBe(counts.latency.hit.mean);
  });

  it('keep hits waiting while an element is away, and less over a coherent link', () => {
    const hit = (run: CoherentRun): number => run.counts.latency.hit.mean;
    const alone = hit(go('5Mpps', 0.1));
    const pcie = hit(go('5Mpps', 0.1, { protocol: 'migrate' }));
    const coherent = hit(go('5Mpps', 0.1, { protocol: 'migrate', card: 'pipeline-coherent' }));
    expect(pcie).toBeGreaterThan(1.1 * alone);
    expect(coherent).toBeLessThan(pcie);
  });

  it('stall longest where every packet waits for every miss', () => {
    const hit = (protocol: ProtocolName): number => go('5Mpps', 0.1, { protocol }).counts.latency.hit.mean;
    expect(hit('stall')).toBeGreaterThan(hit('migrate'));
  });

  it('lose misses where a core has no room, and go on with the others', () => {
    const { counts } = go('50Mpps', 0.8, { protocol: 'migrate', hostQueue: 2 });
    expect(counts.lost.host).toBeGreaterThan(0);
    expect(counts.delivered + Object.values(counts.lost).reduce((sum, n) => sum + n, 0)).toBe(400);
  });
});
