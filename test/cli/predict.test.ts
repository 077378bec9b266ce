/** `jitnic predict`: contracts of small programs, by hand, and what a comparison says of a worse version. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { captureCli } from '../../src/cli/testing.js';
import { buildPacket, encodeCapture } from '../../src/packet/index.js';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'jitnic-predict-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** Goes round once for each unit of the packet's first byte, three instructions a round, and one more if that is odd.
 * */
const rounds = (extra: string): string => `.section xdp
p:
  r2 = *(u32 *)(r1 + 0)
  r3 = *(u32 *)(r1 + 4)
  r4 = r2
  r4 += 14
  if r4 > r3 goto out
  r5 = *(u8 *)(r2 + 0)
  r0 = 1
  ${extra}
again:
  r5 -= 1
  if r5 s> 0 goto again
  exit
out:
  r0 = 2
  exit
`;

function capture(...first: readonly number[]): string {
  const packets = first.map((byte, i) => {
    const data = buildPacket('eth/ip/udp/zeros(20)').slice();
    data[0] = byte;
    return { data, time: BigInt(i) };
  });
  return file('rounds.pcap', encodeCapture(packets, { format: 'pcap' }));
}

interface Formula {
  readonly text: string;
}

test('a loop is a variable, and the formula holds at every packet', async () => {
  const { exitCode: code, out } = await captureCli(['predict', file('a.s', rounds('')), '-r', capture(1, 7, 30), '-j']);
  expect(code).toBe(0);
  const contract = JSON.parse(out) as {
    exact: boolean;
    classes: { packets: number; insns: Formula; loads: Formula; counted: { insns: object } }[];
  };
  expect(contract.exact).toBe(true);
  expect(contract.classes).toHaveLength(1);
  expect(contract.classes[0]).toMatchObject({
    packets: 3,
    insns: { text: '8 + 2 n1' },
    loads: { text: '3' },
    counted: { insns: { least: 10, most: 68 } },
  });
});

test('a version that takes more is a regression, one that takes as much is none', async () => {
  const packets = capture(1, 7, 30);
  const [a, b] = [file('a.s', rounds('')), file('b.s', rounds('r5 += 1'))];
  expect((await captureCli(['predict', a, '-r', packets, '--diff', a])).exitCode).toBe(0);
  const worse = await captureCli(['predict', b, '-r', packets, '--diff', a]);
  expect(worse.exitCode).toBe(1);
  expect(worse.out).toContain('1 regression');
  // 3 instructions of 33 on average.
  expect((await captureCli(['predict', b, '-r', packets, '--diff', a, '--tolerance', '10%'])).exitCode).toBe(0);
  expect((await captureCli(['predict', a, '-r', packets, '--diff', b])).exitCode).toBe(0);
});

test('a contract that was kept is compared on the same packets only', async () => {
  const packets = capture(1, 7, 30);
  const kept = await captureCli(['predict', file('a.s', rounds('')), '-r', packets, '-j']);
  const old = file('old.json', kept.out);
  const b = file('b.s', rounds('r5 += 1'));
  expect((await captureCli(['predict', b, '-r', packets, '--diff', old])).exitCode).toBe(1);
  const other = await captureCli(['predict', b, '-r', packets, '-c', '2', '--diff', old]);
  expect(other.exitCode).toBe(3);
  expect(other.err).toContain('that contract is about other packets');
  const search = await captureCli(['predict', b, '--diff', old]);
  expect(search.exitCode).toBe(2);
  expect(search.err).toContain('-r FILE');
});

test('flags that say nothing here are refused', async () => {
  const a = file('a.s', rounds(''));
  expect((await captureCli(['predict', a, '--check'])).exitCode).toBe(2);
  expect((await captureCli(['predict', a, '--tolerance', '2%'])).exitCode).toBe(2);
  expect((await captureCli(['predict', a, '--diff', a, '--tolerance', 'two'])).exitCode).toBe(2);
  expect((await captureCli(['predict', a, '-r', capture(1), '--budget', '3'])).exitCode).toBe(2);
});
