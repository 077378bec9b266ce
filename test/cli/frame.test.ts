/** The command line's promises that hold for every command. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { commandRows } from '../../src/cli/commands.js';
import { captureCli } from '../../src/cli/testing.js';

const filter = fileURLToPath(new URL('../../examples/ipv6-filter/ipv6-filter.o', import.meta.url));
const clang = ['clang', 'clang-19'].find((name) => spawnSync(name, ['--version']).status === 0);

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'jitnic-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('the command line', () => {
  test('says its version', async () => {
    expect((await captureCli(['--version'])).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test('explains itself, and every command', async () => {
    const help = await captureCli(['--help']);
    expect(help.exitCode).toBe(0);
    for (const { name, summary } of commandRows) {
      expect(help.out).toContain(summary);
      const own = await captureCli([name, '--help']);
      expect(own.exitCode).toBe(0);
      expect(own.out).toContain(`jitnic ${name}`);
    }
  });

  test('without a command is a usage error', async () => {
    const { exitCode, out, err } = await captureCli([]);
    expect([exitCode, out]).toEqual([2, '']);
    expect(err).toContain('Usage: jitnic');
  });

  test('takes no option for the value of the one before it, in any command', async () => {
    const helps: string[] = [];
    for (const { name, load } of commandRows) {
      const declared = new Command(name);
      (await load()).command.declare(declared);
      for (const { long, required } of declared.options) {
        if (long === undefined || long === null || !required) continue;
        const { exitCode, out } = await captureCli([name, long, '--help']);
        if (exitCode !== 0 || !out.startsWith(`Usage: jitnic ${name}`)) helps.push(`${name} ${long}`);
      }
    }
    expect(helps).toEqual([]);
    const { exitCode, err } = await captureCli(['test', '--init', '--filter', 'x']);
    expect(exitCode).toBe(2);
    expect(err).toBe(
      'error: `--init <prog>` wants a value before `--filter`\nhint: a file of that name is `./--filter`\n',
    );
    expect((await captureCli(['run', filter, '-r', '--', 'x'])).err).toContain('`-r, --read <file>` wants a value');
    // What looks like an option and is none stays a value.
    expect((await captureCli(['run', filter, '-r', '-7'])).err).toContain('-7');
  });

  test.each([
    ['shwo', 'show'],
    ['disam', 'disasm'],
    ['dis', 'disasm'],
  ])('suggests for %s the command %s', async (typed, meant) => {
    const { exitCode, err } = await captureCli([typed]);
    expect(exitCode).toBe(2);
    expect(err).toBe(`error: unknown command \`${typed}\`\nhint: did you mean \`${meant}\`?\n`);
  });

  test('suggests the option that was meant', async () => {
    const { exitCode, err } = await captureCli(['show', '--jsno', filter]);
    expect(exitCode).toBe(2);
    expect(err).toContain('did you mean `--json`?');
  });

  test.each([
    ['no file', ['show', '/nonexistent.o'], 3, 'no such file'],
    ['a folder', ['show', '/'], 3, 'is a directory'],
    ['no program of that name', ['disasm', filter, 'nope'], 2, 'ipv6_filter'],
    ['contradicting flags', ['show', filter, '-q', '-v'], 2, 'contradict'],
    ['an unknown colour', ['show', filter, '--color', 'mauve'], 2, 'auto, always, never'],
    ['a missing argument', ['show'], 2, 'missing required argument `file`'],
  ])('answers %s with the exit code and a hint', async (_what, argv, exitCode, text) => {
    const answer = await captureCli(argv);
    expect(answer.exitCode).toBe(exitCode);
    expect(answer.err).toContain(text);
    expect(answer.out).toBe('');
  });

  test('prints errors as JSON under -j', async () => {
    for (const argv of [
      ['show', '/nonexistent.o', '-j'],
      ['-j', 'show', '/nonexistent.o'],
    ]) {
      const { exitCode, out, err } = await captureCli(argv);
      expect([exitCode, err]).toEqual([3, '']);
      expect(JSON.parse(out)).toEqual({
        schema: 'jitnic.error/1',
        error: { code: 'bad-input', message: 'no such file', place: '/nonexistent.o', hint: null },
      });
    }
    expect(JSON.parse((await captureCli(['nope', '-j'])).out).error.code).toBe('usage');
  });

  test('colours on a terminal, and not where it was asked not to', async () => {
    const paint = '\u001b[';
    expect((await captureCli(['show', filter], { terminal: true })).out).toContain(paint);
    expect((await captureCli(['show', filter], { terminal: true, env: { NO_COLOR: '1' } })).out).not.toContain(paint);
    expect((await captureCli(['show', filter, '--color', 'never'], { terminal: true })).out).not.toContain(paint);
    expect((await captureCli(['show', filter])).out).not.toContain(paint);
    expect((await captureCli(['show', filter, '--color', 'always'])).out).toContain(paint);
  });
});

describe('a program file', () => {
  test('may come on stdin, as an object or as text', async () => {
    const object = await captureCli(['show', '-', '-j'], { stdin: new Uint8Array(readFileSync(filter)) });
    expect(JSON.parse(object.out).programs[0].name).toBe('ipv6_filter');
    const text = await captureCli(['show', '-', '-j'], { stdin: 'r0 = 2\nexit\n' });
    expect(JSON.parse(text.out).programs[0]).toMatchObject({ name: 'prog', type: 'xdp', insns: 2 });
  });

  test.skipIf(clang === undefined)('may be C, which clang compiles', async () => {
    const file = join(folder, 'pass.c');
    writeFileSync(file, '__attribute__((section("xdp"), used)) int pass(void *ctx) { return 2; }\n');
    const env = { CLANG: clang ?? '', PATH: process.env['PATH'] ?? '' };
    expect(JSON.parse((await captureCli(['show', file, '-j'], { env })).out).programs[0].name).toBe('pass');
    writeFileSync(file, 'int pass(void { return 2; }\n');
    const broken = await captureCli(['show', file], { env });
    expect(broken.exitCode).toBe(3);
    expect(broken.err).toContain('does not compile');
  });

  test('in text names the line that is wrong', async () => {
    const { exitCode, err } = await captureCli(['show', '-'], { stdin: 'r0 = 2\nr0 =+ 1 1\nexit\n' });
    expect(exitCode).toBe(3);
    expect(err).toContain('stdin:2: unexpected `1` in `r0 =+ 1 1`');
  });
});

describe('asm', () => {
  test('writes an object that shows what the text said', async () => {
    const source = join(folder, 'all.s');
    const object = join(folder, 'all.o');
    writeFileSync(
      source,
      '.license "GPL"\n.map m type=hash key=4 value=8 max_entries=16\n.section xdp\np: r1 = m ll\nr0 = 2\nexit\n',
    );
    const made = await captureCli(['asm', source, '-o', object]);
    expect(made).toMatchObject({ exitCode: 0, out: '', err: `${object}: 1 program, 4 instructions, 1 map\n` });
    const shown = JSON.parse((await captureCli(['show', object, '-j'])).out);
    expect(shown.license).toBe('GPL');
    expect(shown.maps[0]).toMatchObject({ name: 'm', type: 'hash', bytes_key: 4, bytes_value: 8, max_entries: 16 });
    expect(shown.programs[0]).toMatchObject({ name: 'p', section: 'xdp', insns: 4, maps: ['m'] });
  });

  test('brings a disassembled object back', async () => {
    const text = await captureCli(['disasm', filter, '-S', '-x']);
    const bytes = await captureCli(['asm', '-', '-o', '-'], { stdin: text.out });
    expect(bytes.exitCode).toBe(0);
    const again = await captureCli(['disasm', '-', 'xdp', '-x'], { stdin: bytes.outBytes });
    expect(again.out).toBe((await captureCli(['disasm', filter, 'xdp', '-x'])).out);
  });

  test.each([
    ['.map m type=hsah key=4', 'is no map type'],
    ['.map m type=hash kye=4', 'maps have no field `kye`'],
    ['.section xdp\nr1 = nothing ll\nexit', 'neither a map, nor data, nor a function'],
    ['.map m type=array key=4 value=8 max_entries=1\n.section xdp\nr1 = map[m][0]+4\nexit', 'refers to `m` as a whole'],
    ['.section xdp\ncall nothing\nexit', 'neither a function nor a helper'],
    ['.sektion xdp', '`.sektion` is no directive'],
    ['.byte 1', 'outside a data section'],
    ['.map m type=prog_array key=4 value=4 max_entries=1\n.slot 0, nope\n.section xdp\nr0 = 0\nexit', 'not defined'],
  ])('refuses %j', async (text, message) => {
    const { exitCode, err } = await captureCli(['asm', '-', '-o', '-'], { stdin: text });
    expect(exitCode).toBe(3);
    expect(err).toContain(message);
  });
});

const built = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

describe.skipIf(!existsSync(built))('the built binary', () => {
  test('ends quietly when its reader has seen enough', () => {
    const done = spawnSync('sh', ['-c', `"${process.execPath}" "${built}" --help | true`], { encoding: 'utf8' });
    expect(done.stderr).toBe('');
  });
});
