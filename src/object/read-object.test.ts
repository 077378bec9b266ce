import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { InputError } from '../base/index.js';
import { type Insn, op } from '../isa/index.js';
import { readElf } from './elf.js';
import { readObject } from './read-object.js';
import type { ObjectSpec } from './spec.js';
import { buildElf, codeSection, insn, type SectionInput, type SymbolInput, words } from './testing/elf.js';
import { findPrograms, xdpPrograms } from './xdp-fitness.js';

const FUNC = 2;
const LOCAL = 0;
const WEAK = 2;
const R_64_64 = 1;
const R_64_32 = 10;

const exit = insn(op.EXIT_OP);
const mov = (imm: number): Insn => insn(op.ALU64 | op.MOV, { imm });
const call = (imm: number): Insn => insn(op.CALL_OP, { src: op.CALL_LOCAL, imm });
const lddw = (imm = 0, src = 0): Insn[] => [insn(op.LDDW, { dst: 1, src, imm }), insn(0)];

function fn(name: string, section: string, start: number, slots: number, more: Partial<SymbolInput> = {}): SymbolInput {
  return { name, section, type: FUNC, value: start * 8, size: slots * 8, ...more };
}

function read(sections: readonly SectionInput[], symbols: readonly SymbolInput[], name = 'prog.o'): ObjectSpec {
  return readObject(buildElf(sections, symbols), { name });
}

describe('programs', () => {
  it('are the functions of a section, each with its own name', () => {
    const object = read(
      [codeSection('xdp', [mov(1), exit, mov(2), exit])],
      [fn('first', 'xdp', 0, 2), fn('second', 'xdp', 2, 2)],
    );
    expect(object.programs.map((p) => [p.name, p.section, p.type, p.insns.map((i) => i.imm)])).toEqual([
      ['first', 'xdp', 'xdp', [1, 0]],
      ['second', 'xdp', 'xdp', [2, 0]],
    ]);
  });

  it('carry every function that they reach once, in the order of the calls', () => {
    const text = codeSection('.text', [mov(30), exit, call(-3), exit]);
    const main = codeSection(
      'xdp',
      [call(-1), call(1), call(-1), exit],
      [
        { offset: 0, type: R_64_32, symbol: 'outer' },
        { offset: 8, type: R_64_32, symbol: '.text' },
        { offset: 16, type: R_64_32, symbol: 'outer' },
      ],
    );
    const [program] = read(
      [text, main],
      [
        { name: '.text', section: '.text', type: 3, bind: LOCAL },
        fn('inner', '.text', 0, 2, { bind: LOCAL }),
        fn('outer', '.text', 2, 2, { bind: WEAK }),
        fn('main', 'xdp', 0, 4),
      ],
    ).programs;
    expect(program?.functions.map((f) => [f.name, f.start, f.end])).toEqual([
      ['main', 0, 4],
      ['outer', 4, 6],
      ['inner', 6, 8],
    ]);
    // main calls outer; `.text` + 1 + 1 is slot 2, outer again; outer calls inner.
    expect(program?.insns.filter((i) => i.code === op.CALL_OP).map((i) => i.imm)).toEqual([3, 2, 1, 1]);
    expect(program?.unresolved).toEqual([]);
  });

  it('refer to callbacks by the slot they begin at', () => {
    const main = codeSection('xdp', [...lddw(), exit], [{ offset: 0, type: R_64_64, symbol: 'cb' }]);
    const [program] = read(
      [codeSection('.text', [mov(0), exit]), main],
      [fn('cb', '.text', 0, 2, { bind: LOCAL }), fn('main', 'xdp', 0, 3)],
    ).programs;
    expect(program?.insns[0]).toMatchObject({ src: op.PSEUDO_FUNC, imm: 2 });
  });

  it('end a walk over functions that call each other', () => {
    const text = codeSection('.text', [call(1), exit, call(-3), exit]);
    const main = codeSection('xdp', [call(-1), exit], [{ offset: 0, type: R_64_32, symbol: 'a' }]);
    const [program] = read(
      [text, main],
      [fn('a', '.text', 0, 2), fn('b', '.text', 2, 2), fn('main', 'xdp', 0, 2)],
    ).programs;
    expect(program?.functions.map((f) => f.name)).toEqual(['main', 'a', 'b']);
  });

  it('do not include static functions of their section', () => {
    const code = codeSection('xdp', [call(1), exit, mov(1), exit]);
    const object = read([code], [fn('main', 'xdp', 0, 2), fn('helper', 'xdp', 2, 2, { bind: LOCAL })]);
    expect(object.programs.map((p) => p.name)).toEqual(['main']);
    expect(object.programs[0]?.functions.map((f) => f.name)).toEqual(['main', 'helper']);
  });

  it('are found by plain labels in objects of old compilers', () => {
    const code = codeSection('prog', [call(2), insn(op.JA_OP), exit, mov(7), exit]);
    const object = read(
      [code],
      [
        { name: 'LBB0_1', section: 'prog', value: 16, bind: LOCAL },
        { name: 'main_prog', section: 'prog' },
        { name: 'helper', section: 'prog', value: 24, bind: LOCAL },
      ],
    );
    expect(object.programs.map((p) => p.name)).toEqual(['main_prog']);
    expect(object.programs[0]?.functions.map((f) => [f.name, f.start, f.end])).toEqual([
      ['main_prog', 0, 3],
      ['helper', 3, 5],
    ]);
  });

  it('have the section’s name where there is no symbol at all', () => {
    expect(read([codeSection('xdp_drop', [mov(1), exit])], []).programs[0]).toMatchObject({
      name: 'xdp_drop',
      type: 'xdp',
    });
  });

  it('are refused when they grow past what the kernel takes', () => {
    const count = 200_000;
    const text = codeSection(
      '.text',
      Array.from({ length: count }, () => exit),
    );
    const main = codeSection(
      'xdp',
      Array.from({ length: 6 }, () => call(-1)),
      [0, 1, 2, 3, 4, 5].map((i) => ({ offset: i * 8, type: R_64_32, symbol: `f${i}` })),
    );
    const symbols = [0, 1, 2, 3, 4, 5].map((i) => fn(`f${i}`, '.text', i, count - i));
    expect(() => read([text, main], [...symbols, fn('main', 'xdp', 0, 6)])).toThrow(/more than 1000000 instructions/);
  });

  it('to run are chosen by section, or by name', () => {
    const sections = ['xdp', 'xdp/devmap', 'tc', 'prog'].map((name) => codeSection(name, [mov(1), exit]));
    const object = read(sections, [
      fn('a', 'xdp', 0, 2),
      fn('b', 'xdp/devmap', 0, 2),
      fn('c', 'tc', 0, 2),
      fn('d', 'prog', 0, 2),
    ]);
    expect(xdpPrograms(object).map((p) => p.name)).toEqual(['a']);
    expect(findPrograms(object, 'prog').map((p) => p.name)).toEqual(['d']);
    expect(xdpPrograms(read([codeSection('prog', [exit])], [fn('d', 'prog', 0, 1)])).map((p) => p.name)).toEqual(['d']);
    expect(xdpPrograms(read([codeSection('tc', [exit])], [fn('c', 'tc', 0, 1)]))).toEqual([]);
  });
});

describe('what cannot be resolved', () => {
  const unresolved = (code: SectionInput, symbols: readonly SymbolInput[] = []): string | undefined => {
    const object = read([code], [...symbols, fn('main', 'xdp', 0, (code.data?.length ?? 0) / 8)]);
    return object.programs[0]?.unresolved[0]?.what;
  };

  it('names an undefined function, its section and its caller', () => {
    const code = codeSection('xdp', [call(-1), exit], [{ offset: 0, type: R_64_32, symbol: 'nowhere' }]);
    expect(unresolved(code, [{ name: 'nowhere' }])).toBe(
      'undefined symbol `nowhere`: the function is declared, and nothing defines it (in section `xdp`, function `main`)',
    );
  });

  it('names an undefined variable', () => {
    const code = codeSection('xdp', [...lddw(), exit], [{ offset: 0, type: R_64_64, symbol: 'x' }]);
    expect(unresolved(code, [{ name: 'x' }])).toContain('undefined symbol `x`: it is declared extern');
  });

  it('is nothing when the symbol is weak: its address is 0', () => {
    const code = codeSection('xdp', [...lddw(5), exit], [{ offset: 0, type: R_64_64, symbol: 'x' }]);
    expect(unresolved(code, [{ name: 'x', bind: WEAK }])).toBeUndefined();
  });

  it('names a common variable', () => {
    const code = codeSection('xdp', [...lddw(), exit], [{ offset: 0, type: R_64_64, symbol: 'x' }]);
    expect(unresolved(code, [{ name: 'x', section: 0xfff2 }])).toContain('variable `x` has no place in the file');
  });

  it('names a relocation that cannot mend code', () => {
    const code = codeSection('xdp', [mov(1), exit], [{ offset: 0, type: 2, symbol: 'x' }]);
    expect(unresolved(code, [{ name: 'x' }])).toContain(
      'relocation R_BPF_64_ABS64 of `x` cannot mend an instruction with opcode 0xb7',
    );
  });

  it('names a call into the middle of a function', () => {
    expect(unresolved(codeSection('xdp', [call(0), mov(1), exit]))).toContain('slot 1 of section `xdp` is called');
  });

  it('names a map known only by its file descriptor', () => {
    expect(unresolved(codeSection('xdp', [...lddw(3, op.PSEUDO_MAP_FD), exit]))).toContain('named by the number 3');
  });
});

describe('data sections', () => {
  const code = codeSection(
    'xdp',
    [...lddw(8), ...lddw(), ...lddw(), exit],
    [
      { offset: 0, type: R_64_64, symbol: '.rodata' },
      { offset: 16, type: R_64_64, symbol: 'counter' },
      { offset: 32, type: R_64_64, symbol: 'zeros' },
    ],
  );
  const object = read(
    [
      code,
      { name: '.rodata', data: words(1, 2, 3) },
      { name: '.data.mine', data: words(7, 8) },
      { name: '.bss', type: 8, size: 100 },
      { name: '.data', data: new Uint8Array(0) },
    ],
    [
      { name: '.rodata', section: '.rodata', type: 3, bind: LOCAL },
      { name: 'counter', section: '.data.mine', value: 4, type: 1, size: 4 },
      { name: 'zeros', section: '.bss', value: 96, type: 1, size: 4 },
      fn('main', 'xdp', 0, 7),
    ],
    'some/dir/my-program.bpf.o',
  );

  it('become array maps with libbpf’s names and flags', () => {
    expect(object.maps.map((m) => [m.name, m.type, m.section, m.valueSize, m.maxEntries, m.flags])).toEqual([
      ['my_progr.rodata', 'array', '.rodata', 12, 1, 0x80],
      ['.data.mine', 'array', '.data.mine', 8, 1, 0],
      ['my_progr.bss', 'array', '.bss', 100, 1, 0],
    ]);
    expect(object.maps[0]?.init).toMatchObject({ kind: 'data', bytes: words(1, 2, 3) });
  });

  it('are pointed into by loads, by symbol or by section and offset', () => {
    const { insns } = object.programs[0] ?? { insns: [] };
    expect([0, 2, 4].map((i) => [insns[i]?.src, insns[i]?.imm, insns[i + 1]?.imm])).toEqual([
      [op.PSEUDO_MAP_VALUE, 0, 8],
      [op.PSEUDO_MAP_VALUE, 1, 4],
      [op.PSEUDO_MAP_VALUE, 2, 96],
    ]);
  });

  it('of zeros are limited, since the file does not have to hold them', () => {
    expect(() => read([{ name: '.bss', type: 8, size: 0x3000_0000 }], [])).toThrow(/67108864 is the most/);
  });
});

describe('maps defined before BTF', () => {
  function legacy(
    definitions: readonly (readonly [string, readonly number[]])[],
    more: readonly SectionInput[] = [],
  ): ObjectSpec {
    let at = 0;
    const symbols = definitions.map(([name, fields]) => {
      const symbol = { name, section: 'maps', value: at };
      at += fields.length * 4;
      return symbol;
    });
    const data = words(...definitions.flatMap(([, fields]) => fields));
    const code = codeSection(
      'xdp',
      [...lddw(), exit],
      [{ offset: 0, type: R_64_64, symbol: definitions.at(-1)?.[0] ?? '' }],
    );
    return read([{ name: 'maps', data }, code, ...more], [...symbols, { name: 'main', section: 'xdp' }]);
  }

  it('are read from five numbers each', () => {
    const object = legacy([
      ['flows', [9, 16, 8, 1000, 2]],
      ['counters', [6, 4, 8, 256, 0]],
    ]);
    expect(object.maps).toMatchObject([
      { name: 'flows', type: 'lru_hash', keySize: 16, valueSize: 8, maxEntries: 1000, flags: 2, section: 'maps' },
      { name: 'counters', type: 'percpu_array', keySize: 4, valueSize: 8, maxEntries: 256, flags: 0 },
    ]);
    expect(object.programs[0]?.insns[0]).toMatchObject({ src: op.PSEUDO_MAP_FD, imm: 1 });
  });

  it('of kernel samples name their inner map by position', () => {
    const object = legacy([
      ['template', [2, 4, 8, 16, 0, 0, 0]],
      ['outer', [12, 4, 4, 8, 0, 0, 0]],
    ]);
    expect(object.maps[1]).toMatchObject({ type: 'array_of_maps', inner: { type: 'array', maxEntries: 16 } });
  });

  it('of Aya say in their seventh number whether they are pinned', () => {
    expect(legacy([['flows', [1, 4, 4, 16, 0, 0, 1]]]).maps[0]).toMatchObject({ pinning: true, numaNode: undefined });
  });

  it('of iproute2 name their inner map by id, and tail-called programs by section', () => {
    const object = legacy(
      [
        ['outer', [12, 4, 4, 8, 0, 0, 2, 5, 0xffffffff]],
        ['inner', [1, 4, 4, 16, 0, 5, 0, 0, 3]],
        ['jumps', [3, 4, 4, 16, 0, 7, 0, 0, 0]],
      ],
      [codeSection('7/2', [mov(2), exit])],
    );
    expect(object.maps[0]).toMatchObject({ pinning: true, inner: { type: 'hash' }, init: { kind: 'maps' } });
    expect(object.maps[0]?.init).toMatchObject({ slots: new Map([[3, 1]]) });
    expect(object.maps[2]?.init).toMatchObject({ kind: 'programs', slots: new Map([[2, '7/2']]) });
  });

  it('may be of a type that is not known', () => {
    expect(legacy([['odd', [77, 4, 4, 1, 0]]]).maps[0]).toMatchObject({ type: 'unspec', typeNumber: 77 });
  });

  it('are refused when a definition is cut off', () => {
    expect(() => legacy([['cut', [1, 4, 4]]])).toThrow(InputError);
  });

  it('need BTF in section `.maps`', () => {
    expect(() => read([{ name: '.maps', data: words(0, 0) }], [])).toThrow(/has none/);
  });
});

describe('objects of compilers without function symbols', () => {
  const root = join(import.meta.dirname, '../../examples');
  const files = readdirSync(root, { recursive: true })
    .map(String)
    .filter((file) => file.endsWith('.o'));

  it.each(files)('%s has the same programs when its symbols lose type and size', (file) => {
    const bytes = new Uint8Array(readFileSync(join(root, file)));
    const key = (object: ObjectSpec): unknown =>
      object.programs.map((p) => [p.name, p.section, p.insns, p.functions.map((f) => [f.start, f.end])]);
    expect(key(readObject(withoutTypes(bytes)))).toEqual(key(readObject(bytes)));
  });
});

/** Makes every function and variable symbol STT_NOTYPE of size 0, as LLVM before 10 wrote them. */
function withoutTypes(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  const view = new DataView(copy.buffer);
  const table = readElf(bytes).sections.find((section) => section.type === 2);
  for (let at = table?.offset ?? 0; at < (table?.offset ?? 0) + (table?.size ?? 0); at += 24) {
    const info = view.getUint8(at + 4);
    if ((info & 0xf) !== 1 && (info & 0xf) !== FUNC) continue;
    view.setUint8(at + 4, info & 0xf0);
    view.setBigUint64(at + 16, 0n, true);
  }
  return copy;
}

describe('what is odd and does no harm', () => {
  const code = codeSection('xdp', [mov(2), exit]);
  const main = fn('main', 'xdp', 0, 2);

  it('are headers that say nothing of machine, system or version', () => {
    const sound = buildElf([code], [main]);
    const expected = readObject(sound);
    const fields: readonly (readonly [at: number, ...bytes: number[]])[] = [
      [6, 0], // EI_VERSION
      [7, 3], // EI_OSABI
      [8, 9], // EI_ABIVERSION
      [18, 0, 0], // e_machine
      [20, 7], // e_version
      [24, 8], // e_entry
      [48, 1, 2, 3, 4], // e_flags
      [52, 0, 0], // e_ehsize
      [54, 56], // e_phentsize
    ];
    for (const [at, ...bytes] of fields) {
      const odd = sound.slice();
      odd.set(bytes, at);
      expect(readObject(odd), `byte ${at}`).toEqual(expected);
    }
  });

  it('are relocations of sections that no loader looks into, in whatever form', () => {
    for (const addends of [false, true]) {
      for (const name of ['.debug_line', '.rodata', '.eh_frame', '.BTF', 'license']) {
        // A type that nobody knows, past the section's end.
        const relocations = [{ offset: 400, type: 99, symbol: 'main' }];
        const { programs } = read([code, { name, data: new Uint8Array(0), relocations, addends }], [main]);
        expect(programs[0]?.unresolved).toEqual([]);
      }
    }
  });

  it('is one program whose relocations have addends: the others can do without', () => {
    const relocations = [{ offset: 0, type: R_64_32, symbol: 'main' }];
    const bad = { ...codeSection('xdp/bad', [call(-1), exit], relocations), addends: true };
    const object = read([code, bad], [main, fn('bad', 'xdp/bad', 0, 2)]);
    expect(object.programs.map(({ name, unresolved }) => [name, unresolved.length])).toEqual([
      ['main', 0],
      ['bad', 1],
    ]);
    expect(object.programs[1]?.unresolved[0]?.what).toContain('has an addend (SHT_RELA)');
  });
});
