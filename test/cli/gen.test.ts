/** `jitnic gen`: what it writes, what it prints, what it refuses. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { captureCli } from '../../src/cli/testing.js';
import { decodeCapture, type Packet, parseHeaders, summarize } from '../../src/packet/index.js';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'jitnic-gen-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** The packets that these flags make, by way of a file. */
async function generated(...flags: string[]): Promise<readonly Packet[]> {
  const { exitCode, err, outBytes } = await captureCli(['gen', '-w', '-', ...flags]);
  expect(exitCode, err).toBe(0);
  return decodeCapture(new Uint8Array(outBytes)).packets;
}

function kinds(packets: readonly Packet[]): Set<string> {
  return new Set(packets.flatMap((packet) => parseHeaders(packet.data).headers.map((header) => header.kind)));
}

describe('gen writes a capture', () => {
  test.each(['a.pcap', 'b.pcapng', 'c.pcap.gz', 'd.pcapng.gz'])('as the name %s says', async (name) => {
    const file = join(folder, name);
    const { exitCode, out, err } = await captureCli(['gen', '-c', '5000', '-w', file]);
    expect([exitCode, out]).toEqual([0, '']);
    expect(err).toMatch(/: 5,000 packets, [\d,]+ bytes, 0\.004999 s\n$/);
    const bytes = readFileSync(file);
    const capture = decodeCapture(new Uint8Array(name.endsWith('.gz') ? gunzipSync(bytes) : bytes));
    expect(capture.format).toBe(name.includes('pcapng') ? 'pcapng' : 'pcap');
    expect(capture.damage).toBeUndefined();
    expect(capture.packets).toHaveLength(5000);
  });

  test('of the same bytes for the same seed, and of others for another', async () => {
    const one = await captureCli(['gen', '-w', '-', '-c', '100', '--seed', '7']);
    expect((await captureCli(['gen', '-w', '-', '-c', '100', '--seed', '7'])).outBytes).toEqual(one.outBytes);
    expect((await captureCli(['gen', '-w', '-', '-c', '100', '--seed', '8'])).outBytes).not.toEqual(one.outBytes);
  });

  test('with the protocols and the family that were asked for', async () => {
    expect(kinds(await generated('-c', '500', '--protocols', 'udp', '--ipv6', '1'))).toEqual(
      new Set(['ethernet', 'ipv6', 'udp']),
    );
    expect(kinds(await generated('-c', '500', '--protocols', 'tcp=1,udp=1', '--ipv4', '1', '--vlan', '1'))).toEqual(
      new Set(['ethernet', 'vlan', 'ipv4', 'tcp', 'udp']),
    );
  });

  test('to one address, all of it', async () => {
    for (const packet of await generated(
      '-c',
      '300',
      '--dst',
      '192.0.2.10',
      '--dst-ports',
      '443',
      '--protocols',
      'tcp',
    )) {
      expect(summarize(packet.data)).toMatch(/ > 192\.0\.2\.10\.443: /);
    }
  });

  test('at the rate and from the time that were asked for', async () => {
    const packets = await generated('-c', '3', '--rate', '10Mpps', '--start', '2026-01-31T12:00:00Z');
    expect(packets.map((packet) => packet.time)).toEqual([0n, 100n, 200n].map((t) => 1_769_860_800_000_000_000n + t));
    const wire = await generated('-c', '2', '--rate', '1Gbps', '--sizes', '60', '--start', '1.5');
    // 60 bytes and 24 more of FCS, preamble and gap.
    expect(wire.map((packet) => packet.time)).toEqual([1_500_000_000n, 1_500_000_672n]);
  });

  test('of frames as long as was asked for', async () => {
    const lengths = new Set(
      (await generated('-c', '500', '--sizes', '7:128,1:1518')).map((packet) => packet.data.length),
    );
    expect(lengths).toEqual(new Set([128, 1518]));
  });

  test('of flows that end', async () => {
    const packets = await generated('--flows', '3', '--flow-sizes', 'campus', '--protocols', 'tcp');
    const flags = packets.flatMap((packet) =>
      parseHeaders(packet.data).headers.flatMap((header) => (header.kind === 'tcp' ? [header.flags] : [])),
    );
    expect(flags.filter((bits) => (bits & 2) !== 0)).toHaveLength(3);
  });
});

describe('gen without -w', () => {
  test('prints a line a packet as tcpdump does', async () => {
    const { out, err } = await captureCli(['gen', '-c', '20', '--protocols', 'udp', '--ipv4', '1']);
    const lines = out.trimEnd().split('\n');
    expect([lines.length, err]).toEqual([20, '']);
    for (const line of lines) {
      expect(line).toMatch(/^00:00:00\.0000\d\d IP 198\.18\.\d+\.\d+\.\d+ > 198\.19\.0\.\d+\.\d+: UDP, length \d+$/);
    }
    expect((await captureCli(['gen', '-c', '1', '-e'])).out).toContain('02:00:00:00:00:01 > 02:00:00:00:00:02');
  });

  test('counts under -j', async () => {
    const { out } = await captureCli(['gen', '-c', '20', '--sizes', '100', '-j']);
    expect(JSON.parse(out)).toEqual({
      schema: 'jitnic.gen/1',
      packets: 20,
      bytes: 2000,
      first_ns: '0',
      last_ns: '19000',
    });
  });
});

describe('gen refuses', () => {
  test.each([
    ['--zipf 1 --flow-sizes campus', 'give one of them'],
    ['--concurrency 3', '--flow-sizes'],
    ['--qinq 0.5', '--vlan'],
    ['--vlan-ids 3', '--vlan'],
    ['--ipv4 0.5 --ipv6 0.1', 'do not add up'],
    ['--ipv6 1 --dst 10.0.0.1', 'has no effect'],
    ['--src 10.0.0.0/8 --dst 2001:db8::1', 'same family'],
    ['--protocols arp --ipv6 0.5', 'ARP has no IPv6'],
    ['-w - -j', 'stdout'],
    ['-w x.pcap -e', '-e'],
    ['--rate 5', 'expected packets or bits a second'],
    ['--rate 0pps', 'expected packets or bits a second'],
    ['--sizes 7', 'packet size 7'],
    ['--sizes jumbo!', 'mix of packet sizes'],
    ['--src 10.0.0.0/33', 'is not a subnet'],
    ['--src 10.0.0.0/8,11.0.0.0/8', 'two IPv4 subnets'],
    ['--dst-ports 70000', 'ports'],
    ['--dst-mac 1', 'MAC'],
    ['--protocols tcp,sctp', 'tcp, udp, icmp and arp'],
    ['--flow-sizes huge', 'web-search'],
    ['--start yesterday', '2026-01-31T12:00:00Z'],
    ['-c 0', 'at least 1'],
    ['--seed 1.5', 'whole number'],
    ['--ipv6 2', 'from 0 to 1'],
    ['--malformed -1', 'from 0 to 1'],
    ['--arrivals often', 'poisson'],
  ])('%s', async (flags, text) => {
    const { exitCode, out, err } = await captureCli(['gen', ...flags.split(' ')]);
    expect(exitCode).toBe(2);
    expect(err + out).toContain(text);
  });

  test('a place where it cannot write, and leaves a capture alone for flags that make no sense', async () => {
    const nowhere = await captureCli(['gen', '-w', join(folder, 'no', 'such.pcap')]);
    expect([nowhere.exitCode, nowhere.err]).toEqual([3, expect.stringContaining('its folder does not exist')]);
    const file = join(folder, 'kept.pcap');
    writeFileSync(file, 'kept');
    expect((await captureCli(['gen', '-w', file, '--zipf', '101'])).exitCode).toBe(2);
    expect(readFileSync(file, 'utf8')).toBe('kept');
  });
});
