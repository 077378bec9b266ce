import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { body, exit, start } from '../../test/support/any-program.js';
import { rounds } from '../../test/support/effort.js';
import { encodingFault } from '../code/index.js';
import { objectSpec, programSpec, readObject } from '../object/index.js';
import {
  buildFunction,
  checkFunction,
  formatFunction,
  formatTrace,
  Graph,
  liveCode,
  type Program,
  parseFunction,
  parseTrace,
  plainNames,
  type World,
  worldOf,
} from './index.js';

const folder = fileURLToPath(new URL('../../bench/programs/', import.meta.url));
const exact = (code: Parameters<typeof formatFunction>[0]): string => formatFunction(code, plainNames, true);

function expectSame(world: World, program: Program, trust: 'verified' | 'checked'): void {
  const text = exact(buildFunction(world, program, { trust, fault: encodingFault }));
  const parsed = parseFunction(text, program);
  checkFunction(parsed, 'test');
  expect(exact(parsed)).toBe(text);
}

describe('the text of a function', () => {
  const objects = readdirSync(folder).filter((name) => name.endsWith('.o'));

  it.each(objects)('is read back as it was: %s', (name) => {
    const world = worldOf(readObject(readFileSync(`${folder}${name}`), { name }));
    for (const program of world.programs)
      for (const trust of ['verified', 'checked'] as const) expectSame(world, program, trust);
  });

  it('is read back as it was: random programs', () => {
    fc.assert(
      fc.property(body, (insns) => {
        const world = worldOf(objectSpec('test', [programSpec([...start, ...insns, exit])], []));
        expectSame(world, world.programs[0] as Program, 'verified');
      }),
      { numRuns: rounds(20), seed: 3 },
    );
  });

  it('is refused with line and column', () => {
    const program = { index: 0, spec: programSpec([]) };
    const parse = (lines: readonly string[]) => () => parseFunction(['function prog', ...lines].join('\n'), program);
    expect(parse(['block 0', '  v0 = v1 + 2', '  return v0'])).toThrow(/a value that is defined above/);
    const cases: readonly (readonly [readonly string[], string])[] = [
      [['block 0', '  v0 = v1 + 2'], 'line 3, column 8'],
      [['block 0', '  return 1 2'], 'line 3, column 12'],
      [['block 0', '  v0 = sext9(1)'], 'line 3, column 8'],
      [['block 0', '  v0 = load.4 map9x[1]'], 'line 3, column 20'],
      [['  return 1'], 'line 2, column 3'],
      [['block 0', '  return 1', '  return 1'], 'line 4'],
      [['block 0', '  jump 7'], 'line 2'],
    ];
    for (const [lines, where] of cases) {
      let message = '';
      try {
        parse(lines)();
      } catch (error) {
        message = (error as { format(): string }).format();
      }
      expect(message, lines.join('; ')).toContain(where);
    }
  });
});

describe('the text of a trace', () => {
  it('is read back as it was', () => {
    const g = new Graph();
    const zero = g.constant(0n);
    const word = { kind: 'memory', space: 'packet', size: 4, map: -1, checked: true } as const;
    const loaded = g.load(g.pointer(zero), 26n, word, 0, true);
    g.effect('guard', [g.make('eq', loaded, g.constant(0x0100000an))], 0n, { kind: 'guard', expect: true });
    const key = { kind: 'lookup', map: 2, pieces: [{ at: 0, size: 4 }], marks: true } as const;
    const found = g.query('lookup', [loaded], key, 0, true);
    g.effect('guard', [g.make('eq', found, zero)], 0n, { kind: 'guard', expect: false });
    g.effect('store', [found, g.make('bswap32', loaded)], 8n, { ...word, space: 'map', map: 2, checked: false });
    g.effect('ret', [g.constant(2n)], 0n, undefined);
    const text = formatTrace(liveCode(g.code), plainNames, true);
    expect(formatTrace(liveCode(parseTrace(text).values), plainNames, true)).toBe(text);
  });
});
