import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UserError } from '../base/index.js';
import { objectImage } from './image.js';
import { assemble } from './parse-image.js';
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
      core: object.programs.find((program) => program.name === name)?.core,
      globals: object.btf === undefined ? [] : functions.map((fn) => fn.global),
      kfuncs: kfuncs.map((extern) => extern.name),
      ksyms: ksyms.map((extern) => extern.name),
    })),
  };
}

/**
 * What is known of types, functions and lines. `.maps` and data sections are described anew, behind what there was.
 */
function types(object: ObjectSpec, from: ObjectSpec): unknown {
  const ids = Array.from({ length: from.btf?.count ?? 0 }, (_, id) => id);
  return {
    types: ids.filter((id) => from.btf?.type(id).kind !== 'datasec').map((id) => object.btf?.type(id)),
    functions: object.programs.map((program) => program.functions.map(({ origin: _, ...fn }) => fn)),
    lines: object.programs.map((program) => program.lines),
  };
}

describe('an object written and read again', () => {
  const withTypes = files.filter((file) => readObject(new Uint8Array(readFileSync(file))).btf !== undefined);
  test.each(withTypes.map((file) => [basename(file), file]))('%s has its types, functions and lines', (_name, file) => {
    const object = readObject(new Uint8Array(readFileSync(file)), { name: file });
    const again = readObject(writeElf(objectImage(object)), { name: file });
    expect(types(again, object)).toEqual(types(object, object));
  });

  test('for one kernel fits another still: CO-RE is applied anew each time', () => {
    const withCore = files.map((file) => readObject(new Uint8Array(readFileSync(file)), { name: file }));
    const relocated = withCore.filter((object) => object.programs.some(({ core }) => (core ?? []).length > 0));
    if (relocated.length === 0) return;
    for (const object of relocated) {
      const once = writeElf(objectImage(object));
      expect(writeElf(objectImage(readObject(once, { name: object.name })))).toEqual(once);
      const applied = readObject(writeElf(objectImage(object, { core: 'applied' })), { name: object.name });
      expect(applied.programs.flatMap(({ core }) => core ?? [])).toEqual([]);
      expect(applied.programs.map(({ insns }) => insns)).toEqual(object.programs.map(({ insns }) => insns));
    }
  });
});

describe('an object as text', () => {
  test.each(files.map((file) => [basename(file), file]))('%s assembles back to itself', (_name, file) => {
    const object = readObject(new Uint8Array(readFileSync(file)), { name: file });
    const text = disassemble(object, { numbers: true, source: true });
    expect(essence(assemble(text, { name: file }))).toEqual(essence(object));
    const image = objectImage(object);
    expect(essence(readObject(writeElf(image), { name: file }))).toEqual(essence(object));
  });

  test('that is damaged is an error with its line, or another object, and nothing else', () => {
    const file = join(root, 'examples/load-balancer/load-balancer.o');
    if (!existsSync(file)) return;
    const lines = disassemble(readObject(new Uint8Array(readFileSync(file)))).split('\n');
    const few = [...lines.slice(0, 80), ...lines.slice(-130)];
    const edit = fc.record({
      line: fc.nat({ max: few.length - 1 }),
      at: fc.nat({ max: 60 }),
      text: fc.oneof(
        fc.constantFrom('', '"', ' ', '-', '0x', '=', ':', '.section x', 'r1', '9999999999', '['),
        fc.string(),
      ),
    });
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
        const damaged = [...few];
        for (const { line, at, text } of edits) {
          const old = damaged[line] ?? '';
          damaged[line] = old.slice(0, at) + text + old.slice(at + 1);
        }
        try {
          assemble(damaged.join('\n'));
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
        }
      }),
      { numRuns: 500 },
    );
  });
});
