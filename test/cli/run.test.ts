/** `jitnic run`: the same outcome on every engine, and what is said where one cannot do it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { captureCli } from '../../src/cli/testing.js';

const example = (file: string): string => fileURLToPath(new URL(`../../examples/${file}`, import.meta.url));
const balancer = [
  example('load-balancer/load-balancer.o'),
  '--maps-in',
  example('load-balancer/load-balancer.maps.json'),
];
const capture = example('load-balancer/traffic.pcap');

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'jitnic-run-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function run(...args: string[]): ReturnType<typeof captureCli> {
  return captureCli(['run', ...args]);
}

function source(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe('every engine', () => {
  test('leaves the same verdicts, maps, packets and lines', async () => {
    const outcomes: unknown[] = [];
    for (const engine of ['interp', 'wasm', 'trace']) {
      const file = join(folder, `${engine}.pcapng`);
      const json = JSON.parse(
        (await run(...balancer, '-r', capture, '--engine', engine, '-j', '--maps', '-c', '400', '-w', file)).out,
      );
      const { out } = await run(...balancer, '-r', capture, '--engine', engine, '-x', '-c', '150');
      const lines = out.split('\n').filter((line) => /^\d\d:\d\d:.* -> [A-Z]+$|^\t0x[0-9a-f]{4}: /.test(line));
      expect(lines.filter((line) => line.includes(' -> '))).toHaveLength(150);
      expect(json.host).toBe(engine === 'interp' ? 'interp' : 'wasm');
      expect(json.cpu_seconds).toBeGreaterThan(0);
      outcomes.push({ verdicts: json.verdicts, maps: json.maps, packets: readFileSync(file).toString('hex'), lines });
    }
    expect(outcomes[1]).toEqual(outcomes[0]);
    expect(outcomes[2]).toEqual(outcomes[0]);
  });

  test('stops at the packet that --count names', async () => {
    for (const engine of ['interp', 'wasm', 'trace']) {
      expect(
        JSON.parse((await run(...balancer, '-r', capture, '--engine', engine, '-j', '-c', '77')).out).packets,
      ).toBe(77);
    }
  });

  test('agrees with the interpreter beside it', async () => {
    for (const engine of ['interp', 'wasm', 'trace']) {
      const { out, exitCode } = await run(...balancer, '-r', capture, '--engine', engine, '--check', '-j', '-c', '400');
      expect([JSON.parse(out).check, exitCode]).toEqual(['equal', 0]);
    }
  });

  test('runs what is before the damage, and says where it is', async () => {
    const cut = join(folder, 'cut.pcap');
    writeFileSync(cut, readFileSync(capture).subarray(0, 5000));
    const { out, err } = await run(...balancer, '-r', cut, '--engine', 'wasm', '-j');
    expect(err).toMatch(/cut\.pcap: offset 0x[0-9a-f]+: cut off .*; \d+ packets were read before/);
    expect(JSON.parse(out).packets).toBeGreaterThan(10);
  });
});

describe('a program that is not compiled', () => {
  const flags = `
.section xdp
.globl p
p:
r1 = 1
r2 = each ll
r3 = 0
r4 = 1
call bpf_loop
r0 = 2
exit
each:
r0 = 0
exit
`;
  test('runs on the interpreter, and the instruction is named', async () => {
    const file = source('flags.s', flags);
    const { out, err, exitCode } = await run(file, '-r', capture, '--engine', 'wasm', '-j', '-c', '20', '--check');
    expect(exitCode).toBe(0);
    expect(err).toMatch(
      /flags\.s: section xdp: insn \d+: bpf_loop with flags\n {2}the host runs the program on the interpreter/,
    );
    const json = JSON.parse(out);
    expect(json.host).toBe('interp');
    expect(json.not_compiled.what).toBe('bpf_loop with flags');
    expect(json.verdicts.PASS).toBe(20);
  });
});

describe('--no-verify', () => {
  // Counts by the packet's first byte, then reads where the 15th says, be that in the packet or not.
  const text = `
	.map counts type=array key=4 value=8 max_entries=4
	.section xdp
	.globl wild
wild:
	r6 = *(u32 *)(r1 + 0)
	r7 = *(u8 *)(r6 + 0)
	r7 &= 3
	*(u32 *)(r10 - 4) = r7
	r1 = counts ll
	r2 = r10
	r2 += -4
	call 1
	r1 = 1
	lock *(u64 *)(r0 + 0) += r1
	r8 = *(u8 *)(r6 + 14)
	r6 += r8
	r0 = *(u8 *)(r6 + 0)
	r0 &= 1
	r0 += 1
	exit
`;

  test.each(['run', 'trace'])(
    '%s: the card takes traces of a program that Linux would not load, with every access checked',
    async (command) => {
      const object = source('wild.s', text);
      const packets = join(folder, 'wild.pcap');
      await captureCli(['gen', '-c', '400', '--seed', '5', '--malformed', '0.3', '-w', packets]);
      const refused = await captureCli([command, object, '-r', packets]);
      expect(refused.exitCode).toBe(1);
      const { out, exitCode } = await captureCli([command, object, '-r', packets, '--no-verify', '--check', '-j']);
      expect(exitCode).toBe(0);
      const json = JSON.parse(out);
      expect(json.hits).toBeGreaterThan(50);
      const plain = JSON.parse(
        (await captureCli(['run', object, '-r', packets, '--no-verify', '--no-card', '-j'])).out,
      );
      expect(plain.verdicts.ABORTED).toBeGreaterThan(5);
      expect(json.verdicts).toEqual(plain.verdicts);
    },
  );
});

describe('flags that exclude each other', () => {
  test.each([
    [['--engine', 'wasm', '--no-verify'], '`--no-verify` and `--engine wasm` exclude each other'],
    [['--engine', 'wasm', '--max-insns', '5'], '`--max-insns` and `--engine wasm` exclude each other'],
    [['--engine', 'turbo'], 'no engine `turbo`'],
  ])('%j', async (flags, message) => {
    const { err, exitCode } = await run(...balancer, '-r', capture, ...flags);
    expect(exitCode).toBe(2);
    expect(err).toContain(message);
  });
});
