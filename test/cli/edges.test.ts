/**
 * What goes wrong outside of the command line, and what goes in and out of it: one line and exit 3, and formats by
 * name.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { durationText, secondsLeft } from '../../src/cli/progress.js';
import { captureCli } from '../../src/cli/testing.js';
import { formatTable } from '../../src/text/index.js';
import { builtCli } from '../support/interrupted.js';

const example = (file: string): string => fileURLToPath(new URL(`../../examples/${file}`, import.meta.url));
const object = example('load-balancer/load-balancer.o');
const capture = example('load-balancer/traffic.pcap');
const clang = ['clang', 'clang-19'].find((name) => spawnSync(name, ['--version']).status === 0);

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'jitnic-edges-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function source(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** A frame of so many bytes in a pcap file. */
function frameOf(length: number): string {
  const bytes = Buffer.alloc(24 + 16 + length);
  bytes.writeUInt32LE(0xa1b2c3d4, 0);
  bytes.writeUInt16LE(2, 4);
  bytes.writeUInt16LE(4, 6);
  bytes.writeUInt32LE(0x40000, 16);
  bytes.writeUInt32LE(1, 20);
  bytes.writeUInt32LE(length, 32);
  bytes.writeUInt32LE(length, 36);
  const path = join(folder, `${length}.pcap`);
  writeFileSync(path, bytes);
  return path;
}

const why = !existsSync(builtCli)
  ? 'there is no dist/: npm run build'
  : existsSync('/dev/full')
    ? undefined
    : 'no /dev/full';

describe.skipIf(why !== undefined)(`output that is not taken${why === undefined ? '' : ` (skipped: ${why})`}`, () => {
  test.each([
    ['show', object],
    ['run', object, '-r', capture, '-j'],
    ['verify', object],
    ['gen', '-c', '10'],
    ['--help'],
  ])('a full disk behind `jitnic %s`', (...args) => {
    const { status, stderr } = spawnSync('sh', ['-c', '"$0" "$@" > /dev/full', process.execPath, builtCli, ...args], {
      encoding: 'utf8',
    });
    expect(status).toBe(3);
    expect(stderr).toContain('error: stdout: no space left');
    expect(stderr).not.toContain('    at ');
  });

  test('a reader that has seen enough', () => {
    const { stdout, stderr } = spawnSync(
      'sh',
      ['-c', '"$0" "$1" show "$2" | head -1', process.execPath, builtCli, object],
      {
        encoding: 'utf8',
      },
    );
    expect(stdout.split('\n')).toHaveLength(2);
    expect(stderr).toBe('');
  });

  test('a folder that is gone', () => {
    const script = 'mkdir gone && cd gone && rmdir ../gone && exec "$0" "$1" run "$2" -r "$3" -w out.pcap';
    const { status, stderr } = spawnSync('sh', ['-c', script, process.execPath, builtCli, object, capture], {
      cwd: folder,
      encoding: 'utf8',
    });
    expect(status).toBe(3);
    expect(stderr).toMatch(/^error: .*\n/);
    expect(stderr).not.toContain('    at ');
  });
});

describe('files that are not there', () => {
  const gone = '/nowhere/gone';
  test.each([
    ['show', gone],
    ['verify', `${gone}.c`],
    ['run', object, '-r', gone],
    ['run', object, '-r', capture, '--maps-in', gone],
    ['run', object, '-r', capture, '--maps-script', gone],
    ['run', object, '-r', capture, '--fib', gone],
    ['run', object, '-r', capture, '-w', `${gone}.pcap`],
    ['run', object, '-r', capture, '--maps-out', gone],
    ['run', object, '-r', capture, '--btf', gone],
    ['trace', object, '-r', gone],
    ['cache', object, '-r', gone],
    ['bench', object, '-r', gone, '--engine', 'interp'],
    ['bench', object, '-r', capture, '--maps-in', gone],
    ['gen', '-w', `${gone}.pcap`],
  ])('jitnic %s %s %s %s %s', async (...args) => {
    const { exitCode, err } = await captureCli(args);
    expect(exitCode).toBe(3);
    expect(err).toMatch(/^error: [^\n]*\n(?:hint: [^\n]*\n)?$/);
  });
});

describe('a budget that is spent', () => {
  test('ends with 5', async () => {
    const spin = source('spin.s', '.section xdp\np:\n  goto p\n');
    const args = ['run', spin, '--no-verify', '-r', capture, '-c', '3', '--max-insns', '1000', '-j'];
    const { exitCode, out } = await captureCli(args);
    expect(exitCode).toBe(5);
    expect(JSON.parse(out).faults[0].count).toBe(3);
  });
});

describe.skipIf(clang === undefined)(`C${clang === undefined ? ' (skipped: there is no clang)' : ''}`, () => {
  const text = `#define SEC(name) __attribute__((section(name), used))
#include "verdict.h"
SEC("xdp") int p(void *ctx) { return VERDICT + EXTRA; }
`;
  test('from stdin, with -I and -D', async () => {
    source('verdict.h', '#define VERDICT 1\n');
    const args = ['run', '-x', 'c', '-I', folder, '-D', 'EXTRA=1', '-', '-r', capture, '-c', '10', '-j'];
    const { exitCode, out, err } = await captureCli(args, { stdin: text });
    expect(exitCode, err).toBe(0);
    expect(JSON.parse(out).verdicts).toMatchObject({ PASS: 10 });
  });

  test('whatever its name', async () => {
    source('verdict.h', '#define VERDICT 1\n');
    const file = source('program.txt', text);
    const { exitCode, err } = await captureCli(['verify', '-x', 'c', `-I${folder}`, '-DEXTRA=0', file]);
    expect(exitCode, err).toBe(0);
  });

  test('that does not compile: what the compiler says, exit 3', async () => {
    const { exitCode, err } = await captureCli(['show', '-x', 'c', '-'], { stdin: 'int x = ;' });
    expect(exitCode).toBe(3);
    expect(err).toContain('does not compile');
  });
});

describe('a program that cannot be judged', () => {
  const accepted = '.globl f\nf:\nr0 = 2\nexit\n';
  const refused = '.globl h\nh:\nr0 = *(u8 *)(r1 + 0)\nexit\n';
  const unknown = '.globl g\ng:\ncall bpf_local_irq_save\nr0 = 2\nexit\n.extern bpf_local_irq_save\n';
  test.each([
    ['by itself', unknown, 4, '', 'kernel function `bpf_local_irq_save` is not supported'],
    [
      'beside one that is accepted',
      accepted + unknown,
      4,
      /f: accepted[\s\S]*g: not judged[\s\S]*`bpf_local_irq_save`/,
      '',
    ],
    ['beside one that is refused', unknown + refused, 1, /h: rejected[\s\S]*g: not judged/, ''],
  ])('%s', async (_, text, code, out, err) => {
    const result = await captureCli(['verify', '--language', 'assembler', '-'], {
      stdin: `.license "GPL"\n.section xdp\n${text}`,
    });
    expect(result.exitCode).toBe(code);
    expect(result.out).toMatch(out);
    expect(result.err).toContain(err);
  });
});

describe('captures that are written', () => {
  test.each([
    ['out.pcap', 0xa1b23c4d],
    ['out.pcapng', 0x0a0d0d0a],
  ])('%s is what its name says', async (name, magic) => {
    const path = join(folder, name);
    await captureCli(['run', object, '-r', capture, '-c', '50', '-w', path]);
    expect(readFileSync(path).readUInt32LE(0)).toBe(magic);
  });
});

describe('frames that no driver hands over', () => {
  test.each([
    [4000, 1],
    [3520, 0],
    [13, 1],
    [14, 0],
  ])('%i bytes', async (length, count) => {
    const pass = source('pass.s', '.section xdp\np:\n  r0 = 2\n  exit\n');
    const { out, err } = await captureCli(['run', pass, '-r', frameOf(length), '-j']);
    expect(JSON.parse(out).undeliverable).toBe(count);
    expect(err.includes('no driver hands')).toBe(count === 1);
  });

  test('longer ones go to programs that take fragments', async () => {
    const frags = source('frags.s', '.section "xdp.frags"\np:\n  r0 = 2\n  exit\n');
    const { out } = await captureCli(['run', frags, '-r', frameOf(60_000), '-j']);
    expect(JSON.parse(out).undeliverable).toBe(0);
  });
});

describe('what a person sees', () => {
  test('progress tells what is left', () => {
    expect(secondsLeft({ bytes: 100 }, { packets: 7, bytes: 25 }, 2)).toBe(6);
    expect(secondsLeft({ packets: 100, bytes: 1000 }, { packets: 50, bytes: 10 }, 2)).toBe(2);
    expect(secondsLeft({ packets: Number.POSITIVE_INFINITY }, { packets: 5, bytes: 5 }, 2)).toBeUndefined();
    expect([durationText(4.2), durationText(185), durationText(7620)]).toEqual(['5 s', '3 min 05 s', '2 h 07 min']);
  });

  test('a table folds where the terminal ends', () => {
    const columns = ['name', 'why'].map((title) => ({ title }));
    const rows = [['a'.repeat(20), 'b'.repeat(30)]];
    expect(formatTable(columns, rows, '', 40)).toBe(
      `name\n    why\n${'-'.repeat(20)}\n    ${'-'.repeat(30)}\n${'a'.repeat(20)}\n    ${'b'.repeat(30)}\n`,
    );
  });

  test('a column that is wider than the terminal goes on below itself', () => {
    const columns = ['name', 'match', 'and'].map((title) => ({ title }));
    const rows = [['a', 'one two three four', 'x y z'.repeat(5)]];
    expect(formatTable(columns, rows, '', 16)).toBe(
      'name\n    match\n    and\n----\n    ------------\n    ------------\na\n    one two\n      three four\n    x y zx y zx\n      y zx y zx\n      y z\n',
    );
  });

  test.each([
    ['run', object, '-r', capture],
    ['run', object, '-r', capture, '-c', '20', '--jobs', '2'],
    ['predict', object, '-r', capture, '-c', '50'],
    ['trace', object, '-r', capture, '-c', '50', '--rules'],
    ['trace', object, '-r', capture],
    ['cache', object, '-r', capture],
    ['show', object],
    ['verify', object],
    ['paths', example('ipv6-filter/ipv6-filter.o')],
    ['demo'],
    ['card', 'list'],
    ['card', 'show', 'hxdp'],
    ['--help'],
    ['run', '--help'],
    ['test', '--help'],
    ['opt', '--help'],
  ])('jitnic %s fits 80 columns', async (...args) => {
    const { out } = await captureCli(args, { width: 80, env: { JITNIC_CACHE: 'off' } });
    for (const line of out.split('\n')) {
      // A word that is longer than the line has to stand somewhere.
      if (/\S{60}/.test(line)) continue;
      expect(line.length, line).toBeLessThanOrEqual(80);
    }
  });

  test('help is in groups', async () => {
    const { out } = await captureCli(['--help']);
    for (const group of ['Understand a program:', 'Run packets:', 'Traffic and maps:', 'Common to all commands:'])
      expect(out).toContain(group);
    const { out: run } = await captureCli(['run', '--help']);
    for (const group of ['Reading FILE:', 'Card and host:', 'Trace cache:', 'World and limits:'])
      expect(run).toContain(group);
  });

  test('-x prints packets as tcpdump does', async () => {
    const { out } = await captureCli(['run', object, '-r', capture, '-c', '1', '-x']);
    expect(out).toMatch(/^\d\d:\d\d:\d\d\.\d{6} IP6? .* -> [A-Z]+\n\t0x0000: {2}[46]\w{3} (?:\w{4} ?){7}\n/);
    const { out: whole } = await captureCli(['run', object, '-r', capture, '-c', '1', '-xx']);
    expect(whole.split('\n')[1]).toMatch(/^\t0x0000: {2}(?:\w{4} ?){6} (?:0800|86dd|8100)/);
  });
});
