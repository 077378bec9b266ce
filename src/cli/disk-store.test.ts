import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { DiskStore } from './disk-store.js';

const root = mkdtempSync(join(tmpdir(), 'jitnic-store-'));
let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(root, 'd-'));
});
afterAll(() => {
  rmSync(root, { recursive: true });
});

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const open = (build = 'a', capacity?: number): DiskStore =>
  new DiskStore({ directory, build, ...(capacity === undefined ? {} : { capacity }) });
const files = (): string[] => readdirSync(directory).map((name) => join(directory, name));

describe('results on disk', () => {
  it('come back in another process, as they were', () => {
    open().save('module', ['x', bytes(1, 2)], bytes(7, 8, 9));
    expect(open().load('module', ['x', bytes(1, 2)])).toEqual(bytes(7, 8, 9));
    expect(files()).toHaveLength(1);
  });

  it('are not those of other content, another kind or another build', () => {
    open().save('module', ['ab', 'c'], bytes(1));
    expect(open().load('module', ['a', 'bc'])).toBeUndefined();
    expect(open().load('module', ['ab', 'c', ''])).toBeUndefined();
    expect(open().load('accepted', ['ab', 'c'])).toBeUndefined();
    expect(open('b').load('module', ['ab', 'c'])).toBeUndefined();
  });

  it('are ignored where a file is damaged, cut off, empty or foreign, and replaced', () => {
    const store = open();
    store.save('module', ['x'], bytes(1, 2, 3));
    const [path = ''] = files();
    const good = readFileSync(path);
    for (let i = 0; i < good.length; i++) {
      const bad = Buffer.from(good);
      bad[i] = (bad[i] ?? 0) ^ 1;
      writeFileSync(path, bad);
      expect(store.load('module', ['x'])).toBeUndefined();
    }
    for (const bad of [
      good.subarray(0, good.length - 1),
      good.subarray(0, 10),
      Buffer.alloc(0),
      Buffer.from('hello'),
    ]) {
      writeFileSync(path, bad);
      expect(store.load('module', ['x'])).toBeUndefined();
    }
    store.save('module', ['x'], bytes(1, 2, 3));
    expect(store.load('module', ['x'])).toEqual(bytes(1, 2, 3));
  });

  it('are found by all of a content, however long, and by nothing that looks like it', () => {
    const store = open();
    for (const length of [9, 100_000, 3_000_000]) {
      const content = new Uint8Array(length);
      store.save('module', ['x', content], bytes(1));
      expect(store.load('module', ['x', content])).toEqual(bytes(1));
      // A byte that the file's name does not follow from, and one that it does.
      for (const at of [0, length - 1, length >> 1, (length >> 1) + 1]) {
        const other = content.slice();
        other[at] = 1;
        expect(store.load('module', ['x', other])).toBeUndefined();
      }
    }
  });

  it('do not count where a sound file has the name of another', () => {
    open().save('accepted', ['good'], bytes());
    const [good = ''] = files();
    open().save('accepted', ['other'], bytes());
    const other = files().find((path) => path !== good) ?? '';
    writeFileSync(other, readFileSync(good));
    expect(open().load('accepted', ['other'])).toBeUndefined();
    expect(open().load('accepted', ['good'])).toEqual(bytes());
  });

  it('make room: what was not used for longest goes, files of others stay', () => {
    writeFileSync(join(directory, 'notes.txt'), 'x'.repeat(1000));
    const store = open('a', 450);
    for (const name of ['one', 'two', 'three']) {
      store.save('module', [name], new Uint8Array(100));
      for (const path of files())
        utimesSync(path, statSync(path).mtimeMs / 1000 - 10, statSync(path).mtimeMs / 1000 - 10);
    }
    expect(store.load('module', ['one'])).toHaveLength(100);
    store.save('module', ['four'], new Uint8Array(100));
    expect(['one', 'two', 'three', 'four'].map((name) => store.load('module', [name])?.length)).toEqual([
      100,
      undefined,
      100,
      100,
    ]);
    expect(readFileSync(join(directory, 'notes.txt'), 'utf8')).toHaveLength(1000);
  });

  it('are not kept where the directory cannot be', () => {
    writeFileSync(join(directory, 'file'), '');
    const store = new DiskStore({ directory: join(directory, 'file', 'below'), build: 'a' });
    store.save('module', ['x'], bytes(1));
    expect(store.load('module', ['x'])).toBeUndefined();
  });

  it('leave no half-written files behind', () => {
    const store = open();
    for (let i = 0; i < 20; i++) store.save('module', ['x'], bytes(i));
    expect(files()).toHaveLength(1);
    chmodSync(directory, 0o500);
    store.save('module', ['y'], bytes(1));
    chmodSync(directory, 0o700);
    expect(files().every((path) => /[0-9a-f]{16}$/.test(path))).toBe(true);
  });
});
