/** Global variables by name, and what a program says: `run`, `map` and the library. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { captureCli } from '../../src/cli/testing.js';
import { openSession } from '../../src/index.js';

const object = 'test/support/say.o';
const folder = mkdtempSync(join(tmpdir(), 'jitnic-globals-'));
const capture = join(folder, 'in.pcap');
await captureCli(['gen', '-w', capture, '-c', '20', '--sizes', 'imix']);
afterAll(() => rmSync(folder, { recursive: true }));

const json = async (...argv: string[]): Promise<Record<string, object>> => {
  const { out, err, exitCode } = await captureCli([...argv, '-j']);
  expect(err.includes('error'), err).toBe(false);
  expect(exitCode).toBe(0);
  return JSON.parse(out) as Record<string, object>;
};

describe('--set and --get', () => {
  it('sets constants, their parts and bit fields before the program is loaded', async () => {
    const set = ['--set', 'limit=9000', '--set', 'cfg.mode=2', '--set', 'cfg.ports[1]=99'];
    const { globals, verdicts } = await json('run', object, '-r', capture, ...set, '--get', 'last', '--get', 'seen');
    expect(verdicts).toMatchObject({ PASS: 20, DROP: 0 });
    expect(globals).toMatchObject({ seen: '20', last: { mode: 2, ports: [0, 99, 0, 0] } });
  });

  it('suggests the nearest name, says what an index may be and what a value may be', async () => {
    const error = async (word: string): Promise<string> =>
      (await captureCli(['run', object, '-r', capture, '--set', word])).err;
    expect(await error('limt=1')).toContain('did you mean `limit`?');
    expect(await error('cfg.timout=1')).toContain('did you mean `timeout`?');
    expect(await error('cfg.ports[4]=1')).toContain('indices are 0 to 3');
    expect(await error('limit=4294967296')).toContain('`limit`: the value has 32 bits: 4294967296 does not fit');
    expect(await error('limit=many')).toContain('is no number');
    expect(await error('limit')).toContain('is no NAME=VALUE');
  });

  it('warns of a constant that the compiler has worked into the code', async () => {
    const { err } = await captureCli(['run', object, '-r', capture, '--set', 'folded=9']);
    expect(err).toContain('declare it `const volatile`');
  });

  it('works on map files: set writes one, get reads it', async () => {
    const file = join(folder, 'maps.json');
    await captureCli(['map', 'set', object, 'counts[3]=77', 'last={mode: 1}', '--maps-out', file]);
    const { globals } = await json('map', 'get', object, 'counts', 'last.mode', '--maps-in', file);
    expect(globals).toEqual({ counts: ['1', '0', '0', '77'], 'last.mode': 1 });
    const constant = await captureCli(['map', 'set', object, 'limit=3', '--maps-out', file]);
    expect(constant.err).toContain('jitnic run --set limit=...');
  });
});

describe('what a program puts out', () => {
  it('is shown with its packet, records by the type that the source keeps for them', async () => {
    const { outputs } = await json('run', object, '-r', capture, '--set', 'limit=100', '--outputs', '3');
    const { counts, records } = outputs as { counts: object; records: readonly Record<string, unknown>[] };
    expect(counts).toEqual({ printk: 8, perf: 8, events: 8 });
    expect(records).toHaveLength(3);
    const [line, perf, event] = records;
    expect(line).toMatchObject({ kind: 'printk', text: 'long packet: 594 of 3' });
    expect(perf).toMatchObject({ kind: 'perf', map: 'perf', type: 'event', value: { len: 1 } });
    expect(event).toMatchObject({ kind: 'ringbuf', map: 'events', value: { len: 594, ok: 1, tag: 'hello' } });
    expect(line?.['packet']).toBe(event?.['packet']);
  });

  it('is the same with the check, and text folds where the terminal ends', async () => {
    const { out } = await captureCli(['run', object, '-r', capture, '--check'], { width: 60 });
    expect(out).toContain('lines and records put out');
    expect(out).toContain('printk: long packet: 64 of 3');
    for (const line of out.split('put out')[1]?.split('\n') ?? []) expect(line.length).toBeLessThanOrEqual(75);
  });

  it('takes the type of records from a flag, and refuses what there is not', async () => {
    const run = ['run', object, '-r', capture];
    expect((await captureCli([...run, '--record-type', 'perf=cfg'])).out).toContain('perf (cfg): { timeout: 1');
    expect((await captureCli([...run, '--record-type', 'perf=evnt'])).err).toContain('did you mean `event`?');
    expect((await captureCli([...run, '--record-type', 'limit=cfg'])).err).toContain('there is events, perf');
  });
});

describe('the library', () => {
  it('gets and sets variables between packets, on both sides of a check', () => {
    const session = openSession(readFileSync(object), { globals: { limit: 10, 'cfg.mode': 1 }, check: true });
    session.set('seen', 40n).set('counts[3]', 5n);
    session.run({ data: new Uint8Array(60) });
    expect(session.get('seen')).toBe(41n);
    expect(session.get('counts')).toEqual([1n, 0n, 60n, 5n]);
    expect(session.get('cfg.mode')).toBe(1);
    expect(session.verdicts.DROP).toBe(1);
    expect(session.finish()).toBeUndefined();
    expect(() => session.set('limit', 4)).toThrow(/constant \(.rodata\)/);
  });
});
