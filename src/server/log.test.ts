import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { entryOf, logHeader, readLog, StateLog, stateVersion } from './log.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'jitnic-log-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const path = (): string => join(folder, 'state.log');
const read = (): ReturnType<typeof readLog> => readLog(readFileSync(path()), path());

function written(...keys: readonly string[]): void {
  const log = StateLog.open(folder, 'never');
  for (const key of keys)
    log.append([
      { key: `prog/${key}`, value: { id: 1 } },
      { key: 'next/prog', value: 2 },
    ]);
  log.close();
}

describe('a log', () => {
  it('gives back what was put, and not what was taken out', () => {
    written('a', 'b');
    const log = StateLog.open(folder, 'always');
    log.append([{ key: 'prog/a' }]);
    log.close();
    expect(read().records.keys('prog/')).toEqual(['prog/b']);
    expect(read().torn).toBe(0);
  });

  it('is cut at any byte to whole entries, and what is cut stays beside it', () => {
    written('a', 'b');
    const whole = readFileSync(path());
    const lengths = new Set<number>();
    for (let cut = 0; cut <= whole.length; cut++) {
      const { records, length, torn } = readLog(whole.subarray(0, cut), 'log');
      expect(length + torn).toBe(cut);
      expect(records.count('next/')).toBe(records.count('prog/') > 0 ? 1 : 0);
      lengths.add(length);
    }
    expect(lengths.size).toBe(4);
    truncateSync(path(), whole.length - 1);
    const log = StateLog.open(folder, 'always');
    expect(log.records.keys('prog/')).toEqual(['prog/a']);
    expect(log.cut).toBeGreaterThan(0);
    expect(readFileSync(`${path()}.torn`).length).toBe(log.cut);
    log.append([{ key: 'prog/c', value: 1 }]);
    log.close();
    expect(read().records.keys('prog/')).toEqual(['prog/a', 'prog/c']);
  });

  it('ends where a checksum is wrong', () => {
    written('a', 'b');
    const bytes = readFileSync(path());
    bytes[bytes.length - 3] = (bytes[bytes.length - 3] ?? 0) ^ 1;
    expect(readLog(bytes, 'log').records.keys('prog/')).toEqual(['prog/a']);
  });

  it('of another version or of somebody else is refused, and left as it is', () => {
    writeFileSync(path(), 'jitnic state 9\nwhatever');
    expect(() => StateLog.open(folder, 'always')).toThrow('it is of version 9, this jitnic knows 1');
    writeFileSync(path(), '#!/bin/sh\nexit 0\n');
    expect(() => StateLog.open(folder, 'always')).toThrow('it is no state of jitnic');
    expect(readFileSync(path(), 'utf8')).toContain('exit 0');
  });

  it('is written anew with what it holds', () => {
    const log = StateLog.open(folder, 'never');
    for (let i = 0; i < 50; i++) {
      const change = [{ key: 'prog/a', value: i }];
      log.append(change);
      log.records.apply(change);
    }
    const before = log.bytes;
    expect(log.compact(true)).toBe(true);
    expect(log.bytes).toBeLessThan(before);
    log.append([{ key: 'prog/b', value: 1 }]);
    log.close();
    expect([...read().records.entries()]).toEqual([
      ['prog/a', 49],
      ['prog/b', 1],
    ]);
  });

  it('of an older version is brought up to date, and stays beside it', () => {
    const prog = { key: 'prog/1', value: { id: 1, name: 'f' } };
    const old = Buffer.concat([
      Buffer.from('jitnic state 1\n'),
      entryOf([prog]),
      entryOf([{ key: 'pin/a', value: 1 }]),
    ]);
    writeFileSync(path(), Buffer.concat([old, Buffer.from('torn')]));
    const log = StateLog.open(folder, 'always');
    expect(log.records.get('prog/1')).toEqual({ id: 1, name: 'f', lines: [] });
    log.append([{ key: 'pin/b', value: 2 }]);
    log.close();
    const { version, records } = read();
    expect([version, [...records.entries()].length]).toEqual([stateVersion, 3]);
    expect(readFileSync(`${path()}.v1`).subarray(0, old.length)).toEqual(old);
  });

  it('an entry that is none of changes is none', () => {
    const entry = entryOf([{ key: 'prog/a', value: 1 }]);
    const odd = entryOf({ key: 'prog/b' } as never);
    const { records, entries } = readLog(Buffer.concat([logHeader, entry, odd, entry]), 'log');
    expect([entries, records.keys('prog/')]).toEqual([1, ['prog/a']]);
  });
});
