import { describe, expect, it } from 'vitest';
import { UsageError } from '../base/index.js';
import { drawCampusPackets, drawFlowBytes } from './flow-sizes.js';
import {
  campusMixture,
  flowSizeTables,
  generateBatches,
  generateTraffic,
  internetChecksum,
  malformations,
  type Packet,
  Prng,
  parsePacketSizes,
  summarize,
  type TrafficOptions,
  transportChecksum,
} from './index.js';

const make = (options: TrafficOptions): Packet[] => [...generateTraffic(options)];
const lines = (options: TrafficOptions): string[] => make(options).map((p) => summarize(p.data));

/** Network header offset and what the frame says it is. */
function locate(frame: Uint8Array): { type: number; at: number } {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  let at = 12;
  while ([0x8100, 0x88a8].includes(view.getUint16(at))) at += 4;
  return { type: view.getUint16(at), at: at + 2 };
}

function checkFrame(frame: Uint8Array): void {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const { type, at } = locate(frame);
  if (type === 0x0806) return;
  const v4 = type === 0x0800;
  if (v4) expect(internetChecksum(frame, at, at + 20)).toBe(0);
  const protocol = frame[at + (v4 ? 9 : 6)] ?? 0;
  const transport = at + (v4 ? 20 : 40);
  const length = v4 ? view.getUint16(at + 2) - 20 : view.getUint16(at + 4);
  expect(transport + length).toBeLessThanOrEqual(frame.length);
  const sum =
    protocol === 1
      ? internetChecksum(frame, transport, transport + length)
      : transportChecksum(frame, at, transport, length, protocol);
  expect(sum).toBe(0);
}

describe('generated frames', () => {
  const everything: TrafficOptions = {
    packets: 3000,
    flows: 200,
    protocols: { tcp: 1, udp: 1, icmp: 1, arp: 1 },
    ipv6: 0.5,
    vlan: 0.5,
    qinq: 0.5,
    replies: 0.3,
    sizes: '1:61,1:64,1:301,1:1514',
  };

  it('have correct lengths and checksums, of whatever kind', () => {
    for (const packet of make(everything)) checkFrame(packet.data);
  });

  it('are the same for the same seed, and others for another', () => {
    const bytes = (seed: number) => make({ ...everything, seed, packets: 100 }).map((p) => Array.from(p.data));
    expect(bytes(7)).toEqual(bytes(7));
    expect(bytes(7)).not.toEqual(bytes(8));
  });

  it('stay the same over time', () => {
    expect(lines({ packets: 6, flows: 3 })).toMatchInlineSnapshot(`
      [
        "IP 198.18.11.207.45384 > 198.19.0.28.80: Flags [S], seq 1933741709, win 64240, options [mss 1460], length 0",
        "IP6 2001:db8:1::45:ad05.24758 > 2001:db8:2::9f.53: UDP, length 532",
        "IP 198.18.170.4.36468 > 198.19.0.49.53: UDP, length 552",
        "IP6 2001:db8:1::45:ad05.24758 > 2001:db8:2::9f.53: UDP, length 2",
        "IP 198.18.11.207.45384 > 198.19.0.28.80: Flags [P.], seq 1933741710:1933741720, ack 386557894, win 64240, length 10",
        "IP6 2001:db8:1::45:ad05.24758 > 2001:db8:2::9f.53: UDP, length 2",
      ]
    `);
  });

  it('have the sizes asked for', () => {
    expect(new Set(make({ packets: 500, sizes: '128' }).map((p) => p.data.length))).toEqual(new Set([128]));
    const imix = make({ packets: 12_000, sizes: '7:64,4:594,1:1518', ipv6: 0 }).map((p) => p.data.length);
    const share = (size: number) => imix.filter((s) => s === size).length / imix.length;
    expect(share(64)).toBeCloseTo(7 / 12, 1);
    expect(share(594)).toBeCloseTo(4 / 12, 1);
    expect(share(1518)).toBeCloseTo(1 / 12, 1);
    expect(make({ packets: 6, sizes: 'aag', ipv6: 0 }).map((p) => p.data.length)).toEqual([64, 64, 1518, 64, 64, 1518]);
  });

  it('go from and to the given subnets and ports', () => {
    const got = lines({
      packets: 200,
      ipv6: 0,
      protocols: { udp: 1 },
      source: { ipv4: '10.1.0.0/16', ports: [[5000, 5009]] },
      destination: { ipv4: '192.0.2.10', ports: [80, [443, 444]] },
    });
    for (const line of got)
      expect(line).toMatch(/^IP 10\.1\.\d+\.\d+\.500\d > 192\.0\.2\.10\.(80|443|444): UDP, length \d+$/);
  });

  it('make as many different flows as asked for', () => {
    const options = {
      packets: 20_000,
      flows: 700,
      protocols: { udp: 1 },
      ipv6: 0,
      source: { ipv4: '10.0.0.0/28', ports: [[1, 50]] },
    } as const;
    const flows = new Set(make(options).map((p) => Buffer.from(p.data.subarray(26, 38)).toString('hex')));
    expect(flows.size).toBe(700);
    expect(new Set([...flows].map((f) => f.slice(0, 8))).size).toBe(14);
  });

  it('mix protocols by the shares of flows', () => {
    const got = lines({ packets: 20_000, flows: 20_000, protocols: { tcp: 2, udp: 1, icmp: 1 }, ipv6: 0.25 });
    const share = (pattern: RegExp) => got.filter((line) => pattern.test(line)).length / got.length;
    expect(share(/Flags/)).toBeCloseTo(0.5, 1);
    expect(share(/UDP/)).toBeCloseTo(0.25, 1);
    expect(share(/^IP6/)).toBeCloseTo(0.25, 1);
  });
});

describe('arrivals', () => {
  it('are evenly spaced at a rate in packets', () => {
    const times = make({ packets: 4, rate: { pps: 3 }, start: 10n ** 18n }).map((p) => p.time - 10n ** 18n);
    expect(times).toEqual([0n, 333_333_333n, 666_666_666n, 1_000_000_000n]);
  });

  it('reach the line rate that everyone knows', () => {
    const packets = make({ packets: 14_881, sizes: '60', ipv6: 0, rate: { bps: 10e9 } });
    expect(Number(packets.at(-1)?.time) / 1e9).toBeCloseTo(0.001, 5);
  });

  it('have exponential gaps when Poisson', () => {
    const times = make({ packets: 20_000, rate: { pps: 1e6 }, arrivals: 'poisson' }).map((p) => Number(p.time));
    const gaps = times.slice(1).map((t, i) => t - (times[i] ?? 0));
    const mean = gaps.reduce((a, b) => a + b) / gaps.length;
    const deviation = Math.sqrt(gaps.reduce((a, b) => a + (b - mean) ** 2, 0) / gaps.length);
    expect(mean / 1000).toBeCloseTo(1, 1);
    expect(deviation / mean).toBeCloseTo(1, 1);
  });
});

describe('flow models', () => {
  it('Zipf: the k-th flow gets 1/k^s of what the first gets', () => {
    const counts = new Map<string, number>();
    for (const p of make({ packets: 50_000, flows: 100, popularity: { zipf: 1 }, protocols: { udp: 1 }, ipv6: 0 })) {
      const key = Buffer.from(p.data.subarray(26, 38)).toString('hex');
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    const sorted = [...counts.values()].sort((a, b) => b - a);
    expect((sorted[0] ?? 0) / 50_000).toBeCloseTo(1 / 5.187, 1);
    expect((sorted[0] ?? 0) / (sorted[9] ?? 1)).toBeGreaterThan(8);
  });

  it('sized TCP flows begin with SYN, end with FIN and carry their bytes', () => {
    const got = make({ flowSizes: 'hadoop', flows: 20, concurrency: 5, protocols: { tcp: 1 }, ipv6: 0 });
    const flows = new Map<string, { flags: string[]; start: number; end: number }>();
    for (const p of got) {
      const line = summarize(p.data);
      const [, key = '', flags = ''] = /^IP (.*): Flags \[(.*?)\]/.exec(line) ?? [];
      const flow = flows.get(key) ?? { flags: [], start: 0, end: 0 };
      const view = new DataView(p.data.buffer, p.data.byteOffset);
      if (flags === 'S') flow.start = view.getUint32(38) + 1;
      else expect(view.getUint32(38)).toBe(flow.end >>> 0);
      flow.end = flags === 'S' ? flow.start : flow.end + view.getUint16(16) - 40;
      flow.flags.push(flags);
      flows.set(key, flow);
    }
    expect(flows.size).toBe(20);
    for (const { flags } of flows.values()) {
      expect(flags[0]).toBe('S');
      expect(flags.at(-1)).toBe('FP.');
      expect(flags.slice(1, -1).every((f) => f === 'P.')).toBe(true);
    }
  });

  it('replies complete the handshake', () => {
    const got = lines({ packets: 4, flows: 1, protocols: { tcp: 1 }, replies: 0.01, sizes: '64', ipv6: 0 });
    expect(got.map((line) => /\[(.*?)\]/.exec(line)?.[1])).toEqual(['S', 'S.', 'P.', 'P.']);
  });

  it.each(Object.entries(flowSizeTables))('%s has the mean of its table', (_, table) => {
    const { points } = table;
    let mean = 0;
    points.slice(1).forEach(([bytes, share], i) => {
      const [before = 0, shareBefore = 0] = points[i] ?? [];
      mean += ((bytes + before) / 2) * (share - shareBefore);
    });
    expect(Math.abs(mean - table.mean)).toBeLessThanOrEqual(1);
    const random = new Prng(1);
    let below = 0;
    const [median = 0, share = 0] = points[5] ?? [];
    for (let i = 0; i < 20_000; i++) if (drawFlowBytes(table, random) <= median) below++;
    expect(below / 20_000).toBeCloseTo(share, 1);
  });

  it('campus: flow lengths have the published check points', () => {
    expect(campusMixture.reduce((sum, c) => sum + c.weight, 0)).toBeCloseTo(1, 4);
    const random = new Prng(3);
    const draws = Array.from({ length: 200_000 }, () => drawCampusPackets(random));
    const share = (most: number) => draws.filter((d) => d <= most).length / draws.length;
    expect(share(1)).toBeCloseTo(0.4783, 2);
    expect(share(8)).toBeCloseTo(0.8413, 2);
    expect(share(128)).toBeCloseTo(0.9774, 2);
    expect(share(1024)).toBeCloseTo(0.99463, 2);
  });

  it('campus: packets have the published mean', () => {
    const packets = make({ flowSizes: 'campus', packets: 30_000, ipv6: 0 });
    const mean = packets.reduce((sum, p) => sum + p.data.length, 0) / packets.length;
    expect(mean / 870.6).toBeCloseTo(1, 1);
  });
});

describe('malformed packets', () => {
  it('come in the share asked for, and summaries survive them', () => {
    const sound = make({ packets: 20_000, seed: 5 });
    const share = (malformed: number) => {
      const packets = make({ packets: 20_000, seed: 5, malformed });
      for (const p of packets) summarize(p.data);
      return packets.filter((p, i) => Buffer.compare(p.data, sound[i]?.data ?? new Uint8Array()) !== 0).length;
    };
    expect(share(0)).toBe(0);
    expect(share(1)).toBeGreaterThan(19_000);
  });

  it('of each way never get longer', () => {
    const random = new Prng(1);
    for (const damage of Object.values(malformations)) {
      for (const p of make({ packets: 300, sizes: '1:14,1:64,1:300', vlan: 0.3, malformed: 0.2 })) {
        const length = damage(p.data, random);
        expect(length).toBeGreaterThanOrEqual(1);
        expect(length).toBeLessThanOrEqual(p.data.length);
      }
    }
  });
});

describe('options', () => {
  it('read the notations of size mixes', () => {
    expect(parsePacketSizes('imix')).toEqual(parsePacketSizes('7:64,4:594,1:1518'));
    expect(parsePacketSizes('512')).toEqual({ kind: 'mix', parts: [{ weight: 1, size: 512 }] });
    expect(parsePacketSizes('abz')).toEqual({ kind: 'sequence', sizes: [64, 128, 1500] });
    for (const bad of ['', '7:', '0:64', '1:5', '1:99999', 'xyz', '64;128'])
      expect(() => parsePacketSizes(bad)).toThrow(UsageError);
  });

  it.each<[string, TrafficOptions]>([
    ['packets', { packets: 0 }],
    ['flows', { flows: 1.5 }],
    ['rate', { rate: { pps: 0 } }],
    ['malformed', { malformed: 2 }],
    ['popularity', { flowSizes: 'campus', popularity: 'uniform' }],
    ['protocols', { protocols: {} }],
    ['subnet', { source: { ipv4: '2001:db8::/32' } }],
    ['subnet', { destination: { ipv4: '10.0.0.0/99' } }],
    ['MAC', { destination: { mac: '1:2:3' } }],
    ['port', { source: { ports: [[9, 3]] } }],
    ['VLAN', { vlanIds: [0, 5000] }],
  ])('that make no sense are refused: %s', (word, options) => {
    expect(() => make(options)).toThrow(UsageError);
    expect(() => make(options)).toThrow(new RegExp(word));
  });

  it('many packets are made without holding them', () => {
    let count = 0;
    for (const batch of generateBatches({ packets: 100_000, flows: 50_000, sizes: '64' })) count += batch.count;
    expect(count).toBe(100_000);
  });
});
