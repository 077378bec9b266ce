/** `jitnic run --card NAME --coherence`: each side has maps of its own, and what comes of it is one order's doing. */
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { captureCli } from '../../src/cli/testing.js';

const example = (name: string): readonly string[] => {
  const path = (file: string): string => fileURLToPath(new URL(`../../examples/${name}/${file}`, import.meta.url));
  return [path(`${name}.o`), '-r', path('traffic.pcap'), '--maps-in', path(`${name}.maps.json`)];
};
const run = (...args: string[]): ReturnType<typeof captureCli> => captureCli(['run', '--card', 'pipeline', ...args]);

describe('jitnic run --coherence', () => {
  test.each([
    ['flow', 'pipeline'],
    ['strict', 'pipeline-coherent'],
  ])('is equal to the interpreter in %s order on %s', async (order, card) => {
    const args = ['--card', card, '--coherence', '--order', order, '--rate', '300kpps', '--loops', '2', '--check'];
    const { exitCode, out } = await run(...example('token-bucket'), '-c', '900', ...args, '-j');
    const { check, coherence, hits, misses, packets, verdicts } = JSON.parse(out);
    expect([exitCode, check]).toEqual([0, 'equal']);
    expect(coherence.order).toBe(order);
    expect(hits).toBeGreaterThan(0);
    expect(hits + misses).toBe(packets);
    expect(Object.values<number>(verdicts).reduce((sum, n) => sum + n, 0)).toBe(packets);
    // The classes' buckets went over the link and back.
    expect(coherence.messages.want).toBeGreaterThan(0);
  });

  test('leaves the maps as the interpreter does where the order is that of arrival', async () => {
    const few = ['-c', '120', '--maps', '-j'];
    const [bucket, file, ...rest] = example('token-bucket');
    const args = [bucket ?? '', file ?? '', ...rest, ...few];
    const coherent = JSON.parse((await run(...args, '--coherence', '--order', 'strict')).out);
    const alone = JSON.parse((await captureCli(['run', ...args, '--engine', 'interp'])).out);
    const stateOf = ({ maps }: { readonly maps: Record<string, unknown> }): unknown[] => [
      maps['class_states'],
      maps['sources'],
      maps['token_bu.bss'],
    ];
    expect(coherent.verdicts).toEqual(alone.verdicts);
    expect(stateOf(coherent)).toEqual(stateOf(alone));
  });

  test('says with -v what each map is to both sides, and why its protocol was chosen', async () => {
    const { out } = await run(...example('token-bucket'), '-c', '20', '--coherence', 'sources=replay', '-v');
    const table = out.slice(out.indexOf('two sides, order flow'));
    expect(table).toMatch(/class_states +read, write +no +index +migrate +packets read and write it/);
    expect(table).toMatch(/sources +read, write +no +struct addr \(16 B\) +replay .*read and write/);
    expect(table).toMatch(/token_bu\.bss +write +yes +index +combine +packets only add to it/);
    expect(table).toMatch(/classes +read +index +- +nobody writes it while/);
  });

  test('names map, type and protocol that do not go together, and those that do', async () => {
    const { exitCode, err } = await run(...example('token-bucket'), '--coherence', 'sources=combine');
    expect(exitCode).toBe(4);
    expect(err).toContain('`combine` does not carry map `sources` of type lru_hash: packets read and write it');
    expect(err).toContain('these do: device-home, migrate, replay, host-home, stall');
  });

  test.each([
    [['--coherence', 'sources=migrant'], 'did you mean `migrate`?', 2],
    [['--coherence', 'sources'], 'not MAP=PROTOCOL', 2],
    [['--coherence', 'sourced=migrate'], 'there is no map `sourced`', 3],
    [['--order', 'strict'], '`--order` needs `--coherence`', 2],
    [['--coherence', '--order', 'none'], 'orders: flow', 2],
    [['--coherence', '--card', 'hxdp'], 'runs every packet, and there is nothing to keep in step', 2],
    [['--coherence', '--cpus', '2'], 'exclude each other', 2],
  ])('refuses %j', async (args, text, code) => {
    const { exitCode, err } = await run(...example('token-bucket'), ...(args as string[]));
    expect(err).toContain(text);
    expect(exitCode).toBe(code);
  });
});
