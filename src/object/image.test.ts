import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { InputError } from '../base/index.js';
import { objectImage } from './image.js';
import { assemble, parseImage } from './parse-image.js';
import { disassemble } from './print-image.js';
import { readObject } from './read-object.js';
import type { MapSpec, ObjectSpec } from './spec.js';
import { writeElf } from './write-elf.js';

const root = new URL('../..', import.meta.url).pathname;

function objectsIn(folder: string | undefined): string[] {
  if (folder === undefined || !existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.o'))
    .map((name) => join(folder, name));
}

const files = [...objectsIn(join(root, 'examples')), ...objectsIn(process.env['JITNIC_CORPUS'])];

/** What has to survive: instructions, functions, maps, data, licence. Type ids may differ where there was no BTF. */
function essence(object: ObjectSpec): unknown {
  const map = (spec: MapSpec): unknown => ({
    ...spec,
    section: spec.init?.kind === 'data' ? spec.section : '.maps',
    btfKeyId: 0,
    btfValueId: 0,
    inner: spec.inner === undefined ? undefined : map({ ...spec.inner, name: '' }),
  });
  const ids = object.maps.filter((spec) => spec.init?.kind !== 'data').map((s) => [s.btfKeyId, s.btfValueId]);
  return {
    license: object.license,
    version: object.version,
    maps: object.maps.map(map),
    ids: object.maps.some((spec) => spec.section === 'maps') ? [] : ids,
    programs: object.programs.map(({ name, section, type, frags, insns, functions, kfuncs, ksyms }) => ({
      name,
      section,
      type,
      frags,
      insns,
      functions: functions.map(({ start, end, ...fn }) => ({ name: fn.name, start, end })),
      globals: object.btf === undefined ? [] : functions.map((fn) => fn.global),
      kfuncs: kfuncs.map((extern) => extern.name),
      ksyms: ksyms.map((extern) => extern.name),
    })),
  };
}

describe('an object as text', () => {
  test.each(files.map((file) => [basename(file), file]))('%s assembles back to itself', (_name, file) => {
    const object = readObject(new Uint8Array(readFileSync(file)), { name: file });
    const text = disassemble(object, { numbers: true, source: true });
    expect(essence(assemble(text, { name: file }))).toEqual(essence(object));
    const image = objectImage(object);
    expect(essence(readObject(writeElf(image), { name: file }))).toEqual(essence(object));
  });
});
