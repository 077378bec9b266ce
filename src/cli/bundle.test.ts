import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Bundle } from './bundle.js';

describe('joined files', () => {
  let directory: string;
  const write = (name: string, text: string): void =>
    writeFileSync(join(directory, `${name}.br`), brotliCompressSync(text));

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'jitnic-bundle-'));
    write(
      'a.cjs',
      `const { sep } = require('node:path');
       const b = require('./b.cjs');
       exports.sum = (x) => b.twice(x) + sep.length;
       exports.where = () => __filename;`,
    );
    write('b.cjs', `require('./a.cjs');\nexports.twice = (x) => 2 * x;`);
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  function run(): { readonly bundle: Bundle; readonly result: number; readonly where: string } {
    const bundle = new Bundle(directory, join(directory, 'kept', 'build', 'command'));
    const { sum, where } = bundle.load('a.cjs') as { sum: (x: number) => number; where: () => string };
    return { bundle, result: sum(20), where: where() };
  }

  function keepCode(): void {
    run().bundle.keep();
  }

  const rejected = (bundle: Bundle): unknown[] =>
    [...bundle.scripts.values()].map(({ cachedDataRejected }) => cachedDataRejected);

  it('require each other, in circles too, and what Node has', () => {
    const { bundle, result, where } = run();
    expect(result).toBe(41);
    expect(where).toBe(join(directory, 'a.cjs'));
    expect([...bundle.scripts.keys()]).toEqual(['a.cjs', 'b.cjs']);
    expect(bundle.load('a.cjs')).toBe(bundle.load('a.cjs'));
  });

  it('run with the code that was kept of them', () => {
    keepCode();
    const { bundle, result } = run();
    expect(rejected(bundle)).toEqual([false, false]);
    expect(result).toBe(41);
  });

  it('are unpacked once', () => {
    keepCode();
    for (const name of ['a.cjs', 'b.cjs']) rmSync(join(directory, `${name}.br`));
    expect(run().result).toBe(41);
  });

  it('are compiled anew where the code is of another file, or no code', () => {
    keepCode();
    write('b.cjs', `exports.twice = (x) => 2 * x + 1; // longer than it was`);
    rmSync(join(directory, 'kept', 'build', '_text'), { recursive: true });
    // V8 knows what it has compiled in this process: another text makes it ask for the code.
    write('a.cjs', `exports.sum = (x) => require('./b.cjs').twice(x) + 1; exports.where = String;`);
    writeFileSync(join(directory, 'kept', 'build', 'command', 'a.cjs.code'), 'none');
    const { bundle, result } = run();
    expect(rejected(bundle)).toEqual([true, true]);
    expect(result).toBe(42);
  });

  it('are kept for the builds that ran last', () => {
    for (const [i, build] of ['one', 'two', 'three', 'four'].entries()) {
      const bundle = new Bundle(directory, join(directory, 'kept', build, 'command'));
      bundle.load('a.cjs');
      bundle.keep();
      utimesSync(join(directory, 'kept', build), i, i);
    }
    expect(readdirSync(join(directory, 'kept')).sort()).toEqual(['four', 'three', 'two']);
  });

  it('run where nothing can be kept', () => {
    writeFileSync(join(directory, 'file'), '');
    const bundle = new Bundle(directory, join(directory, 'file', 'command'));
    bundle.load('a.cjs');
    expect(() => bundle.keep()).not.toThrow();
  });
});
