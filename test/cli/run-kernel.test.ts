/**
 * `jitnic run --engine kernel`: what it gives is what our own engine gives, and flags that it cannot follow are
 * refused.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { captureCli } from '../../src/cli/testing.js';
import { Bpf } from '../../src/linux/index.js';

const example = (name: string): string =>
  fileURLToPath(new URL(`../../examples/load-balancer/${name}`, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'jitnic-kernel-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const argv = (engine: string, ...more: string[]): string[] => [
  ...[
    'run',
    example('load-balancer.o'),
    '-r',
    example('traffic.pcap'),
    '--maps-in',
    example('load-balancer.maps.json'),
  ],
  ...['--engine', engine, ...more],
];

describe.skipIf(Bpf.tryOpen() === undefined)('a run on the kernel', () => {
  it('gives the verdicts that our own engine gives', async () => {
    const [kernel, interp] = await Promise.all([captureCli(argv('kernel', '-j')), captureCli(argv('interp', '-j'))]);
    expect(kernel.exitCode).toBe(0);
    const { verdicts, packets } = JSON.parse(kernel.out);
    expect(packets).toBe(1021);
    expect(verdicts).toEqual(JSON.parse(interp.out).verdicts);
  });

  it('writes maps in the form that `--maps-in` reads', async () => {
    const [theirs, ours] = [join(folder, 'kernel.json'), join(folder, 'interp.json')];
    await captureCli(argv('kernel', '--maps-out', theirs));
    await captureCli(argv('interp', '--maps-out', ours));
    const read = (file: string, map: string): string[] =>
      JSON.parse(readFileSync(file, 'utf8'))
        .maps[map].map((entry: unknown) => JSON.stringify(entry))
        .sort();
    for (const map of ['vips', 'reals', 'ring_web']) expect(read(theirs, map)).toEqual(read(ours, map));
    const again = await captureCli(argv('kernel', '--maps-in', theirs, '-j'));
    expect(again.exitCode).toBe(0);
  });
});

describe('flags that the kernel cannot follow', () => {
  it.each([
    ['--check'],
    ['--hex'],
    ['--no-card'],
    ['--no-verify'],
    ['--seed', '3'],
    ['--clock', 'fixed:1'],
    ['--cpus', '2'],
    ['--hotloop', '2'],
    ['--cache-size', '3'],
    ['--max-insns', '9'],
  ])('%s is refused', async (...flag) => {
    const { exitCode, err } = await captureCli(argv('kernel', ...flag));
    expect(exitCode).toBe(2);
    expect(err).toContain(`\`--engine kernel\` and \`${flag[0]}\` exclude each other`);
  });
});
