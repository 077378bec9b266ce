/** `jitnic trace`: what it prints of a run's traces. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { captureCli } from '../../src/cli/testing.js';

const example = (name: string, file: string): string =>
  fileURLToPath(new URL(`../../examples/${name}/${file}`, import.meta.url));
const filter = [example('ipv6-filter', 'ipv6-filter.o'), '-r', example('ipv6-filter', 'traffic.pcap')];

test('fields of map values are called by their names in the object', async () => {
  const { out } = await captureCli([
    'trace',
    ...[example('token-bucket', 'token-bucket.o'), '-r', example('token-bucket', 'traffic.pcap'), '-c', '200'],
    ...['--maps-in', example('token-bucket', 'token-bucket.maps.json')],
  ]);
  expect(out).toContain('classes.value.committed_rate != 0');
  expect(out).not.toMatch(/classes\.value\[/);
});

describe('jitnic trace -v', () => {
  test('shows each guard with its source line and what was live there, and where a side trace begins', async () => {
    const { out } = await captureCli(['trace', ...filter, '-v']);
    expect(out).toMatch(/guard 0: len >= 14 {3}ipv6-filter\.bpf\.c:\d+: if/);
    expect(out).toMatch(/insn \d+: .*r\d = v\d+/);
    expect(out).toContain('side trace of trace 0: from there 1 guard, ');
  });

  test('has them as JSON, inherited ones marked', async () => {
    const { out } = await captureCli(['trace', ...filter, '-v', '-j']);
    const { guards, side_traces, traces } = JSON.parse(out);
    expect(guards[1].guards.map(({ inherited }: { inherited: boolean }) => inherited)).toEqual([true, false]);
    expect(side_traces.installs).toBe(1);
    expect(traces.find(({ id }: { id: number }) => id === 1).parent).toEqual({ trace: 0, guards: 1 });
  });
});

describe('jitnic trace --rules', () => {
  const rowsOf = async (...flags: string[]): Promise<string[][]> => {
    const { exitCode, out } = await captureCli(['trace', ...filter, '--rules', ...flags]);
    expect(exitCode).toBe(0);
    return out
      .trimEnd()
      .split('\n')
      .slice(4)
      .map((line) => line.trim().split(/ {2,}/));
  };

  test('prints the IPv6 filter as three rules with ranges of lengths', async () => {
    expect(await rowsOf()).toEqual([
      ['3', 'PASS', 'trace 0', 'eth.type 0x86dd, len >= 14'],
      ['2', 'DROP', 'trace 1', 'len >= 14'],
      ['1', 'PASS', 'trace 2', 'len <= 13'],
    ]);
  });

  test('prints it as five where lengths are bits', async () => {
    expect(await rowsOf('--no-length-ranges')).toEqual([
      ['5', 'PASS', 'trace 2', 'len 0..7'],
      ['4', 'PASS', 'trace 2', 'len 8..11'],
      ['3', 'PASS', 'trace 2', 'len 12..13'],
      ['2', 'PASS', 'trace 0', 'eth.type 0x86dd'],
      ['1', 'DROP', 'trace 1', 'any packet'],
    ]);
  });

  test('has the same rules as JSON, with masks and values', async () => {
    const { out } = await captureCli(['trace', ...filter, '--rules', '-j']);
    const { rules } = JSON.parse(out);
    expect(rules).toHaveLength(3);
    expect(rules[0]).toEqual({
      priority: 3,
      trace: 0,
      verdict: 'PASS',
      match: [{ field: 'eth.type', offset: 12, width: 2, mask: '0xffff', value: '0x86dd' }],
      lengths: { lo: 14, hi: 0xfffff },
      and: [],
    });
  });

  test('says what a row cannot hold', async () => {
    const balancer = [example('load-balancer', 'load-balancer.o'), '-r', example('load-balancer', 'traffic.pcap')];
    const { out } = await captureCli(['trace', ...balancer, '--rules', '-j']);
    const { rules } = JSON.parse(out);
    const state = rules.filter((rule: { and: string[] }) => rule.and.some((text) => text.includes('vips[')));
    expect(state.length).toBeGreaterThan(0);
    expect(
      rules
        .filter((rule: { verdict: string }) => rule.verdict === 'host')
        .every((rule: { and: string[] }) => rule.and.length === 0),
    ).toBe(true);
  });

  test('refuses a word about lengths where there are no rules', async () => {
    expect((await captureCli(['trace', ...filter, '--no-length-ranges'])).exitCode).toBe(2);
  });

  test('does not go together with a dump', async () => {
    expect((await captureCli(['trace', ...filter, '--rules', '--dump', 'ir'])).exitCode).toBe(2);
  });
});

describe('traces as a file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'jitnic-traces-'));
  const file = join(folder, 'traces.json');
  afterAll(() => rmSync(folder, { recursive: true }));

  test('are written by one run and decide from the first packet of another', async () => {
    const { exitCode } = await captureCli(['trace', ...filter, '--dump', 'json', '-o', file]);
    expect(exitCode).toBe(0);
    const { out, exitCode: checked } = await captureCli(['run', ...filter, '--traces', file, '--check', '-j']);
    expect(checked).toBe(0);
    const { misses, hits, check } = JSON.parse(out);
    expect(misses).toBe(0);
    expect(hits).toBeGreaterThan(100);
    expect(check.difference ?? null).toBeNull();
  });

  test('of another program are refused with what differs, and no card is no place for them', async () => {
    const bucket = [example('token-bucket', 'token-bucket.o'), '-r', example('token-bucket', 'traffic.pcap')];
    const { err, exitCode } = await captureCli(['run', ...bucket, '--traces', file]);
    expect(exitCode).toBe(3);
    expect(err).toContain('these are traces of another object');
    expect((await captureCli(['run', ...filter, '--traces', file, '--no-card'])).exitCode).toBe(2);
    expect((await captureCli(['trace', ...filter, '--dump', 'json', '--json'])).exitCode).toBe(2);
  });

  test('that is none is refused with the place', async () => {
    const none = join(folder, 'none.json');
    writeFileSync(none, '{"schema": "jitnic.run/1"}');
    const { err, exitCode } = await captureCli(['run', ...filter, '--traces', none]);
    expect(exitCode).toBe(3);
    expect(err).toContain('its schema is `jitnic.run/1`, not `jitnic.traces/2`');
  });
});

/** What these tests read of `jitnic.run/1`. */
interface RunJson {
  readonly traces: readonly { readonly id: number; readonly packets: number }[];
  readonly places: number;
  readonly regions: readonly {
    readonly traces: readonly number[];
    readonly body: {
      readonly packets: number;
      readonly branches: readonly {
        readonly yes: { readonly packets: number };
        readonly no: { readonly packets: number } | null;
      }[];
    };
  }[];
}

describe('regions of jitnic trace', () => {
  const own = (file: string): string => example('token-bucket', file);
  const traffic = ['-r', own('traffic.pcap'), '-c', '200'];
  const bucket = [own('token-bucket.o'), ...traffic, '--maps-in', own('token-bucket.maps.json')];

  test('prints each region as one condition and a body with branches and shares', async () => {
    const { exitCode, out } = await captureCli(['trace', ...bucket]);
    expect(exitCode).toBe(0);
    const [, region = ''] = /^region of \d+ traces, [\d,]+ packets?\n((?: {2}.*\n)+)/m.exec(out) ?? [];
    expect(region).toMatch(/^ {2}len >= \d+ && eth\.type/);
    expect(region).toMatch(/^ +if .* \{$/m);
    expect(region).toMatch(/^ +(PASS|DROP|TX|ABORTED|REDIRECT), trace \d+: \d+\.\d %$/m);
    expect(region.split('{').length).toBe(region.split('}').length);
  });

  test('are told in JSON as well, each side with its packets', async () => {
    const { out } = await captureCli(['run', ...bucket, '-j', '--no-bypass', '--policy', 'lru']);
    const { traces, places, regions } = JSON.parse(out) as RunJson;
    expect(regions.length).toBeGreaterThan(0);
    const sides = regions.flatMap((region) => region.traces);
    // Those that have left have no place.
    expect(places).toBeLessThanOrEqual(traces.length - sides.length + regions.length);
    expect(places).toBeGreaterThanOrEqual(regions.length);
    for (const { traces: ids, body } of regions) {
      const packets = traces.filter(({ id }) => ids.includes(id)).reduce((sum, trace) => sum + trace.packets, 0);
      expect(body.packets).toBe(packets);
      const below = [...body.branches.flatMap(({ yes, no }) => [yes, no ?? { packets: 0 }])];
      expect(below.reduce((sum, side) => sum + side.packets, 0)).toBeLessThanOrEqual(packets);
    }
    expect((await captureCli(['run', ...bucket, '--no-bypass'])).out).toMatch(
      /^\d+ distinct traces, \d+ of them in \d+ places?, the 12/m,
    );
  });

  test('are none where each trace has its place', async () => {
    const { out } = await captureCli(['trace', ...bucket, '--no-regions', '-j']);
    const { places, regions } = JSON.parse(out) as RunJson;
    const shared = JSON.parse((await captureCli(['trace', ...bucket, '-j'])).out) as RunJson;
    expect(regions).toEqual([]);
    expect(shared.places).toBeLessThan(places);
    expect((await captureCli(['trace', ...bucket, '--no-regions'])).out).not.toContain('region of');
  });

  test('have at least two sides, have no bits counted, and want a card that has places for them', async () => {
    expect((await captureCli(['run', ...bucket, '--no-regions', '--engine', 'wasm'])).err).toContain(
      '`--no-regions` has no effect without a card',
    );
    expect((await captureCli(['run', ...bucket, '--regions', '--card', 'pipeline'])).exitCode).toBe(2);
    expect((await captureCli(['trace', ...bucket, '--regions', '1'])).exitCode).toBe(2);
    expect((await captureCli(['trace', ...bucket, '--regions', '4', '--cache-bits', '999'])).exitCode).toBe(2);
  });
});
