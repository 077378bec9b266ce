import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { captureCli } from '../../src/cli/testing.js';

const example = (file: string): string => fileURLToPath(new URL(`../../examples/${file}`, import.meta.url));

describe('jitnic check', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'jitnic-check-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const check = (...args: string[]): ReturnType<typeof captureCli> =>
    captureCli(['check', folder, '-c', '50', '--no-kernel', ...args]);

  test('runs every XDP program below a folder through card and host, a row each', async () => {
    copyFileSync(example('port-knocking/port-knocking.o'), join(folder, 'knock.o'));
    copyFileSync(example('ipv6-filter/ipv6-filter.o'), join(folder, 'filter.o'));
    const { exitCode, out } = await check('--json');
    expect(exitCode).toBe(0);
    const { schema, programs, passed, failed } = JSON.parse(out);
    expect([schema, passed, failed]).toEqual(['jitnic.check/1', 5, 0]);
    expect(programs.map(({ object, name }: Record<string, string>) => `${object} ${name}`)).toEqual([
      'filter.o ipv6_filter',
      'knock.o knock',
      'knock.o gate',
      'knock.o refuse',
      'knock.o port_knocking',
    ]);
    expect(programs.every(({ packets }: { packets: number }) => packets === 50)).toBe(true);
  });

  test('names what Linux would refuse and what is no object, and goes on', async () => {
    copyFileSync(example('ipv6-filter/ipv6-filter.o'), join(folder, 'z.o'));
    writeFileSync(join(folder, 'a.o'), 'no object');
    const source = join(folder, 'bad.s');
    writeFileSync(source, '.section xdp\n.globl f\nf:\nr0 = *(u8 *)(r1 + 0)\nexit\n');
    expect((await captureCli(['asm', source, '-o', join(folder, 'b.o')])).exitCode).toBe(0);
    const { exitCode, out } = await check();
    expect(exitCode).toBe(0);
    expect(out).toMatch(/a\.o: refused: /);
    expect(out).toMatch(/b\.o f: refused: .*invalid bpf_context access/);
    expect(out).toMatch(/1 program passed, 0 failed, 2 refused, 0 skipped/);
  });

  test('a folder without objects is a bad input', async () => {
    const { exitCode, err } = await check();
    expect(exitCode).toBe(3);
    expect(err).toContain('no `.o` file in this folder');
  });
});
