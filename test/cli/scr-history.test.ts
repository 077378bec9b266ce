/** `jitnic scr history` and `jitnic scr advise`: captures with history, and which way to share state. */
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { captureCli } from '../../src/cli/testing.js';
import { decodeCapture } from '../../src/packet/index.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const conntrack = `${root}examples/tcp-conntrack/tcp-conntrack.o`;
const traffic = `${root}examples/tcp-conntrack/traffic.pcap`;
const bucket = [
  `${root}examples/token-bucket/token-bucket.o`,
  ...['-r', `${root}examples/token-bucket/traffic.pcap`],
  ...['--maps-in', `${root}examples/token-bucket/token-bucket.maps.json`],
];
const folder = mkdtempSync(`${tmpdir()}/jitnic-scr-`);
const packetsOf = (file: string): readonly { readonly data: Uint8Array; readonly time: bigint }[] =>
  [...decodeCapture(readFileSync(file)).packets].map(({ data, time }) => ({ data: data.slice(), time }));

interface History {
  readonly added_bytes: number;
  readonly metadata_bytes: number;
  readonly packets: number;
}

describe('scr history', () => {
  test('a capture for each core, in which the packets are whole and in their order', async () => {
    const out = `${folder}/three`;
    const { exitCode, out: text } = await captureCli([
      ...['scr', 'history', traffic, '--object', conntrack, '--cores', '3', '-w', out, '-j'],
    ]);
    expect(exitCode).toBe(0);
    const history = JSON.parse(text) as History;
    const whole = packetsOf(traffic);
    expect(history).toMatchObject({ packets: whole.length, added_bytes: 14 + 2 * history.metadata_bytes });
    expect(history.metadata_bytes).toBeLessThanOrEqual(30);
    expect(readdirSync(out).sort()).toEqual(['core-0.pcap', 'core-1.pcap', 'core-2.pcap']);
    const cores = [0, 1, 2].map((core) => packetsOf(`${out}/core-${core}.pcap`));
    for (const [i, { data, time }] of whole.entries()) {
      const sent = cores[i % 3]?.[Math.floor(i / 3)];
      expect(sent?.time).toBe(time);
      expect(sent?.data.subarray(history.added_bytes)).toEqual(data);
    }
    // What core 1 hears of packet 0 is what core 2 hears of it: its item is the newest of one and the oldest of the
    // other.
    const size = history.metadata_bytes;
    const newest = cores[1]?.[0]?.data.subarray(14 + size, 14 + 2 * size);
    expect(newest).toEqual(cores[2]?.[0]?.data.subarray(14, 14 + size));
    expect(newest?.some((byte) => byte !== 0)).toBe(true);
  });

  test('without a program items are addresses, ports, TCP and time', async () => {
    const { exitCode, out } = await captureCli([
      'scr',
      'history',
      traffic,
      '--cores',
      '2',
      '-w',
      `${folder}/two`,
      '-j',
    ]);
    expect(exitCode).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ metadata_bytes: 30, added_bytes: 44, number_bytes: 0 });
  });

  test('more cores than frames have room for: an error with the number that fits', async () => {
    const args = ['scr', 'history', traffic, '--cores', '64', '--frame', '1600', '-w', `${folder}/many`];
    const { exitCode, err } = await captureCli(args);
    expect(exitCode).toBe(3);
    expect(err).toContain('for 64 cores: more than 1600 B');
    expect(err).toContain('--cores 52 fits');
  });

  test('a program without state needs no replication', async () => {
    const object = `${root}examples/ipv6-filter/ipv6-filter.o`;
    const args = ['scr', 'history', traffic, '--object', object, '--cores', '2', '-w', `${folder}/none`];
    const { exitCode, err } = await captureCli(args);
    expect(exitCode).toBe(2);
    expect(err).toContain('writes no state: it needs no replication');
  });
});

interface Advice {
  readonly technique: string;
  readonly elements: number;
  readonly largest_share: number;
  readonly rows: readonly { readonly technique: string; readonly cores: number; readonly mpps: number }[];
}

async function advice(...args: readonly string[]): Promise<Advice> {
  const { exitCode, out } = await captureCli(['scr', 'advise', ...args, '-j']);
  expect(exitCode).toBe(0);
  return JSON.parse(out) as Advice;
}

describe('scr advise', () => {
  test('many connections: sharding, of which no technique carries more', async () => {
    const found = await advice(conntrack, '-r', traffic, '--cores', '8');
    expect(found).toMatchObject({ technique: 'shard', elements: 151 });
    const at8 = found.rows.filter(({ cores }) => cores === 8);
    const best = Math.max(...at8.map(({ mpps }) => mpps));
    expect(at8.find(({ technique }) => technique === 'shard')?.mpps).toBeGreaterThan(0.98 * best);
  });

  test('classes that sources share are one element with all their sources', async () => {
    const found = await advice(...bucket, '--cores', '2');
    expect(found.largest_share).toBeGreaterThan(0.35);
  });

  test('one flow and a cheap replay: replication', async () => {
    const capture = `${folder}/one.pcap`;
    const flow = ['--flows', '1', '--sizes', '60', '--protocols', 'tcp=1', '--ipv6', '0'];
    const made = await captureCli(['gen', '-w', capture, '-c', '2000', ...flow]);
    expect(made.err).not.toContain('error');
    const found = await advice(`${root}test/scr/token-bucket.o`, '-r', capture, '--cores', '4', '--costs', '110,60,12');
    expect(found).toMatchObject({ technique: 'scr', largest_share: 1 });
  });

  test('without a capture it says what it needs', async () => {
    const { exitCode, err } = await captureCli(['scr', 'advise', conntrack]);
    expect(exitCode).toBe(2);
    expect(err).toContain('`scr advise` needs `-r`');
  });
});
