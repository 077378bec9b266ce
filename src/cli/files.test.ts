import {
  chmodSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Io } from './command.js';
import { writeOutput } from './files.js';
import { captureCli } from './testing.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'jitnic-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const io = {} as Io;

describe('a file that is written', () => {
  it('is there as a whole, with its mode, and nothing beside it', async () => {
    const file = join(folder, 'maps.json');
    await writeOutput(file, ['a', 'b'], io);
    expect(readFileSync(file, 'utf8')).toBe('ab');
    chmodSync(file, 0o640);
    await writeOutput(file, new Uint8Array([99]), io);
    expect(readFileSync(file, 'utf8')).toBe('c');
    expect(statSync(file).mode & 0o777).toBe(0o640);
    expect(readdirSync(folder)).toEqual(['maps.json']);
  });

  it('stays as it was where writing fails half-way', async () => {
    const file = join(folder, 'maps.json');
    writeFileSync(file, 'old');
    function* failing(): IterableIterator<string> {
      yield 'x'.repeat(1 << 19);
      throw new Error('no more');
    }
    await expect(writeOutput(file, failing(), io)).rejects.toThrow('no more');
    expect(readFileSync(file, 'utf8')).toBe('old');
    expect(readdirSync(folder)).toEqual(['maps.json']);
  });

  it('is the one that a link names; devices are written to', async () => {
    const file = join(folder, 'real.json');
    const link = join(folder, 'link.json');
    writeFileSync(file, 'old');
    symlinkSync(file, link);
    await writeOutput(link, 'new', io);
    expect(readFileSync(file, 'utf8')).toBe('new');
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    await writeOutput('/dev/null', 'anything', io);
    expect(statSync('/dev/null').isCharacterDevice()).toBe(true);
  });

  it.each(['/dev/full', '/nowhere/at/all'])('%s is an error of one line', async (path) => {
    await expect(writeOutput(path, 'x', io)).rejects.toMatchObject({ place: { file: path } });
  });
});

describe('jitnic asm', () => {
  it('leaves a file alone that nobody named', async () => {
    const source = join(folder, 'p.s');
    const object = join(folder, 'p.o');
    writeFileSync(source, 'r0 = 2\nexit\n');
    expect((await captureCli(['asm', source])).exitCode).toBe(0);
    const first = readFileSync(object);
    writeFileSync(source, 'r0 = 1\nexit\n');
    const again = await captureCli(['asm', source]);
    expect(again.exitCode).toBe(2);
    expect(again.err).toMatch(/p\.o` is there already\nhint: to replace it: `-o .*p\.o`/);
    expect(readFileSync(object)).toEqual(first);
    expect((await captureCli(['asm', source, '-o', object])).exitCode).toBe(0);
    expect(readFileSync(object)).not.toEqual(first);
  });

  it('writes raw instructions with their maps, which disasm, verify and run read', async () => {
    const [source, raw, list] = ['p.s', 'p.bin', 'p.maps'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    writeFileSync(
      source,
      '.license "GPL"\n.map m type=array key=4 value=4 max_entries=1\n.section xdp\nr1 = m ll\nr0 = 2\nexit\n',
    );
    expect((await captureCli(['asm', source, '--raw', '--map-list', list])).exitCode).toBe(0);
    expect(readFileSync(raw)).toHaveLength(32);
    const { out } = await captureCli(['disasm', raw, '--raw', '--map-list', list]);
    expect(out).toContain('r1 = m ll');
    expect((await captureCli(['verify', raw, '--raw', '--map-list', list])).exitCode).toBe(0);
    expect((await captureCli(['show', raw, '--map-list', list])).exitCode).toBe(2);
  });
});
