/** Every command of docs/guide.md runs, in its order, on a copy of an example; and completion scripts are sound. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { commandRows } from '../../src/cli/commands.js';
import { captureCli } from '../../src/cli/testing.js';

const folder = mkdtempSync(join(tmpdir(), 'jitnic-guide-'));
copyFileSync('examples/ipv6-filter/ipv6-filter.o', join(folder, 'prog.o'));
afterAll(() => rmSync(folder, { recursive: true }));

const commands = [...readFileSync('docs/guide.md', 'utf8').matchAll(/^ {4}\$ jitnic (.*)$/gm)].map(
  ([, line]) => line ?? '',
);

describe('the guide', () => {
  it('has commands', () => {
    expect(commands.length).toBeGreaterThan(7);
  });

  it.each(commands)('jitnic %s', async (line) => {
    const words = line
      .split(' ')
      .map((word) => (/\.(o|pcap|yaml|xml|info|html)$/.test(word) ? join(folder, word) : word));
    const { exitCode, err } = await captureCli(words);
    expect(err).not.toContain('error');
    expect(exitCode).toBe(0);
  });
});

describe('completion', () => {
  it.each(['bash', 'zsh', 'fish'])('names all commands and flags for %s', async (shell) => {
    const { out, exitCode } = await captureCli(['completion', shell]);
    expect(exitCode).toBe(0);
    for (const { name } of commandRows) expect(out).toContain(name);
    expect(out).toContain('record-type');
    const file = join(folder, `completion.${shell}`);
    writeFileSync(file, out);
    const checked = spawnSync(shell, ['-n', file], { encoding: 'utf8' });
    // Where there is no such shell nobody is the wiser.
    if (checked.error === undefined) expect(checked.stderr).toBe('');
  });

  it('completes in bash', async () => {
    const { out } = await captureCli(['completion', 'bash']);
    const completed = (...words: string[]): string => {
      const list = words.map((word) => `'${word}'`).join(' ');
      const ask = `${out}\nCOMP_WORDS=(${list}); COMP_CWORD=${words.length - 1}; _jitnic; echo "\${COMPREPLY[@]}"`;
      return spawnSync('bash', ['-c', ask], { encoding: 'utf8', cwd: folder }).stdout.trim();
    };
    expect(completed('jitnic', 'run', '--ma')).toContain('--maps-in');
    expect(completed('jitnic', '--he')).toBe('--help');
    expect(completed('jitnic', 'test', '--engine', '')).toBe('interp wasm trace kernel');
    expect(completed('jitnic', 'run', '--color', 'al')).toBe('always');
    expect(completed('jitnic', 'card', '')).toBe('list show check compile');
    expect(completed('jitnic', 'map', 'g')).toBe('get');
    expect(completed('jitnic', 'completion', 'z')).toBe('zsh');
    expect((await captureCli(['completion', 'bsh'])).err).toContain('did you mean `bash`?');
  });
});

describe('completion in fish', () => {
  const shell = 'fish';
  const isThere = spawnSync(shell, ['--version']).error === undefined;
  it.skipIf(!isThere)('offers commands, operations, flags and their values (needs fish)', async () => {
    const file = join(folder, 'jitnic.fish');
    writeFileSync(file, (await captureCli(['completion', 'fish'])).out);
    const completed = (line: string): string[] => {
      const asked = spawnSync(shell, ['-c', `source ${file}; complete -C '${line}'`], { encoding: 'utf8' });
      expect(asked.stderr).toBe('');
      return asked.stdout.split('\n').map((text) => text.split('\t')[0] ?? '');
    };
    expect(completed('jitnic di')).toEqual(expect.arrayContaining(['diff', 'disasm']));
    expect(completed('jitnic card ')).toEqual(expect.arrayContaining(['check', 'compile', 'list', 'show']));
    expect(completed('jitnic test --ju')).toContain('--junit');
    expect(completed('jitnic test --engine k')).toContain('kernel');
  });
});

/** Reads manual pages where it is installed. */
const formatter = 'groff';

describe('manual pages', () => {
  it('are there for all commands, with their flags and examples, and troff finds nothing wrong', async () => {
    const pages = join(folder, 'man');
    expect((await captureCli(['man', '-o', pages])).exitCode).toBe(0);
    const overview = readFileSync(join(pages, 'jitnic.1'), 'utf8');
    for (const { name, summary } of commandRows) {
      expect(overview).toContain(`jitnic\\-${name.replace(/-/g, '\\-')}(1)`);
      const page = readFileSync(join(pages, `jitnic-${name}.1`), 'utf8');
      expect(page).toContain(summary.replace(/-/g, '\\-'));
      const checked = spawnSync(formatter, ['-man', '-Tutf8', '-ww', '-z'], { input: page, encoding: 'utf8' });
      // Where there is no groff nobody is the wiser.
      if (checked.error === undefined) expect(checked.stderr).toBe('');
    }
    const { out } = await captureCli(['man', 'debug']);
    expect(out).toContain('.SS World and limits');
    expect(out).toContain('jitnic debug \\-\\-dap');
    expect((await captureCli(['man', 'debgu'])).err).toContain('did you mean `debug`?');
  });
});
