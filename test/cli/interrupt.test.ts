/** Ctrl-C: heard in every phase of every command, and what is printed then says that it is not all. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { commandRows } from '../../src/cli/commands.js';
import { captureCli } from '../../src/cli/testing.js';
import { builtCli, inTime, interruptCli } from '../support/interrupted.js';

const example = (file: string): string => fileURLToPath(new URL(`../../examples/${file}`, import.meta.url));
const object = example('load-balancer/load-balancer.o');
const capture = example('load-balancer/traffic.pcap');
const maps = ['--maps-in', example('load-balancer/load-balancer.maps.json')];
const balancer = [object, ...maps, '-r', capture, '-c', '60'];

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

/** The square of a sum, and what it comes to: equal, and no solver sees that soon. */
const squares: Readonly<Record<string, string>> = Object.fromEntries(
  [
    ['square.s', 'r5 = r3\nr5 += r4\nr5 *= r5'],
    ['sum.s', 'r5 = r3\nr5 *= r3\nr2 = r4\nr2 *= r4\nr5 += r2\nr2 = r3\nr2 *= r4\nr2 *= 2\nr5 += r2'],
  ].map(([name, sum]) => [
    name,
    `.section xdp
.globl f
f:
r6 = *(u32 *)(r1 + 0)
r7 = *(u32 *)(r1 + 4)
r0 = 1
r2 = r6
r2 += 34
if r2 > r7 goto out
r3 = *(u64 *)(r6 + 14)
r4 = *(u64 *)(r6 + 22)
${sum}
r5 >>= 40
r0 = r5
r0 &= 1
r0 += 1
out:
exit
`,
  ]),
);

/** Command, what it is at, its operands and flags, and how much it has worked by then (0: it waits for input). */
type Case = readonly [command: string, phase: string, args: () => readonly string[], ticks: number];

const why = existsSync(builtCli)
  ? process.platform === 'linux'
    ? undefined
    : 'reads /proc'
  : 'there is no dist/: npm run build';

describe.skipIf(why !== undefined)(`a process${why === undefined ? '' : ` (skipped: ${why})`}`, () => {
  /** Hundredths of a second of work before Ctrl-C comes. */
  const work = 30;
  const spin = (): string => source('spin.s', '.section xdp\np:\n  goto p\n');
  const loops = (): string => source('nested.s', nested);
  const many = (): string => source('explosive.s', explosive);
  const inFolder = (): string => {
    mkdirSync(join(folder, 'objects'), { recursive: true });
    const made = spawnSync(process.execPath, [builtCli, 'asm', loops(), '-o', join(folder, 'objects/nested.o')]);
    if (made.status !== 0) throw new Error(String(made.stderr));
    return join(folder, 'objects');
  };
  const sums = (): readonly string[] => Object.entries(squares).map(([name, text]) => source(name, text));
  const suite = (): string =>
    source(
      'nested.xdp.yaml',
      `object: ${loops()}\ntests:\n  - name: takes long\n    packet: eth/ip/udp\n    expect: PASS\n`,
    );
  const other = (): string => source('other.s', nested.replace('r0 = 2', 'r0 = 1'));

  /** Each command that can take long or waits for input, and where it is when Ctrl-C comes. */
  const cases: readonly Case[] = [
    ['demo', 'at work', () => [], work],
    ['show', 'a program is waited for', () => ['-'], 0],
    ['disasm', 'a program is waited for', () => ['-'], 0],
    ['asm', 'a text is waited for', () => ['-', '-o', '/dev/null'], 0],
    ['verify', 'verifying', () => [many()], work],
    ['ir', 'optimizing', () => [object, '--print-after', 'all'], 15],
    ['opt', 'optimizing', () => [object, '--no-prove', '-o', '/dev/null'], work],
    ['opt', 'asking the solver', () => [object, '--effort', '2', '-o', '/dev/null'], 10 * work],
    ['bench', 'measuring', () => [object, '-r', capture, '--engine', 'interp,wasm', '--rounds', '1000000'], work],
    ['test', 'in a test', () => [suite()], work],
    ['paths', 'searching', () => [loops()], work],
    ['predict', 'searching', () => [loops()], work],
    ['place', 'counting', () => [example('apps/guard.yaml')], work],
    ['predict', 'counting', () => [loops(), '-r', capture], work],
    ['diff', 'comparing', () => [loops(), other(), '--no-proof'], work],
    ['diff', 'proving', () => [...sums(), '--budget', '0'], 2 * work],
    ['debug', 'running the packet', () => [loops(), '-r', capture], work],
    ['debug', 'a command is waited for', () => [object, '-r', capture], 0],
    [
      'run',
      'in one packet on the interpreter',
      () => [spin(), '--no-verify', '--max-insns', '9000000000000000', '-r', capture],
      work,
    ],
    ['run', 'in one packet of compiled code', () => [loops(), '-r', capture, '--engine', 'wasm'], work],
    ['explore', 'in the threads of --jobs', () => [object, '-r', capture, '--vary', 'lanes=1..8', '--jobs', '2'], work],
    ['explore', 'in a point', () => [loops(), '-r', capture, '--vary', 'lanes=1..8', '--jobs', '1'], work],
    ['run', 'in the threads of --jobs', () => [loops(), '-r', capture, '--jobs', '2'], work],
    ['run', 'a capture is waited for', () => [object, '-r', '-'], 0],
    ['trace', 'recording a path', () => [loops(), '-r', capture], work],
    ['cache', 'running for the policies', () => [loops(), '-r', capture], work],
    ['card', 'a program is waited for', () => ['compile', '-'], 0],
    ['scr', 'analyzing', () => ['analyze', example('nat/nat.o')], work],
    ['live', 'a program is waited for', () => ['attach', 'lo', '--object', '-'], 0],
    ['lab', 'requests are waited for', () => [object, capture], 0],
    ['map', 'a program is waited for', () => ['dump', '-'], 0],
    ['gen', 'making traffic', () => ['-c', '1000000000000', '-w', '/dev/null'], work],
    ['prog', 'a program is waited for', () => ['dump', 'jited', '-'], 0],
    ['serve', 'requests are waited for', () => [join(folder, 'state')], 0],
    ['check', 'in a program', () => [inFolder(), '--no-kernel'], work],
    ['conformance-plugin', 'a program is waited for', () => [], 0],
  ];
  /** Commands that print what they have, at once. */
  const instant = ['completion', 'man', 'device', 'net', 'feature'];
  /** Commands that print no JSON. */
  const textOnly = ['debug', 'lab', 'serve'];

  test('every command has a case', () => {
    const named = new Set([...cases.map(([name]) => name), ...instant]);
    expect([...named].sort()).toEqual(commandRows.map(({ name }) => name).sort());
  });

  test.each(cases)('%s: %s', async (name, _, args, ticks) => {
    const isJson = !textOnly.includes(name);
    const { status, signal, out, err, heard } = await interruptCli([name, ...args(), ...(isJson ? ['-j'] : [])], ticks);
    expect({ status, signal }, err).toEqual({ status: 130, signal: null });
    if (isJson) expect(JSON.parse(out)).toMatchObject({ interrupted: true });
    else expect(err).toContain('interrupted');
    expect(heard).toBeLessThanOrEqual(inTime);
  });

  test('and the text says it too', async () => {
    // Among the packets, which come after reading and verifying: those end with an error alone.
    const { status, out } = await interruptCli(['run', source('nested.s', nested), '-r', capture], 5 * work);
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
