import { describe, expect, it } from 'vitest';
import { op } from '../isa/index.js';
import { coreKinds } from './core-spec.js';
import { type ReadObjectOptions, readObject } from './read-object.js';
import type { ObjectSpec } from './spec.js';
import { BtfInput, coreExt } from './testing/btf.js';
import { buildElf, codeSection, insn, type SymbolInput } from './testing/elf.js';

const lddw = [insn(op.LDDW, { dst: 1 }), insn(0)];
const exit = insn(op.EXIT_OP);

/** A program that loads the address of each extern in turn. */
function program(
  home: '.kconfig' | '.ksyms',
  externs: readonly (readonly [name: string, type: (btf: BtfInput) => number, weak: boolean])[],
  options: ReadObjectOptions = {},
): ObjectSpec {
  const btf = new BtfInput();
  const ids = externs.map(([name, type]) => btf.add(name, 14, 0, type(btf), [2]));
  btf.add(
    home,
    15,
    ids.length,
    0,
    ids.flatMap((id) => [id, 0, 4]),
  );
  const code = codeSection(
    'xdp',
    [...externs.flatMap(() => lddw), exit],
    externs.map(([name], i) => ({ offset: 16 * i, type: 1, symbol: name })),
  );
  const symbols: SymbolInput[] = externs.map(([name, , weak]) => ({ name, bind: weak ? 2 : 1 }));
  const main = { name: 'main', section: 'xdp', type: 2, size: 16 * externs.length + 8 };
  return readObject(buildElf([code, { name: '.BTF', data: btf.bytes() }], [...symbols, main]), options);
}

const u32 = (btf: BtfInput): number => btf.int('unsigned int', 4);
const u8 = (btf: BtfInput): number => btf.int('char', 1);
const bool = (btf: BtfInput): number => btf.add('_Bool', 1, 0, 1, [0x4000008]);
const u64 = (btf: BtfInput): number => btf.int('unsigned long', 8);
const text = (btf: BtfInput): number => btf.array(btf.int('char', 1), 6);

describe('kernel configuration values', () => {
  const options = {
    kernelVersion: 0x60c01,
    kconfig: new Map([
      ['CONFIG_NAME', '"long text"'],
      ['CONFIG_TRI', 'm'],
      ['CONFIG_N', '0x10'],
      ['CONFIG_NET', 'y'],
    ]),
  };
  const object = program(
    '.kconfig',
    [
      ['CONFIG_TRI', u8, false],
      ['LINUX_KERNEL_VERSION', u32, false],
      ['CONFIG_NET', bool, false],
      ['CONFIG_NAME', text, false],
      ['CONFIG_N', u64, false],
      ['CONFIG_ODD', u32, true],
    ],
    options,
  );

  it('are laid out as libbpf does: large alignment, small size, name', () => {
    const offsets = [0, 1, 2, 3, 4, 5].map((i) => object.programs[0]?.insns[2 * i + 1]?.imm);
    expect(offsets).toEqual([17, 12, 16, 18, 0, 8]);
    expect(object.maps[0]).toMatchObject({
      name: 'prog.kconfig',
      section: '.kconfig',
      type: 'array',
      flags: 0x480,
      valueSize: 24,
    });
  });

  it('come from the options, or are 0 where they are weak', () => {
    const init = object.maps[0]?.init;
    const bytes = init?.kind === 'data' ? init.bytes : new Uint8Array(0);
    const view = new DataView(bytes.buffer);
    expect(view.getBigUint64(0, true)).toBe(16n);
    expect(view.getUint32(8, true)).toBe(0);
    expect(view.getUint32(12, true)).toBe(0x60c01);
    expect(bytes[16]).toBe(1);
    expect(String.fromCharCode(bytes[17] ?? 0)).toBe('m');
    expect(new TextDecoder().decode(bytes.subarray(18))).toBe('long \0');
    expect(object.programs[0]?.unresolved).toEqual([]);
  });

  it('that are neither known nor weak are named', () => {
    const missing = program('.kconfig', [['CONFIG_ODD', u32, false]]);
    expect(missing.programs[0]?.unresolved[0]?.what).toContain('kernel configuration value `CONFIG_ODD` is not set');
  });

  it.each([
    ['y', u64],
    ['300', u8],
    ['"x"', u32],
    ['later', u32],
  ])('of %s are refused where the variable cannot hold them', (value, type) => {
    const kconfig = new Map([['CONFIG_X', value]]);
    const object = program('.kconfig', [['CONFIG_X', type, false]], { kconfig });
    expect(object.programs[0]?.unresolved[0]?.what).toMatch(/`CONFIG_X` is/);
  });
});

describe('kernel symbols', () => {
  it('are listed by name, and weak ones that the kernel lacks are 0', () => {
    const object = program('.ksyms', [
      ['strong', u32, false],
      ['weak', u32, true],
    ]);
    expect(object.programs[0]?.ksyms).toMatchObject([{ name: 'strong', weak: false }]);
    expect(object.programs[0]?.insns.map((i) => i.src)).toEqual([op.PSEUDO_BTF_ID, 0, 0, 0, 0]);
  });

  it('that are weak are kept where the kernel has them', () => {
    const kernel = new BtfInput();
    kernel.add('weak', 14, 0, kernel.int('int', 4), [1]);
    const object = program('.ksyms', [['weak', u32, true]], { btf: kernel.bytes() });
    expect(object.programs[0]?.ksyms).toMatchObject([{ name: 'weak', weak: true }]);
  });
});

describe('CO-RE relocations of an object', () => {
  it('are taken from .BTF.ext and resolved against the BTF that is given', () => {
    const btf = new BtfInput();
    const int = btf.int('unsigned int', 4);
    const s = btf.struct('s', 8, [
      ['a', int, 0],
      ['b', int, 32],
    ]);
    const kind = coreKinds.indexOf('byte_off');
    const ext = coreExt(btf.strings, 'xdp', [
      [0, s, '0:1', kind],
      [1, s, '0:0', kind],
    ]);
    const kernel = new BtfInput();
    kernel.struct('s', 64, [['b', kernel.int('unsigned int', 4), 256]]);
    const move = (imm: number): ReturnType<typeof insn> => insn(op.ALU64 | op.MOV, { imm });
    const sections = [
      codeSection('xdp', [move(4), move(0), exit]),
      { name: '.BTF', data: btf.bytes() },
      { name: '.BTF.ext', data: ext },
    ];
    const bytes = buildElf(sections, [{ name: 'main', section: 'xdp', type: 2, size: 24 }]);
    expect(readObject(bytes).programs[0]?.insns.map((i) => i.imm)).toEqual([4, 0, 0]);
    const [program] = readObject(bytes, { btf: kernel.bytes() }).programs;
    expect(program?.insns.map((i) => i.imm)).toEqual([32, 195896080, 0]);
    expect(program?.unresolved).toEqual([
      {
        insn: 1,
        poisoned: true,
        what: 'CO-RE relocation byte_off of `struct s.a`: the target kernel has no such thing (in section `xdp`, function `main`)',
      },
    ]);
  });
});
