/**
 * Captures that others made: the folders in JITNIC_CAPTURES (separated by colons) and those of the Debian packages
 * that `scripts/fetch-captures.sh` installs. Skipped where there are none; what is compared with tcpdump, where there
 * is none.
 */

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type DecodedCapture, decodeCapture, encodeCapture, generateTraffic, isGzip, Summarizer } from './index.js';

const folders = [
  ...(process.env['JITNIC_CAPTURES'] ?? '').split(':').filter((name) => name !== ''),
  '/usr/share/gocode/src/github.com/google/gopacket',
  '/usr/share/doc/python3-dpkt/examples/data',
];
const files = folders
  .filter((folder) => existsSync(folder))
  .flatMap((folder) => readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)))
  .filter((name) => /\.(pcap|pcapng|cap)(\.gz)?$/.test(name))
  .sort();
/** Link types that the summaries look into, in tcpdump's words. */
const described: ReadonlySet<number> = new Set([0, 1, 101, 108, 113, 228, 229]);
const hasTcpdump = spawnSync('tcpdump', ['--version']).status === 0;

function load(file: string): DecodedCapture {
  const bytes = readFileSync(file);
  return decodeCapture(isGzip(bytes) ? gunzipSync(bytes) : bytes);
}

function summaries(capture: DecodedCapture, link = false): string[] {
  const summarizer = new Summarizer();
  return capture.packets.map((p) =>
    summarizer.summarize(p.data, {
      linkType: capture.interfaces[p.interfaceId]?.linkType,
      origLength: p.origLength,
      link,
    }),
  );
}

/** What tcpdump prints of a file; without the dumps that follow some lines. */
function tcpdump(file: string, ...flags: string[]): string[] {
  const { stdout } = spawnSync('tcpdump', ['-nt', ...flags, '-r', file], { encoding: 'latin1', maxBuffer: 2 ** 30 });
  return stdout.split('\n').filter((line) => line !== '' && !/^\s/.test(line));
}

describe.skipIf(files.length === 0)(`${files.length} captures from other tools`, () => {
  it('are all read and summarised without a failure', () => {
    let packets = 0;
    for (const file of files) {
      const capture = load(file);
      for (const link of [false, true])
        for (const line of summaries(capture, link)) expect(line).not.toMatch(/\n|undefined|NaN/);
      packets += capture.packets.length;
    }
    expect(packets).toBeGreaterThan(files.length);
  });

  it('survive being written and read again', () => {
    for (const file of files) {
      const { packets, interfaces } = load(file);
      if (interfaces.length === 0) continue;
      const again = decodeCapture(encodeCapture(packets, { format: 'pcapng', interfaces }));
      expect(again.packets).toEqual(packets);
      expect(again.interfaces).toEqual(interfaces);
    }
  });

  it.skipIf(!hasTcpdump)('hold as many packets as tcpdump counts', () => {
    for (const file of files) {
      const { stdout, stderr } = spawnSync('tcpdump', ['--count', '-r', file], { encoding: 'utf8' });
      // tcpdump gives up on captures with several kinds of interface, and on those with none.
      if (/different from the|without any|pcap_loop/.test(stderr) || !/^\d+ packet/.test(stdout)) continue;
      expect([file, load(file).packets.length]).toEqual([file, Number.parseInt(stdout, 10)]);
    }
  });

  it.skipIf(!hasTcpdump)(
    'are described in the words of tcpdump, where the transport layer is all there is to say',
    () => {
      let same = 0;
      const differences: string[] = [];
      for (const file of files) {
        const capture = load(file);
        if (capture.interfaces.length !== 1 || !described.has(capture.interfaces[0]?.linkType ?? -1)) continue;
        const theirs = tcpdump(file);
        if (theirs.length !== capture.packets.length) continue;
        for (const [i, ours] of summaries(capture).entries()) {
          const line = theirs[i]?.trimEnd() ?? '';
          // Plain TCP, ICMP echo and ARP have no application layer that tcpdump would go on to.
          if (
            !/Flags \[[A-Z.]+\].*, length 0$|ICMP6?,? echo|^ARP, Re/.test(line) ||
            /mptcp|tfo|md5|MPLS|PPP|Geneve/.test(line) ||
            /MACsec/.test(ours)
          )
            continue;
          if (ours === line) same++;
          else differences.push(`${file}:${i + 1}\n  ${ours}\n  ${line}`);
        }
      }
      expect(same).toBeGreaterThan(20);
      expect(differences.slice(0, 5)).toEqual([]);
    },
  );
});

describe.skipIf(!hasTcpdump)('generated traffic as tcpdump sees it', () => {
  it.each([
    ['plain', {}],
    ['tagged', { vlan: 1, qinq: 0.3 }],
    ['replies', { replies: 0.4, flows: 20 }],
  ])('%s', (_, options) => {
    const ports = { ports: [9000, 9001] };
    const packets = [
      ...generateTraffic({
        packets: 500,
        ipv6: 0.4,
        protocols: { tcp: 2, udp: 1, icmp: 1, arp: 1 },
        source: { ports: [[20_000, 30_000]] },
        destination: ports,
        ...options,
      }),
    ];
    const bytes = encodeCapture(packets, { format: 'pcapng' });
    const capture = decodeCapture(bytes);
    for (const link of [false, true]) {
      const stdout = execFileSync('tcpdump', ['-nt', ...(link ? ['-e'] : []), '-r', '-'], {
        input: bytes,
        encoding: 'utf8',
        stdio: ['pipe', 'pipe', 'ignore'],
      });
      expect(summaries(capture, link)).toEqual(stdout.trimEnd().split('\n'));
    }
    // -v checks every checksum.
    const verbose = execFileSync('tcpdump', ['-ntvv', '-r', '-'], {
      input: bytes,
      encoding: 'utf8',
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    expect(verbose.match(/bad .?.?.?.?.?cksum|incorrect|wrong icmp/g)).toBeNull();
    expect(verbose).toMatch(/\(correct\)|sum ok/);
  });
});
