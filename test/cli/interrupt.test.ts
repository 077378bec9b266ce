/** Ctrl-C: heard in every phase of every command, and what is printed then says that it is not all. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { captureCli } from '../../src/cli/testing.js';
import { builtCli, interruptCli } from '../support/interrupted.js';

const example = (file: string): string => fileURLToPath(new URL(`../../examples/${file}`, import.meta.url));
const object = example('load-balancer/load-balancer.o');
const capture = example('load-balancer/traffic.pcap');
const balancer = [object, '--maps-in', example('load-balancer/load-balancer.maps.json'), '-r', capture];

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'jitnic-interrupt-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function source(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** Loops that Linux accepts and that take longer than anybody waits. */
const nested = `.section xdp
p:
  r1 = 0x800000
  r2 = outer ll
  r3 = 0
  r4 = 0
  call bpf_loop
  r0 = 2
  exit
.text
outer:
  r1 = 0x800000
  r2 = middle ll
  r3 = 0
  r4 = 0
  call bpf_loop
  r0 = 0
  exit
middle:
  r1 = 0x800000
  r2 = inner ll
  r3 = 0
  r4 = 0
  call bpf_loop
  r0 = 0
  exit
inner:
  r0 = 0
  exit
`;

/** The verifier walks a million instructions of it before it gives up, and there are many of them. */
const explosive = Array.from({ length: 200 }, (_, i) =>
  [
    `.section xdp/p${i}`,
    `p${i}:`,
    '  r6 = r1',
    '  r7 = 0',
    ...Array.from({ length: 40 }, (_, k) => [
      '  call bpf_get_prandom_u32',
      `  if r0 > 7 goto l${i}_${k}`,
      `  r7 += ${1 << (k % 31)}`,
      `l${i}_${k}:`,
    ]).flat(),
    '  r0 = r7',
    '  exit',
  ].join('\n'),
).join('\n');

const why = existsSync(builtCli)
  ? process.platform === 'linux'
    ? undefined
    : 'reads /proc'
  : 'there is no dist/: npm run build';

describe.skipIf(why !== undefined)(`a process${why === undefined ? '' : ` (skipped: ${why})`}`, () => {
  const work = 60;
  const cases: readonly (readonly [string, () => readonly string[], number])[] = [
    [
      'in one packet on the interpreter',
      () => {
        const spin = source('spin.s', '.section xdp\np:\n  goto p\n');
        return ['run', spin, '--no-verify', '--max-insns', '9000000000000000', '-r', capture, '-j'];
      },
      work,
    ],
    [
      'in one packet of compiled code',
      () => ['run', source('nested.s', nested), '-r', capture, '--engine', 'wasm', '-j'],
      work,
    ],
    ['while a path is recorded', () => ['trace', source('nested.s', nested), '-r', capture, '-j'], work],
    ['in the threads of --jobs', () => ['run', source('nested.s', nested), '-r', capture, '--jobs', '2', '-j'], work],
    ['in the run that compares policies', () => ['cache', source('nested.s', nested), '-r', capture, '-j'], work],
    ['while verifying', () => ['verify', source('explosive.s', explosive), '-j'], work],
    ['while making traffic', () => ['gen', '-c', '1000000000000', '-w', '/dev/null', '-j'], work],
    [
      'while measuring',
      () => ['bench', object, '-r', capture, '--engine', 'interp,wasm', '--rounds', '1000000', '-j'],
      work,
    ],
    ['while a capture is waited for', () => ['run', object, '-r', '-', '-j'], 0],
    ['while a program is waited for', () => ['show', '-', '-j'], 0],
  ];
  test.each(cases)('%s', async (_, args, ticks) => {
    const { status, out } = await interruptCli(args(), ticks);
    expect(status).toBe(130);
    expect(JSON.parse(out)).toMatchObject({ interrupted: true });
  });

  test('and the text says it too', async () => {
    const { status, out } = await interruptCli(['run', source('nested.s', nested), '-r', capture], work);
    expect(status).toBe(130);
    expect(out).toContain('interrupted: this is the part that was done by then');
  });
});

describe('what is printed', () => {
  test.each(['making the maps', 'verifying', 'reading the object'])('%s: nothing but that', async (interruptIn) => {
    const { exitCode, out } = await captureCli(['run', ...balancer, '-j'], { interruptIn });
    expect(exitCode).toBe(130);
    expect(JSON.parse(out)).toMatchObject({
      schema: 'jitnic.error/1',
      interrupted: true,
      error: { code: 'interrupted', message: `interrupted while ${interruptIn}` },
    });
  });

  test('running packets: counts of those that were decided', async () => {
    const { exitCode, out } = await captureCli(['run', ...balancer, '-j'], { interruptIn: 'running packets' });
    expect(exitCode).toBe(130);
    const { packets, hits, misses, verdicts, interrupted } = JSON.parse(out);
    expect(interrupted).toBe(true);
    expect(hits + misses).toBe(packets);
    expect(Object.values<number>(verdicts).reduce((a, b) => a + b)).toBe(packets);
  });

  test('conditions: everything but those', async () => {
    const whole = JSON.parse((await captureCli(['run', ...balancer, '-j'])).out);
    const { exitCode, out } = await captureCli(['run', ...balancer, '-j'], {
      interruptIn: 'putting conditions into words',
    });
    const part = JSON.parse(out);
    expect(exitCode).toBe(130);
    expect(part.verdicts).toEqual(whole.verdicts);
    expect(part.traces.map(({ packets }: { packets: number }) => packets)).toEqual(
      whole.traces.map(({ packets }: { packets: number }) => packets),
    );
    expect(part.traces.every(({ condition }: { condition: unknown }) => condition === null)).toBe(true);
  });

  test('a page: none', async () => {
    const page = join(folder, 'page.html');
    const { exitCode } = await captureCli(['run', ...balancer, '--report', page], { interruptIn: 'writing the page' });
    expect(exitCode).toBe(130);
    expect(existsSync(page)).toBe(false);
  });
});
