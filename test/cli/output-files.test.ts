/** Files that commands write: whole or not at all, and what was there before stays until then. */
import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { CaptureOutput } from '../../src/cli/capture-output.js';
import type { Io } from '../../src/cli/command.js';

const folder = mkdtempSync(join(tmpdir(), 'jitnic-files-'));
afterAll(() => rmSync(folder, { recursive: true }));
const built = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const io = {} as Io;

describe.each(['out.pcap', 'out.pcapng', 'out.pcap.gz'])('a capture %s', (name) => {
  const path = join(folder, name);
  beforeEach(() => {
    writeFileSync(path, 'what was there before');
    chmodSync(path, 0o640);
  });

  test('takes the place of the old file when it is whole, with its mode', async () => {
    const output = await CaptureOutput.open(path, io);
    output.writer.write({ data: new Uint8Array(60), time: 0n });
    await output.flush();
    expect(readFileSync(path, 'utf8')).toBe('what was there before');
    await output.close();
    expect(readFileSync(path, 'utf8')).not.toBe('what was there before');
    expect(statSync(path).mode & 0o777).toBe(0o640);
    expect(readdirSync(folder).filter((file) => file.endsWith('.tmp'))).toEqual([]);
  });
});

describe.skipIf(!existsSync(built))('a process that is killed', () => {
  test('leaves the old capture', async () => {
    const path = join(folder, 'killed.pcap');
    writeFileSync(path, 'what was there before');
    const child = spawn(process.execPath, [built, 'gen', '-c', '100000000', '-w', path], { stdio: 'ignore' });
    const isUnderWay = (): boolean => readdirSync(folder).some((file) => file.startsWith('.killed.pcap'));
    for (let i = 0; i < 600 && !isUnderWay(); i++) await new Promise((done) => setTimeout(done, 50));
    expect(isUnderWay()).toBe(true);
    child.kill('SIGKILL');
    await new Promise((done) => child.once('exit', done));
    expect(readFileSync(path, 'utf8')).toBe('what was there before');
  }, 60_000);
});
