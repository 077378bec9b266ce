/** `jitnic test --watch`: runs again when something changes that a test file is made of, until Ctrl-C. */
import { spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
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

describe('jitnic test --watch', () => {
  it('runs again when the test file, a program or a capture changes, and goes on after an error', async () => {
    const program = join(folder, 'say.o');
    const file = join(folder, 'say.xdp.yaml');
    copyFileSync('test/support/say.o', program);
    write(file, suite('PASS'));
    const child = spawn(process.execPath, [builtCli, 'test', file, '--watch', '--engine', 'interp'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [out, err] = ['', ''];
    child.stdout.on('data', (piece: Buffer) => {
      out += piece.toString();
    });
    child.stderr.on('data', (piece: Buffer) => {
      err += piece.toString();
    });
    const ended = new Promise<number | null>((done) => child.on('close', done));
    const until = async (holds: () => boolean): Promise<void> => {
      while (!holds() && child.exitCode === null) await sleep(20);
      expect(holds(), `${out}\n${err}`).toBe(true);
    };
    const times = (text: string, word: string): number => text.split(word).length - 1;
    await until(() => times(out, '1 passed') === 1 && times(err, 'watching 2 files') === 1);
    write(file, suite('DROP'));
    await until(() => times(out, '1 failed') === 1 && times(err, 'watching') === 2);
    expect(out).toContain('verdict is PASS, not DROP');
    // A file that is wrong is told, and the next change waited for.
    write(file, suite('DROPP'));
    await until(() => times(err, 'did you mean `DROP`?') === 1 && times(err, 'watching') === 3);
    write(file, suite('PASS'));
    await until(() => times(out, '1 passed') === 2 && times(err, 'watching') === 4);
    later += 10;
    utimesSync(program, later, later);
    await until(() => times(out, '1 passed') === 3);
    await until(() => times(err, 'watching') === 5);
    child.kill('SIGINT');
    expect(await ended).toBe(0);
  }, 300_000);

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
