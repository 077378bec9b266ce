import { describe, expect, it } from 'vitest';
import { assembleUbpf } from '../isa/index.js';
import { mapSpec, type ObjectSpec, type ProgramSpec } from '../object/index.js';
import { bareObject } from './engines.js';
import { populate } from './populate.js';

const [main] = bareObject(assembleUbpf('mov %r0, 0\nexit', {}, 'test')).programs as [ProgramSpec];
const inner = mapSpec({ name: 'inner', type: 'array', keySize: 4, valueSize: 8, maxEntries: 2 });
const outer = mapSpec({ name: 'outer', type: 'array_of_maps', keySize: 4, valueSize: 4, maxEntries: 9, inner });
const jumps = mapSpec({ name: 'jumps', type: 'prog_array', keySize: 4, valueSize: 4, maxEntries: 2 });
const named = (name: string, change: Partial<ProgramSpec> = {}): ProgramSpec => ({ ...main, name, ...change });
const object: ObjectSpec = {
  ...bareObject([], [outer, jumps]),
  programs: [
    main,
    named('a'),
    named('tc', { type: 'sched_cls' }),
    named('long', { frags: true }),
    named('b'),
    named('c'),
  ],
};
const none: ReadonlySet<string> = new Set();

describe('what only a loader fills', () => {
  it('is inner maps of the declared shape', () => {
    const filled = populate(object, main, none);
    const { init } = filled.maps[0] ?? {};
    expect(init?.kind === 'maps' && [...init.slots.values()].map((index) => filled.maps[index])).toEqual([
      { ...inner, name: 'outer_0' },
      { ...inner, name: 'outer_1' },
    ]);
  });

  it('is the other XDP programs that the array takes, as far as there is room', () => {
    const { init } = populate(object, main, none).maps[1] ?? {};
    expect(init).toEqual({
      kind: 'programs',
      slots: new Map([
        [0, 'a'],
        [1, 'b'],
      ]),
    });
  });

  it('is left alone where the object or a map file fills it', () => {
    expect(populate(object, main, new Set(['outer', 'jumps']))).toBe(object);
    const own = { ...jumps, init: { kind: 'programs', slots: new Map([[1, 'c']]) } } as const;
    expect(populate({ ...object, maps: [own] }, main, none).maps).toEqual([own]);
  });
});
