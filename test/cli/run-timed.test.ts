/** `jitnic run --card NAME`: the run with a clock, and what it does not go with. */
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { captureCli } from '../../src/cli/testing.js';

const example = (file: string): string => fileURLToPath(new URL(`../../examples/${file}`, import.meta.url));
const bucket = [
  example('token-bucket/token-bucket.o'),
  '-r',
  example('token-bucket/traffic.pcap'),
  '--maps-in',
  example('token-bucket/token-bucket.maps.json'),
];
const filter = [example('ipv6-filter/ipv6-filter.o'), '-r', example('ipv6-filter/traffic.pcap')];

const run = (...args: string[]): ReturnType<typeof captureCli> => captureCli(['run', ...args]);

describe('jitnic run --card', () => {
  test('says of every figure that it is a model, and fits 80 columns', async () => {
    const { exitCode: code, out } = await run(
      ...bucket,
      '--card',
      'pipeline',
      '--rate',
      '1Mpps',
      '--loops',
      '3',
      '--check',
    );
    expect(code).toBe(0);
    expect(out).toContain('check: equal to the interpreter for every packet, maps included');
    const model = out.slice(out.indexOf('card pipeline: a model'));
    const headings = model.split('\n').filter((line) => line.endsWith('(model)'));
    expect(headings).toEqual([
      'throughput (model)',
      'latency in ns (model)',
      'units, and what kept the card (model)',
      'link and host (model)',
      'timeline (model)',
    ]);
    for (const line of model.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });

  test('gives the same times again, whatever the machine is doing', async () => {
    const once = async (): Promise<unknown> =>
      JSON.parse((await run(...bucket, '--card', 'pipeline', '--rate', 'poisson:2Mpps', '-j')).out).model;
    const first = await once();
    expect(await once()).toEqual(first);
  });

  test('runs whole programs on a core, and its capacity is what the rows take', async () => {
    const { out } = await run(...filter, '--card', 'hxdp', '--rate', '100%', '--loops', '5', '--check', '-j');
    const { model, check } = JSON.parse(out);
    expect(check).toBe('equal');
    expect(model.misses).toBe(0);
    expect(model.hits + model.lost.card).toBe(model.offered.packets);
    expect(model.utilisation.card).toBeGreaterThan(0.95);
  });

  test('counts the packets of all loops, and stops where --count says', async () => {
    const { out } = await run(...bucket, '--card', 'pipeline', '--loops', '4', '-c', '500', '-j');
    expect(JSON.parse(out).model.offered.packets).toBe(500);
  });

  test.each([
    [['--card', 'pipelin'], 'no card `pipelin`', 'did you mean `pipeline`?'],
    [['--card', 'pipeline', '--rate', 'fast'], '`--rate fast` is none', 'rates: capture'],
    [['--card', 'pipeline', '--host-cost', '3'], '`--host-cost 3` is none', 'engines: kernel'],
    [['--card', 'pipeline', '-w', 'out.pcap'], '`--card` and `--write` exclude each other', ''],
    [['--card', 'pipeline', '--jobs', '2'], '`--card` and `--jobs` exclude each other', ''],
    [['--rate', '1Mpps'], '`--rate` needs a card with a clock', 'add `--card NAME`'],
  ])('refuses %j', async (flags, what, hint) => {
    const { exitCode: code, err } = await run(...bucket.slice(0, 3), ...flags);
    expect(code).toBe(2);
    expect(err).toContain(what);
    expect(err).toContain(hint);
  });

  test('refuses sizes of a table that the card has not', async () => {
    const { exitCode: code, err } = await run(...filter, '--card', 'hxdp', '--cache-size', '4');
    expect(code).toBe(2);
    expect(err).toContain('`--cache-size` has no effect without a card');
  });

  test('says why a program does not fit a core', async () => {
    const { exitCode: code, err } = await run(...bucket, '--card', 'hxdp');
    expect(code).toBe(4);
    expect(err).toContain('does not fit `hxdp`');
    expect(err).toContain('--card pipeline');
  });
});
