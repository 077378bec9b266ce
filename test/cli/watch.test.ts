/** `jitnic test --watch`: runs again when something changes that a test file is made of, until Ctrl-C. */
import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { captureCli } from '../../src/cli/testing.js';
import { builtCli } from '../support/interrupted.js';

const folder = mkdtempSync(join(tmpdir(), 'jitnic-watch-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A file that is certainly newer than it was, whatever the clock of the file system tells. */
let later = Date.now() / 1000;
function write(path: string, text: string): void {
  writeFileSync(path, text);
  later += 10;
  utimesSync(path, later, later);
}

const suite = (expected: string): string => `object: say.o
tests:
  - name: what it does
    packet: eth/ip/udp/"x"
    expect: ${expected}
`;

const times = (text: string, word: string): number => text.split(word).length - 1;

/** The command on `paths`, with what it printed so far. */
function watching(...paths: string[]) {
  const args = [builtCli, 'test', ...paths, '--watch', '--engine', 'interp'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<number | null>((done) => child.on('close', done));
  const watched = {
    child,
    ended,
    out: '',
    err: '',
    async until(holds: () => boolean): Promise<void> {
      while (!holds() && child.exitCode === null) await sleep(20);
      expect(holds(), `${watched.out}\n${watched.err}`).toBe(true);
    },
  };
  child.stdout.on('data', (piece: Buffer) => {
    watched.out += piece.toString();
  });
  child.stderr.on('data', (piece: Buffer) => {
    watched.err += piece.toString();
  });
  return watched;
}

const clang = spawnSync(process.env['CLANG'] ?? 'clang', ['--version']);

describe('jitnic test --watch', () => {
  it('runs again when the test file, a program or a capture changes, and goes on after an error', async () => {
    const program = join(folder, 'say.o');
    const file = join(folder, 'say.xdp.yaml');
    copyFileSync('test/support/say.o', program);
    write(file, suite('PASS'));
    const watched = watching(file);
    const { ended, until } = watched;
    await until(() => times(watched.out, '1 passed') === 1 && times(watched.err, 'watching 2 files') === 1);
    write(file, suite('DROP'));
    await until(() => times(watched.out, '1 failed') === 1 && times(watched.err, 'watching') === 2);
    expect(watched.out).toContain('verdict is PASS, not DROP');
    // A file that is wrong is told, and the next change waited for.
    write(file, suite('DROPP'));
    await until(() => times(watched.err, 'did you mean `DROP`?') === 1 && times(watched.err, 'watching') === 3);
    write(file, suite('PASS'));
    await until(() => times(watched.out, '1 passed') === 2 && times(watched.err, 'watching') === 4);
    later += 10;
    utimesSync(program, later, later);
    await until(() => times(watched.out, '1 passed') === 3);
    await until(() => times(watched.err, 'watching') === 5);
    watched.child.kill('SIGINT');
    expect(await ended).toBe(0);
  }, 300_000);

  it.skipIf(clang.error !== undefined)(
    'sees headers, sources that did not compile, and test files that are new',
    async () => {
      const own = join(folder, 'c');
      mkdirSync(own);
      const source = join(own, 'two.bpf.c');
      const header = join(own, 'verdict.h');
      const code = '#include "verdict.h"\n__attribute__((section("xdp"))) int two(void *ctx) { return VERDICT; }\n';
      write(source, code.replace('return', 'retrun'));
      write(header, '#define VERDICT 2\n');
      write(join(own, 'a.xdp.yaml'), suite('PASS').replace('object: say.o', 'source: two.bpf.c'));
      const watched = watching(own);
      await watched.until(() => times(watched.err, 'watching 3 files') === 1);
      expect(watched.err).toContain('does not compile');
      write(source, code);
      await watched.until(() => times(watched.out, '1 passed') === 1 && times(watched.err, 'watching') === 2);
      write(header, '#define VERDICT 1\n');
      await watched.until(() => times(watched.out, '1 failed') === 1 && times(watched.err, 'watching') === 3);
      write(join(own, 'b.xdp.yaml'), suite('DROP').replace('object: say.o', 'source: two.bpf.c'));
      await watched.until(() => watched.out.includes('2 tests in 2 files, 1 passed, 1 failed'));
      watched.child.kill('SIGINT');
      expect(await watched.ended).toBe(0);
    },
    300_000,
  );

  it('excludes what is printed once', async () => {
    const file = join(folder, 'other.xdp.yaml');
    write(file, suite('PASS'));
    for (const flags of [['-j'], ['--tap'], ['--junit', join(folder, 'x.xml')], ['--coverage']]) {
      const { exitCode, out, err } = await captureCli(['test', file, '--watch', ...flags]);
      expect(exitCode).toBe(2);
      expect(`${out}${err}`).toContain('--watch');
    }
  });
});
