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
/** A private bpffs, so that nothing stays pinned and nothing pinned before is in the way. */
const privately = 'mount -t bpf bpf /sys/fs/bpf && exec bpftool "$@"';

function bpftool(...args: string[]): { status: number | null; said: string } {
  const done = spawnSync('unshare', ['-m', 'sh', '-c', privately, 'sh', ...args], { encoding: 'utf8' });
  return { status: done.status, said: `${done.stderr}${done.stdout}` };
}

const kernel = process.getuid?.() === 0 && bpftool('prog', 'show').status === 0;

/** Refused as it is, after a million steps, for which the kernel takes half a minute. */
const long = 'xdp_synproxy_kern.o';

function objectsIn(folder: string | undefined): string[] {
  if (folder === undefined || !existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.o') && basename(name) !== long)
    .map((name) => join(folder, name));
}

const files = [...objectsIn(join(root, 'examples')), ...objectsIn(process.env['JITNIC_CORPUS'])];

describe.skipIf(!kernel)('a written object', () => {
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
    const { status, said } = bpftool('prog', 'loadall', file, '/sys/fs/bpf/programs', 'pinmaps', '/sys/fs/bpf/maps');
    return status === 0 ? undefined : said;
  }

  test.each(files.map((file) => [basename(file), file]))(
    '%s loads where the original does',
    (_name, file) => {
      const bytes = new Uint8Array(readFileSync(file));
      const original = join(folder, 'original.o');
      writeFileSync(original, bytes);
      if (load(original) !== undefined) return;
      loaded++;
      // CO-RE accesses are left to libbpf, as in the original.
      const object = readObject(bytes, { name: file });
      const written = join(folder, 'written.o');
      writeFileSync(written, writeElf(objectImage(object)));
      expect(load(written)).toBeUndefined();
      writeFileSync(written, writeElf(parseImage(disassemble(object))));
      expect(load(written)).toBeUndefined();
      if (object.programs.every(({ core = [] }) => core.length === 0)) return;
      // Applied beforehand, against the running kernel.
      const resolved = readObject(bytes, { name: file, btf: new Uint8Array(readFileSync('/sys/kernel/btf/vmlinux')) });
      writeFileSync(written, writeElf(objectImage(resolved, { core: 'applied' })));
      expect(load(written)).toBeUndefined();
      // Read for this kernel, written for any.
      writeFileSync(written, writeElf(objectImage(resolved)));
      expect(load(written)).toBeUndefined();
    },
    300_000,
  );
});
