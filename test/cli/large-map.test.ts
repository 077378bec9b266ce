/** Maps of tens of millions of entries: what was touched is read, written and compared, not what could have been. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { captureCli } from '../../src/cli/testing.js';

const capture = fileURLToPath(new URL('../../examples/load-balancer/traffic.pcap', import.meta.url));

/** Counts packets at an index that hashing the source address gives, over an array of 160 MB. */
const program = (entries: number): string => `.section xdp
p:
  r6 = *(u32 *)(r1 + 0)
  r7 = *(u32 *)(r1 + 4)
  r2 = r6
  r2 += 38
  if r2 > r7 goto out
  r3 = *(u32 *)(r6 + 26)
  w3 *= 0x9e3779b1
  w3 %= ${entries}
  *(u32 *)(r10 - 4) = r3
  r2 = r10
  r2 += -4
  r1 = map[table]
  call bpf_map_lookup_elem
  if r0 == 0 goto out
  r1 = *(u64 *)(r0 + 0)
  r1 += 1
  *(u64 *)(r0 + 0) = r1
out:
  r0 = 2
  exit
.map table type=array key=4 value=8 max_entries=${entries}
`;

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'jitnic-large-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

async function run(entries: number, ...flags: string[]): Promise<string> {
  const object = join(folder, `${entries}.s`);
  writeFileSync(object, program(entries));
  const { exitCode, out, err } = await captureCli(['run', object, '-r', capture, '-q', '--no-cache', ...flags]);
  expect(exitCode, err).toBe(0);
  return out;
}

interface Dump {
  readonly maps: { readonly table: readonly { readonly key: string; readonly value: string }[] };
}
const read = (name: string): Dump => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Dump;
/** Sum of the counters, whose values are 64-bit little-endian hex. */
const sum = ({ maps }: Dump): number =>
  maps.table.reduce((all, { value }) => all + Buffer.from(value.replaceAll(' ', ''), 'hex').readUInt32LE(0), 0);

test('an array of 20,000,000 entries costs what is touched of it', async () => {
  // Everything that is loaded once has been loaded.
  await run(1000, '--check', '--maps-out', join(folder, 'small.json'));
  const before = process.memoryUsage().rss;
  await run(20_000_000, '--check', '--maps-out', join(folder, 'first.json'));
  await run(20_000_000, '--maps-in', join(folder, 'first.json'), '--maps-out', join(folder, 'second.json'));
  const grown = process.memoryUsage().rss - before;
  const [first, second] = [read('first.json'), read('second.json')];
  expect(first.maps.table.length).toBeGreaterThan(50);
  expect(first.maps.table.length).toBeLessThan(2000);
  // Each packet was counted once, and the second run went on where the first had ended.
  expect(sum(first)).toBe(sum(read('small.json')));
  expect(sum(second)).toBe(2 * sum(first));
  expect(second.maps.table.map(({ key }) => key)).toEqual(first.maps.table.map(({ key }) => key));
  // Four machines with 160 MB each; a single one of them that was read or filled would be more than this.
  expect(grown).toBeLessThan(120 * 2 ** 20);
});
