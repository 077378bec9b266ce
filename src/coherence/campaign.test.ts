import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { rounds } from '../../test/support/effort.js';
import { openExample } from '../../test/support/examples.js';
import { decodeCapture } from '../packet/index.js';
import { loadMaps } from '../vm/map-json.js';
import { type CampaignOptions, type CampaignResult, runCampaign } from './campaign.js';
import type { ProtocolName } from './protocol.js';
import { shareMaps } from './sharing.js';

/** Packets of each: a few more than are under way at once several times over. */
const count = rounds(40);

const names = [
  'firewall',
  'nat',
  'load-balancer',
  'token-bucket',
  'heavy-hitter',
  'port-knocking',
  'ddos-mitigator',
  'tcp-conntrack',
];
/** By the last bytes of both IPv4 addresses. */
const flowOf = (data: Uint8Array): number => ((data[29] ?? 0) << 8) | (data[33] ?? 0);

/** The example's own capture on two sides; every map that can be is under the protocol. */
function campaign(
  name: string,
  protocol: ProtocolName,
  count: number,
  failures: Partial<Pick<CampaignOptions, 'losses' | 'removeAfter' | 'seed'>> = {},
): CampaignResult {
  const { folder, object, maps, main } = openExample(name);
  const shared = shareMaps(object).map((map) => (map.possible.includes(protocol) ? { ...map, protocol } : map));
  const { packets } = decodeCapture(readFileSync(`${folder}traffic.pcap`));
  return runCampaign({
    object,
    program: object.programs.indexOf(main),
    shared,
    packets: packets.slice(0, count).map(({ data, time }) => ({ packet: { data, now: time }, flow: flowOf(data) })),
    misses: 0.3,
    seed: 3,
    ...failures,
    fill: (machine) => {
      if (maps !== undefined) loadMaps(machine, maps.contents, maps.file);
    },
  });
}

describe.each(names)('%s', (name) => {
  it.each<ProtocolName>(['device-home', 'host-home', 'migrate', 'replay', 'stall'])('%s', (protocol) => {
    const { fault, packets, misses, messages } = campaign(name, protocol, count);
    expect(fault).toBeUndefined();
    expect(packets).toBe(count);
    expect(misses).toBeGreaterThan(0);
    // Something was shared: the link has carried more than packets and the word that they are done.
    expect([...messages.keys()].filter((kind) => kind !== 'packet' && kind !== 'release')).not.toEqual([]);
  });
});

describe.each<ProtocolName>(['device-home', 'host-home', 'migrate', 'replay', 'stall'])(
  '%s loses no update',
  (protocol) => {
    it('when packets are lost on their way to the host, as where its queue overflows', () => {
      const { fault, lost, packets } = campaign('token-bucket', protocol, 3 * count, { losses: 0.3 });
      expect(fault).toBeUndefined();
      expect(lost).toBeGreaterThan(0);
      expect(packets).toBe(3 * count);
    });

    it('when the card is taken out while packets are under way', () => {
      // Few packets come after it: none of them writes over what a message that is told too late would leave wrong.
      for (const name of ['token-bucket', 'nat'])
        for (const [packets, removeAfter] of [
          [count, 20],
          [30, 20],
          [20, 7],
        ] as const) {
          for (const seed of [3, 4, 5]) {
            const result = campaign(name, protocol, packets, { removeAfter, seed });
            expect(result.fault).toBeUndefined();
            expect(result.packets).toBe(packets);
          }
        }
    });
  },
);

it('counts are those of all packets when the card is taken out: both shares are added', () => {
  const { fault } = campaign('heavy-hitter', 'combine', count, { removeAfter: 30 });
  expect(fault).toBeUndefined();
});
