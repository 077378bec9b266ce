/** `jitnic explore`: what it prints and leaves in its folder, whoever runs the points, and what it refuses. */
import { spawn, spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { captureCli } from '../../src/cli/testing.js';
import { builtCli } from '../support/interrupted.js';

const folder = mkdtempSync(join(tmpdir(), 'jitnic-explore-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const filter = ['examples/ipv6-filter/ipv6-filter.o', '-r', 'examples/ipv6-filter/traffic.pcap', '-c', '300'];
const sweep = [...filter, '--vary', 'stages=4..16,entries=1|16'];
const files = ['points.csv', 'points.json', 'report.html'];
const contents = (name: string): string[] => files.map((file) => readFileSync(join(folder, name, file), 'utf8'));
const explore = (...args: readonly string[]) => captureCli(['explore', ...args]);

describe('a sweep', () => {
  it('has a row for each point, in order, and the front of what was found', async () => {
    const { exitCode, out } = await explore(...sweep, '--jobs', '1', '-j');
    expect(exitCode).toBe(0);
    const { rows, programs, missing } = JSON.parse(out);
    expect(missing).toBe(0);
    expect(rows.map(({ point }: { point: object }) => Object.values(point))).toEqual([
      [4, 1],
      [4, 16],
      [8, 1],
      [8, 16],
      [16, 1],
      [16, 16],
    ]);
    for (const { figures } of rows) expect(figures.packets).toBe(300);
    // One place is not enough for what a table of sixteen decides.
    expect(rows[0].figures.hit_rate).toBeLessThan(rows[1].figures.hit_rate);
    expect(rows[1].figures.hit_rate).toBe(1);
    expect(programs[0].front.length).toBeGreaterThan(0);
  });

  it('is the same wherever its points ran, and goes on where it was broken off', async () => {
    const here = await explore(...sweep, '--jobs', '1', '-o', join(folder, 'here'));
    expect(here.exitCode).toBe(0);
    const threads = spawnSync(process.execPath, [
      builtCli,
      'explore',
      ...sweep,
      '--jobs',
      '2',
      '-o',
      join(folder, 'two'),
    ]);
    expect(threads.status, String(threads.stderr)).toBe(0);
    expect(contents('two')).toEqual(contents('here'));

    // As a kill leaves it: some lines, the last one cut off.
    const journal = join(folder, 'two/points.jsonl');
    const lines = readFileSync(journal, 'utf8').split('\n');
    expect(lines.length).toBe(7);
    writeFileSync(journal, `${lines.slice(0, 2).join('\n')}\n${lines[2]?.slice(0, 40)}`);
    const again = await explore(...sweep, '--jobs', '1', '-o', join(folder, 'two'));
    expect(again.err).toContain('2 points of 6 were there');
    expect(contents('two')).toEqual(contents('here'));
    expect(readFileSync(journal, 'utf8').split('\n').sort()).toEqual(lines.sort());
  });

  it('tells programs that do not fit from those that do, with the reason', async () => {
    const { out } = await explore(...filter, '--vary', 'card=hxdp|pipeline,instructions=1|256', '--jobs', '1');
    expect(out).toMatch(/1 point that it does not fit: `\w+` does not fit `hxdp`: \d+ rows, and it has 1/);
    expect(out).toContain("every figure is the model's");
  });

  it('takes several programs, each with files of its own', async () => {
    const nat = 'examples/nat/nat.o';
    const [object = '', ...rest] = filter;
    const own = ['-r', `${nat}=examples/nat/traffic.pcap`, '--maps-in', `${nat}=examples/nat/nat.maps.json`];
    const { out, exitCode, err } = await explore(
      object,
      nat,
      ...rest,
      ...own,
      '--vary',
      'entries=16',
      '--jobs',
      '1',
      '-j',
    );
    expect(exitCode, err).toBe(0);
    const { rows, programs } = JSON.parse(out);
    expect(programs.map(({ name }: { name: string }) => name)).toEqual(['ipv6_filter', 'nat']);
    expect(rows).toHaveLength(2);
  });
});

describe('what is refused', () => {
  const broken = join(folder, 'broken');
  it.each([
    ['nothing to vary', filter, 2, 'nothing to vary'],
    ['a parameter that is none', [...filter, '--vary', 'stagse=1'], 2, 'did you mean `stages`?'],
    ['a value out of bounds', [...filter, '--vary', 'lanes=0..2'], 2, '`units.lanes.value` is below 1'],
    ['a word that is none', [...filter, '--vary', 'strategy=flsh'], 2, 'did you mean `flush`?'],
    ['a policy that is none', [...filter, '--vary', 'policy=lur', '--jobs', '1'], 2, 'did you mean `lru`?'],
    ['a capture from stdin', [filter[0] as string, '-r', '-', '--vary', 'lanes=1'], 2, 'stdin can be read once'],
    ['no capture', [filter[0] as string, '--vary', 'lanes=1'], 2, 'no capture for'],
    ['no program', ['--vary', 'lanes=1'], 2, 'explore which program?'],
    ['a card twice', [...filter, '--card', 'hxdp', '--vary', 'card=hxdp'], 2, 'exclude each other'],
    ['an executor that is none', [...sweep, '--executor', 'redis://x'], 2, 'bullmq:redis://HOST'],
    ['a worker without a queue', ['--worker'], 2, 'needs a queue'],
    ['a queue where nobody listens', [...sweep, '--executor', 'bullmq:redis://127.0.0.1:1'], 3, 'nobody listens there'],
  ])('%s', async (_, args, code, words) => {
    const { exitCode, err, out } = await explore(...args);
    expect({ exitCode, out }, err).toEqual({ exitCode: code, out: '' });
    expect(err).toContain(words);
  });

  it('a journal that is something else, which stays as it is', async () => {
    await explore(...filter, '--vary', 'lanes=4', '--jobs', '1', '-o', broken);
    const journal = join(broken, 'points.jsonl');
    appendFileSync(journal, 'my notes\n');
    const before = readFileSync(journal, 'utf8');
    const { exitCode, err } = await explore(...sweep, '--jobs', '1', '-o', broken);
    expect(exitCode).toBe(3);
    expect(err).toContain('points.jsonl: line 2 is none of a sweep');
    expect(readFileSync(journal, 'utf8')).toBe(before);
  });
});

const redis = spawnSync('redis-server', ['--version']).status === 0;

describe.skipIf(!redis)(`a queue${redis ? '' : ' (skipped: no redis-server)'}`, () => {
  it('is worked on by several processes, and loses no point when one of them is killed', async () => {
    const port = await freePort();
    const at = ['--executor', `bullmq:redis://127.0.0.1:${port}/test`];
    const server = spawn('redis-server', ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--dir', folder], {
      stdio: 'ignore',
    });
    // Who is killed leaves its files.
    const env = { ...process.env, TMPDIR: folder };
    const worker = () =>
      spawn(process.execPath, [builtCli, 'explore', '--worker', ...at, '--jobs', '1', '-v'], { env });
    const said = (text: NodeJS.ReadableStream | null, words: string): Promise<void> =>
      new Promise((resolve) => {
        let all = '';
        text?.on('data', (piece: Buffer) => {
          all += String(piece);
          if (all.includes(words)) resolve();
        });
      });
    const workers = [];
    try {
      await untilListening(port);
      workers.push(worker(), worker());
      const [first, second] = workers;
      await Promise.all([said(first?.stderr ?? null, 'ready'), said(second?.stderr ?? null, 'ready')]);
      const many = [...filter.slice(0, 3), '-c', '20000', '--vary', 'stages=4..16,entries=1|16'];
      const out = join(folder, 'queue');
      const command = spawn(process.execPath, [builtCli, 'explore', ...many, ...at, '-o', out], { stdio: 'ignore' });
      const ended = new Promise((resolve) => command.on('exit', resolve));
      await said(first?.stderr ?? null, '1 point');
      first?.kill('SIGKILL');
      expect(await ended).toBe(0);
      const alone = await explore(...many, '--jobs', '1', '-o', join(folder, 'alone'));
      expect(alone.exitCode).toBe(0);
      expect(contents('queue')).toEqual(contents('alone'));
      expect(existsSync(join(out, 'points.jsonl'))).toBe(true);
    } finally {
      for (const each of workers) each.kill('SIGKILL');
      server.kill('SIGKILL');
    }
  });
});

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

async function untilListening(port: number): Promise<void> {
  const answers = (): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true));
      socket.on('error', () => resolve(false)).on('close', () => socket.destroy());
      socket.on('connect', () => socket.end());
    });
  while (!(await answers())) await new Promise((resolve) => setTimeout(resolve, 50));
}
