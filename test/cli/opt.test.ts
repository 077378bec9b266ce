/** `jitnic opt`: smaller objects, and what it refuses to write. */
import { copyFileSync, existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { captureCli } from '../../src/cli/testing.js';

const object = fileURLToPath(new URL('../../bench/programs/parse-checksum.o', import.meta.url));
const capture = fileURLToPath(new URL('../../examples/ipv6-filter/traffic.pcap', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'jitnic-opt-'));
const opt = (...flags: string[]): ReturnType<typeof captureCli> =>
  captureCli(['opt', object, '--packets', '200', '--no-kernel-check', ...flags]);

describe('jitnic opt', () => {
  test('writes a smaller object that still verifies, and says what it did', async () => {
    const output = join(folder, 'small.o');
    const { out, exitCode } = await opt('-o', output, '-r', capture);
    expect(exitCode).toBe(0);
    expect(out).toMatch(/slots before, .* after/);
    expect(out).toMatch(/instructions a packet before/);
    expect(out).toContain('no difference');
    expect((await captureCli(['verify', output])).exitCode).toBe(0);
    expect(readFileSync(output).length).toBeGreaterThan(0);
  });

  test('tells scripts the same', async () => {
    const { out } = await opt('-j');
    const { schema, functions, compared, output } = JSON.parse(out) as {
      schema: string;
      functions: { slots_before: number; slots_after: number; label: string }[];
      compared: { difference: unknown }[];
      output: unknown;
    };
    expect(schema).toBe('jitnic.opt/1');
    expect(functions.every((fn) => fn.slots_after <= fn.slots_before)).toBe(true);
    expect(compared.every(({ difference }) => difference === null)).toBe(true);
    expect(output).toBeNull();
  });

  test('does not write over its input unless told to', async () => {
    const input = join(folder, 'same.o');
    copyFileSync(object, input);
    const before = readFileSync(input);
    const refused = await captureCli(['opt', input, '-o', input]);
    expect(refused.exitCode).toBe(2);
    expect(refused.err).toContain('--in-place');
    expect(readFileSync(input).equals(before)).toBe(true);
    const done = await captureCli(['opt', input, '--in-place', '--packets', '0', '--no-kernel-check']);
    expect(done.exitCode).toBe(0);
  });

  test('writes nothing for a file that is none', async () => {
    const output = join(folder, 'none.o');
    const { exitCode } = await captureCli(['opt', capture, '-o', output]);
    expect(exitCode).toBe(3);
    expect(existsSync(output)).toBe(false);
  });

  test('runs the passes that are asked for, and prints what they leave', async () => {
    const none = await opt('-O0');
    expect(none.out).toContain('0.0 % less');
    const printed = await opt('--print-after', 'dead');
    expect(printed.out).toMatch(/after dead\n +0: /);
    expect((await opt('-O-ded')).err).toContain('did you mean `dead`?');
    expect((await opt('--print-after', 'nothing')).exitCode).toBe(2);
  });
});
