import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { objectImage } from './image.js';
import { parseImage } from './parse-image.js';
import { disassemble } from './print-image.js';
import { readObject } from './read-object.js';
import { writeElf } from './write-elf.js';

const root = new URL('../..', import.meta.url).pathname;
const bpffs = '/sys/fs/bpf';
const kernel =
  process.getuid?.() === 0 && existsSync(bpffs) && spawnSync('bpftool', ['prog', 'show']).status === 0
    ? bpffs
    : undefined;

function objectsIn(folder: string | undefined): string[] {
  if (folder === undefined || !existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.o'))
    .map((name) => join(folder, name));
}

const files = [...objectsIn(join(root, 'examples')), ...objectsIn(process.env['JITNIC_CORPUS'])];

describe.skipIf(kernel === undefined)('a written object', () => {
  const pins = `${bpffs}/jitnic-write-elf-${process.pid}`;
  let folder = '';
  let loaded = 0;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'jitnic-'));
  });
  afterAll(() => {
    console.log(`${loaded} of ${files.length} objects load, and so do the written ones`);
    rmSync(folder, { recursive: true });
  });

  /** What libbpf and the kernel say; undefined when all programs load. */
  function load(file: string): string | undefined {
    const done = spawnSync('bpftool', ['prog', 'loadall', file, pins, 'pinmaps', `${pins}-maps`], { encoding: 'utf8' });
    for (const path of [pins, `${pins}-maps`]) if (existsSync(path)) rmSync(path, { recursive: true });
    return done.status === 0 ? undefined : `${done.stderr}${done.stdout}`;
  }

  test.each(files.map((file) => [basename(file), file]))('%s loads where the original does', (_name, file) => {
    const bytes = new Uint8Array(readFileSync(file));
    // The written one has its CO-RE accesses resolved already: against the running kernel, as libbpf does.
    const btf = new Uint8Array(readFileSync('/sys/kernel/btf/vmlinux'));
    const original = join(folder, 'original.o');
    writeFileSync(original, bytes);
    if (load(original) !== undefined) return;
    loaded++;
    const object = readObject(bytes, { name: file, btf });
    const written = join(folder, 'written.o');
    writeFileSync(written, writeElf(objectImage(object)));
    expect(load(written)).toBeUndefined();
    writeFileSync(written, writeElf(parseImage(disassemble(object))));
    expect(load(written)).toBeUndefined();
  });
});
