/**
 * Programs that hash: conditions are DAGs of computed values, and neither running nor printing them may take longer
 * than they are large.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { captureCli } from '../../src/cli/testing.js';
import { hashProgram } from '../../src/tools/hashing/program.js';

const capture = fileURLToPath(new URL('../../examples/load-balancer/traffic.pcap', import.meta.url));

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'jitnic-hash-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** The body stands behind a check that 60 bytes are there, r6 points to them, r7 to the end. */
function program(body: string): string {
  return `.section xdp
p:
  r6 = *(u32 *)(r1 + 0)
  r7 = *(u32 *)(r1 + 4)
  r2 = r6
  r2 += 60
  if r2 > r7 goto out
${body}
  r0 = 1
  exit
out:
  r0 = 2
  exit
`;
}

async function checked(text: string, ...args: string[]): Promise<Record<string, unknown>> {
  const path = join(folder, 'p.s');
  writeFileSync(path, text);
  const { out, err, exitCode } = await captureCli([
    'trace',
    path,
    '-r',
    capture,
    '-c',
    '200',
    '--check',
    '-j',
    ...args,
  ]);
  expect(err).toBe('');
  expect(exitCode).toBe(0);
  return JSON.parse(out);
}

describe('a condition is as long as its computation', () => {
  test("murmur3's fmix32 of one byte", async () => {
    const json = await checked(
      program(`
  r0 = *(u8 *)(r6 + 23)
  w1 = w0
  w1 >>= 16
  w0 ^= w1
  w0 *= 0x85ebca6b
  w1 = w0
  w1 >>= 13
  w0 ^= w1
  w0 *= 0xc2b2ae35
  w1 = w0
  w1 >>= 16
  w0 ^= w1
  w0 %= 5
  if w0 != 1 goto out`),
      '-v',
      '--rules',
    );
    expect(json['check']).toBe('equal');
  });

  test('sums that double', async () => {
    const json = await checked(
      program(`
  r0 = *(u64 *)(r6 + 16)
  r3 = *(u64 *)(r6 + 24)
  r1 = 60
again:
  r0 += r3
  r3 += r0
  r1 += -1
  if r1 != 0 goto again
  if r0 > 77 goto out
  r3 &= 15
  r6 += r3
  r2 = r6
  r2 += 1
  if r2 > r7 goto out
  r0 = *(u8 *)(r6 + 0)
  if r0 > 7 goto out`),
    );
    expect(json['check']).toBe('equal');
  });

  test('forty ranges, whose prefixes would be 2 ** 40 rows', async () => {
    const ranges = Array.from({ length: 40 }, (_, i) => `  r0 = *(u8 *)(r6 + ${20 + i})\n  if r0 > 253 goto out`);
    const json = await checked(program(ranges.join('\n')));
    const traces = json['traces'] as { table: { rows: number } }[];
    expect(Math.max(...traces.map(({ table }) => table.rows))).toBeLessThanOrEqual(5000);
  });

  test('a chain of nine thousand values is left to the host', async () => {
    const json = await checked(
      program(`
  r0 = *(u8 *)(r6 + 23)
  r3 = *(u8 *)(r6 + 24)
  r1 = 3000
again:
  r0 *= 0x5ebca6b
  r0 ^= r3
  r3 += r0
  r1 += -1
  if r1 != 0 goto again
  if r0 > 77 goto out`),
    );
    expect(Object.keys(json['aborts'] as object)).toEqual(['too-deep']);
  });
});

test('generated programs that decide by hashes', async () => {
  for (let seed = 1; seed <= 12; seed++) {
    const json = await checked(hashProgram(seed));
    expect(json['check'], `hashProgram(${seed})`).toBe('equal');
  }
});
