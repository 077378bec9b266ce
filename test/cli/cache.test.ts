/** `jitnic cache`, and the cache flags of `jitnic run`. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { onlinePolicies, policies } from '../../src/cache/index.js';
import { parseSizes } from '../../src/cli/cache-options.js';
import { captureCli } from '../../src/cli/testing.js';

const nat = [
  'examples/nat/nat.o',
  '-r',
  'examples/nat/traffic.pcap',
  '--maps-in',
  'examples/nat/nat.maps.json',
  '-c',
  '300',
];
const json = async (...argv: string[]): Promise<Record<string, unknown>> => {
  const { exitCode, out, err } = await captureCli([...argv, '-j']);
  expect([exitCode, err]).toEqual([0, '']);
  return JSON.parse(out);
};

interface CacheJson {
  readonly packets: number;
  readonly paths: number;
  readonly sizes: number[];
  readonly curves: { readonly policy: string; readonly hits: number[]; readonly hit_rate: number[] }[];
  readonly bound?: { readonly hits: number[] };
  readonly adaptive?: { readonly policy: string; readonly size: number }[];
}

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'jitnic-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/**
 * What lets the path of a packet hang on nothing but the packet and the maps, as a simulation has it; nor is the
 * program verified again for each policy.
 */
const fixed = ['--no-verify', '--no-regions', '--no-penalties', '--no-assume', '--no-count-sides'] as const;

describe('jitnic cache', () => {
  it('has a row for each size and a column for each policy', async () => {
    const { exitCode, out } = await captureCli(['cache', ...nat, '--sizes', '1,4..8:4']);
    expect(exitCode).toBe(0);
    const lines = out.split('\n');
    expect(lines[0]).toMatch(/^\S+: 300 packets on \d+ paths$/);
    expect(lines[4]?.trim().split(/ {2,}/)).toEqual(['traces', ...policies.map(({ name }) => name)]);
    expect(lines.slice(6, 9).map((line) => line.trim().split(/ +/)[0])).toEqual(['1', '4', '8']);
  });

  it('says as JSON what `jitnic run` does with a cache of that size and policy', async () => {
    const few = [...nat.slice(0, -1), '40'];
    const { curves, sizes } = (await json('cache', ...few, '--sizes', '3')) as unknown as CacheJson;
    expect(sizes).toEqual([3]);
    for (const { policy, hits } of curves) {
      if (policy === 'belady') continue;
      const run = await json('run', ...few, '--cache-size', '3', '--policy', policy, ...fixed);
      expect([policy, run['hits']]).toEqual([policy, hits[0]]);
    }
    const best = curves.find(({ policy }) => policy === 'belady')?.hits[0] ?? 0;
    expect(Math.max(...curves.map(({ hits }) => hits[0] ?? 0))).toBe(best);
  });

  it('counts match bits as `jitnic run` does, with a bound that none exceeds', async () => {
    const result = (await json(
      'cache',
      ...nat,
      '--bits',
      '1500',
      '--policies',
      's3-fifo,belady',
    )) as unknown as CacheJson;
    const run = await json('run', ...nat, '--cache-bits', '1500', '--policy', 's3-fifo', ...fixed);
    expect(result.curves.map(({ policy }) => policy)).toEqual(['s3-fifo', 'belady']);
    expect(result.curves[0]?.hits).toEqual([run['hits']]);
    for (const { hits } of result.curves) expect(hits[0]).toBeLessThanOrEqual(result.bound?.hits[0] ?? 0);
  });

  it('has the figures of admission and adaptive size', async () => {
    const more = ['--policies', 'lru', '--admission', 'doorkeeper', '--adaptive', '2..20'];
    const result = (await json('cache', ...nat, ...more)) as unknown as CacheJson;
    const run = await json('run', ...nat, '--adaptive', '2..20', '--admission', 'doorkeeper', ...fixed);
    expect(result.adaptive).toMatchObject([{ policy: 'lru', hits: run['hits'] }]);
  });

  it('draws the curves', async () => {
    const file = join(folder, 'curves.svg');
    const { exitCode } = await captureCli(['cache', ...nat, '--sizes', '1..16*2', '-o', file]);
    expect(exitCode).toBe(0);
    const svg = readFileSync(file, 'utf8');
    expect(svg).toMatch(/^<svg [\s\S]*<\/svg>\n$/);
    for (const { name } of policies) expect(svg).toContain(`<title>${name}</title>`);
    expect(svg).toContain('prefers-color-scheme: dark');
  });

  it.each([
    [['--policies', 'lru,seive'], 'no policy `seive`', 'did you mean `sieve`?'],
    [['--policies', 'lru,lru'], 'names `lru` twice', ''],
    [['--admission', 'tinylfo'], 'no admission `tinylfo`', 'did you mean `tinylfu`?'],
    [['--sizes', '0'], 'a cache of size 0 holds nothing', 'such as 16'],
    [['--sizes', '0..8'], 'a cache of size 0 holds nothing', 'such as 16'],
    [['--sizes', '9..8'], '`9..8` is empty', 'such as 16'],
    [['--sizes', ''], 'is no size', 'such as 16'],
    [['--sizes', '1..8*1'], '`1..8*1` goes nowhere', 'such as 16'],
    [['--sizes', '1..8:0'], '`1..8:0` goes nowhere', 'such as 16'],
    [['--sizes', '1..1000000'], 'more than 4096 sizes', 'leave some out'],
    [['--sizes', '4', '--bits', '4'], 'exclude each other', ''],
    [['--adaptive', '9..4'], '`--adaptive 9..4` is none', '4..64'],
    [['--adaptive', '1..4:0'], '`--adaptive 1..4:0` is none', '4..64'],
    [['-o', '-'], '`-o` takes a file', ''],
  ])('%j is refused', async (argv, message, hint) => {
    const { exitCode, out, err } = await captureCli(['cache', ...nat, ...argv]);
    expect([exitCode, out]).toEqual([2, '']);
    expect(err).toContain(message);
    expect(err).toContain(hint);
  });
});

describe('the cache of jitnic run', () => {
  it('lists the policies that a card can have in its help', async () => {
    const { out } = await captureCli(['run', '--help']);
    for (const { name } of onlinePolicies) expect(out).toContain(name);
    expect(out).not.toContain('belady');
  });

  it.each([
    [['--policy', 'lur'], 'no policy `lur`', 'did you mean `lru`?'],
    [['--policy', 'belady'], 'needs to know the future', 'jitnic cache'],
    [['--cache-size', '0'], 'is not a whole number from 1', ''],
    [['--cache-bits', '0'], 'is not a whole number from 1', ''],
    [['--adaptive', '4..8', '--cache-size', '4'], 'exclude each other', ''],
    [['--policy', 'fifo', '--no-card'], '`--policy` has no effect without a card', ''],
    [['--cache-size', '4', '--engine', 'interp'], '`--cache-size` has no effect without a card', ''],
  ])('%j is refused', async (argv, message, hint) => {
    const { exitCode, err } = await captureCli(['run', ...nat, ...argv]);
    expect(exitCode).toBe(2);
    expect(err).toContain(message);
    expect(err).toContain(hint);
  });
});

describe('sizes', () => {
  it.each([
    ['16', [16]],
    ['1..5', [1, 2, 3, 4, 5]],
    ['1,2,4..6', [1, 2, 4, 5, 6]],
    ['4..12:4', [4, 8, 12]],
    ['1..20*2', [1, 2, 4, 8, 16]],
    ['8, 2..3, 8', [2, 3, 8]],
  ])('%s', (text, sizes) => {
    expect(parseSizes('--sizes', text)).toEqual(sizes);
  });
});
