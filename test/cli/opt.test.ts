/** `jitnic opt`: smaller objects, and what it refuses to write. */
import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { captureCli } from '../../src/cli/testing.js';
import { haveSolver } from '../support/solver.js';

const object = fileURLToPath(new URL('../../bench/programs/parse-checksum.o', import.meta.url));
const capture = fileURLToPath(new URL('../../examples/ipv6-filter/traffic.pcap', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'jitnic-opt-'));
const opt = (...flags: string[]): ReturnType<typeof captureCli> =>
  captureCli(['opt', object, '--packets', '200', '--no-kernel-check', '--effort', '0', ...flags]);

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

  test('takes instructions alone and gives instructions alone, of the type that is named', async () => {
    const [source, raw, small] = ['r.s', 'r.bin', 'r.out'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    writeFileSync(source, '.license "GPL"\n.section xdp\nr0 = 1\nr2 = 5\nr0 += 1\nexit\n');
    expect((await captureCli(['asm', source, '--raw', '-o', raw])).exitCode).toBe(0);
    const flags = ['--raw', '-o', small, '--packets', '10', '--no-kernel-check', '--effort', '0'];
    const { out, exitCode } = await captureCli(['opt', raw, ...flags, '--raw-section', 'socket']);
    expect(exitCode).toBe(0);
    expect(out).toMatch(/main +socket +4 +2/);
    expect(readFileSync(small)).toHaveLength(16);
    expect((await captureCli(['verify', small, '--raw'])).exitCode).toBe(0);
    expect((await captureCli(['show', raw, '--raw-section', 'socket'])).exitCode).toBe(2);
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
    const [soft, hard] = [join(folder, 'soft.o'), join(folder, 'hard.o')];
    symlinkSync(input, soft);
    linkSync(input, hard);
    for (const output of [input, soft, hard]) {
      const refused = await captureCli(['opt', input, '-o', output]);
      expect(refused.exitCode).toBe(2);
      expect(refused.err).toContain('--in-place');
    }
    expect((await captureCli(['opt', input, '--report', hard])).exitCode).toBe(2);
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

describe('jitnic opt, its targets and tiers', () => {
  const small = ['--packets', '100', '--no-kernel-check'] as const;
  const program = (body: string): string => {
    const path = join(folder, `p${body.length}.s`);
    writeFileSync(path, `.license "GPL"\n.section xdp\n.globl prog\nprog:\n${body}\n`);
    return path;
  };

  test('labels what the solver proved, and says how sure it is of the rest', async () => {
    const file = program('  r0 = 2\n  r0 <<= 32\n  r0 >>= 32\n  exit');
    const { out, exitCode } = await captureCli(['opt', file, ...small, '-j']);
    const { functions, effort } = JSON.parse(out) as { functions: { label: string }[]; effort: number };
    expect(exitCode).toBe(0);
    expect(effort).toBe(1);
    expect(functions.map(({ label }) => label)).toEqual([haveSolver ? 'proved' : 'tested']);
    const quick = JSON.parse((await captureCli(['opt', file, ...small, '--effort', '0', '-j'])).out) as typeof JSON;
    expect(quick).toMatchObject({ effort: 0, functions: [{ label: 'tested' }] });
  });

  test('searches windows with more effort, and finds the same each time', async () => {
    const file = program('  r0 = *(u32 *)(r1 + 12)\n  r0 *= 3\n  r0 ^= 5\n  r0 += r0\n  exit');
    const ask = async (): Promise<string> => (await captureCli(['opt', file, ...small, '--effort', '2', '-j'])).out;
    const first = await ask();
    expect(JSON.parse(first)).toMatchObject({ effort: 2 });
    expect(await ask()).toBe(first);
  });

  test('takes -mcpu as clang does, and names what a version does not have', async () => {
    const file = program('  r0 = *(u32 *)(r1 + 12)\n  if w0 == 1 goto out\n  r0 = 2\nout:\n  exit');
    expect((await captureCli(['opt', file, ...small, '-mcpu=v3'])).exitCode).toBe(0);
    expect((await captureCli(['opt', file, ...small, '-mcpu', 'v4'])).exitCode).toBe(0);
    const refused = await captureCli(['opt', file, ...small, '-mcpu', 'v1', '-o', join(folder, 'v1.o')]);
    expect(refused.exitCode).toBe(4);
    expect(refused.err).toContain('if w0 == 0x1');
    expect(existsSync(join(folder, 'v1.o'))).toBe(false);
    expect((await captureCli(['opt', file, ...small, '-mcpu', 'v9'])).exitCode).toBe(2);
  });

  test('uses sign extension only where it is asked for', async () => {
    const file = program('  r0 = *(u32 *)(r1 + 12)\n  r0 <<= 56\n  r0 s>>= 56\n  exit');
    const made = async (...flags: string[]): Promise<string> => {
      const output = join(folder, 'sign.o');
      await captureCli(['opt', file, ...small, '-o', output, ...flags]);
      return (await captureCli(['disasm', output])).out;
    };
    expect(await made()).not.toContain('(s8)');
    expect(await made('-mcpu=v4')).toContain('(s8)');
  });

  test('writes a page that stands alone', async () => {
    const page = join(folder, 'page.html');
    expect((await opt('--report', page)).exitCode).toBe(0);
    const html = readFileSync(page, 'utf8');
    expect(html).not.toMatch(/<(?:script|link|img)|https?:\/\//);
    expect(html).toMatch(/<td data-side="before"><pre>/);
    expect(html).toMatch(/IPv4/);
    expect(html).toContain('prefers-color-scheme: dark');
  });

  test('does not write the page over an object file', async () => {
    const input = join(folder, 'kept.o');
    copyFileSync(object, input);
    const before = readFileSync(input);
    expect((await captureCli(['opt', input, ...small, '--report', input])).exitCode).toBe(2);
    expect(readFileSync(input).equals(before)).toBe(true);
  });

  test('refuses goals, efforts and packets that there are not', async () => {
    for (const flags of [
      ['--goal', 'fast'],
      ['--effort', '4'],
      ['--packets', 'many'],
      ['-O', 'windoes'],
    ])
      expect((await captureCli(['opt', object, ...flags])).exitCode).toBe(2);
  });

  test('leaves the old file where the new one cannot be written', async () => {
    const output = join(folder, 'old', 'x.o');
    const { exitCode, err } = await opt('-o', output);
    expect(exitCode).toBe(3);
    expect(err).toContain(output);
    const kept = join(folder, 'there.o');
    writeFileSync(kept, 'old');
    const link = join(folder, 'dir');
    mkdirSync(link);
    expect((await opt('-o', link)).exitCode).toBe(3);
    expect(readFileSync(kept, 'utf8')).toBe('old');
  });

  test('names a section that it cannot keep, and writes nothing', async () => {
    const bytes = readFileSync(object);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const table = Number(view.getBigUint64(40, true));
    const count = view.getUint16(60, true);
    for (let i = 1; i < count; i++)
      // A group of sections in place of a table of relocations.
      if (view.getUint32(table + i * 64 + 4, true) === 9) view.setUint32(table + i * 64 + 4, 17, true);
    const input = join(folder, 'group.o');
    writeFileSync(input, bytes);
    const output = join(folder, 'from-group.o');
    const { exitCode, err } = await captureCli(['opt', input, ...small, '-o', output]);
    expect(exitCode).toBe(4);
    expect(err.length).toBeGreaterThan(0);
    expect(existsSync(output)).toBe(false);
  });
});
