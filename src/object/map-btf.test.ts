import { describe, expect, it } from 'vitest';
import { op } from '../isa/index.js';
import { readObject } from './read-object.js';
import type { MapSpec, ObjectSpec } from './spec.js';
import { BtfInput } from './testing/btf.js';
import { buildElf, codeSection, insn, type SectionInput, type SymbolInput, words } from './testing/elf.js';

const main = codeSection('xdp', [insn(op.ALU64 | op.MOV), insn(op.EXIT_OP)]);
const mainSymbol = { name: 'main', section: 'xdp', type: 2, size: 16 };

/** Writes map definitions as the macros of bpf_helpers.h do. */
class MapsInput {
  readonly btf: BtfInput = new BtfInput();
  readonly int: number = this.btf.int('int', 4, true);
  private readonly vars: [name: string, id: number, offset: number, size: number][] = [];
  private end = 0;

  uint(value: number): number {
    return this.btf.ptr(this.btf.array(this.int, value));
  }

  ulong(value: number): number {
    return this.btf.ptr(this.btf.enum('', [['', value]]));
  }

  struct(fields: Readonly<Record<string, number>>): number {
    const members = Object.entries(fields).map(([name, type], i) => [name, type, i * 64] as const);
    return this.btf.struct('', members.length * 8, members);
  }

  map(name: string, fields: Readonly<Record<string, number>>): void {
    const size = 8 * Object.keys(fields).length;
    const type = this.struct(fields);
    this.vars.push([name, this.btf.add(name, 14, 0, type, [1]), this.end, size]);
    this.end += size;
  }

  read(
    relocations: SectionInput['relocations'] = [],
    more: { sections: SectionInput[]; symbols: SymbolInput[] } = { sections: [], symbols: [] },
  ): ObjectSpec {
    const rest = this.vars.flatMap(([, id, offset, size]) => [id, offset, size]);
    this.btf.add('.maps', 15, this.vars.length, this.end, rest);
    const maps = { name: '.maps', data: new Uint8Array(this.end), relocations };
    const symbols = this.vars.map(([name, , value, size]) => ({ name, section: '.maps', value, size, type: 1 }));
    const sections = [main, ...more.sections, maps, { name: '.BTF', data: this.btf.bytes() }];
    return readObject(buildElf(sections, [...symbols, ...more.symbols, mainSymbol]));
  }
}

function only(fields: (input: MapsInput) => Readonly<Record<string, number>>): MapSpec | undefined {
  const input = new MapsInput();
  input.map('m', fields(input));
  return input.read().maps[0];
}

describe('maps defined by BTF', () => {
  it('take sizes from types or numbers', () => {
    const spec = only((m) => ({
      type: m.uint(1),
      key: m.btf.ptr(m.btf.array(m.int, 3)),
      value_size: m.uint(20),
      max_entries: m.uint(99),
      map_flags: m.uint(5),
      numa_node: m.uint(1),
      pinning: m.uint(1),
    }));
    expect(spec).toMatchObject({
      type: 'hash',
      keySize: 12,
      valueSize: 20,
      maxEntries: 99,
      flags: 5,
      numaNode: 1,
      pinning: true,
    });
    expect(spec?.btfKeyId).toBeGreaterThan(0);
    expect(spec?.btfValueId).toBe(0);
  });

  it('take large numbers from an enumerator', () => {
    expect(only((m) => ({ type: m.uint(30), map_extra: m.ulong(3), max_entries: m.ulong(0x80000000) }))).toMatchObject({
      type: 'bloom_filter',
      extra: 3n,
      maxEntries: 0x80000000,
    });
  });

  it('round a ring buffer up to a power of two of pages', () => {
    expect(only((m) => ({ type: m.uint(27), max_entries: m.uint(5000) }))?.maxEntries).toBe(8192);
  });

  // clang before 13 called the relocations of data what it called those of instructions.
  const shapes = [1, 2].flatMap((type) => [true, false].map((both) => ({ type, both })));

  it.each(shapes)(
    'hold inner maps and programs from the start: relocation type $type, maps of both kinds: $both',
    ({ type, both }) => {
      const input = new MapsInput();
      const inner = {
        type: input.uint(2),
        key_size: input.uint(4),
        value_size: input.uint(8),
        max_entries: input.uint(4),
      };
      input.map('inner_map', inner);
      const innerPointers = input.btf.array(input.btf.ptr(input.struct(inner)), 0);
      input.map('outer', {
        type: input.uint(12),
        key_size: input.uint(4),
        max_entries: input.uint(8),
        values: innerPointers,
      });
      const proto = input.btf.add('', 13, 0, input.int);
      const functions = input.btf.array(input.btf.ptr(proto), 0);
      input.map('jumps', {
        type: input.uint(3),
        key_size: input.uint(4),
        max_entries: input.uint(4),
        values: functions,
      });
      // `values` is the last of four members; an array without length takes as much room as its initialiser.
      const legacy = { name: 'maps', data: words(27, 0, 0, 4096, 0, 0, 0) };
      const log = { name: 'log', section: 'maps', value: 0, size: 28, type: 1 };
      const object = input.read(
        [
          { offset: 32 + 24, type, symbol: 'inner_map' },
          { offset: 64 + 24, type, symbol: 'main' },
        ],
        both ? { sections: [legacy], symbols: [log] } : undefined,
      );
      const first = both ? 1 : 0;
      expect(object.maps.map(({ name }) => name)).toEqual([...(both ? ['log'] : []), 'inner_map', 'outer', 'jumps']);
      expect(object.maps[first + 1]).toMatchObject({
        valueSize: 4,
        inner: { name: 'outer.inner', type: 'array', maxEntries: 4 },
      });
      expect(object.maps[first + 1]?.init).toEqual({ kind: 'maps', slots: new Map([[0, first]]) });
      expect(object.maps[first + 2]?.init).toEqual({ kind: 'programs', slots: new Map([[0, 'main']]) });
    },
  );

  it.each<[string, (m: MapsInput) => Readonly<Record<string, number>>, RegExp]>([
    ['no type', (m) => ({ max_entries: m.uint(1) }), /no `type`/],
    [
      'two key sizes',
      (m) => ({ type: m.uint(1), key: m.btf.ptr(m.int), key_size: m.uint(8) }),
      /keys of 4 and of 8 bytes/,
    ],
    ['a key without size', (m) => ({ type: m.uint(1), key: m.btf.ptr(0) }), /has no size/],
    ['a number that is none', (m) => ({ type: m.int }), /`type` is no number/],
    ['a field that nobody knows', (m) => ({ type: m.uint(1), colour: m.uint(1) }), /unknown field `colour`/],
    ['values that are no array', (m) => ({ type: m.uint(12), values: m.uint(4) }), /`values` is no array/],
  ])('are refused with %s', (_what, fields, message) => {
    expect(() => only(fields)).toThrow(message);
  });
});
