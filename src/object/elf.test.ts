import { describe, expect, it } from 'vitest';
import { InputError, UnsupportedError } from '../base/index.js';
import { op } from '../isa/index.js';
import { readElf } from './elf.js';
import { buildElf, codeSection, insn } from './testing/elf.js';

const exit = [insn(op.ALU64 | op.MOV, { imm: 2 }), insn(op.EXIT_OP)];
const sound = buildElf([codeSection('xdp', exit)], [{ name: 'f', section: 'xdp', type: 2, size: 16 }]);

function damaged(change: (view: DataView) => void): Uint8Array {
  const copy = sound.slice();
  change(new DataView(copy.buffer));
  return copy;
}

function refusal(bytes: Uint8Array): { error: unknown; text: string } {
  try {
    readElf(bytes);
  } catch (error) {
    return { error, text: error instanceof InputError || error instanceof UnsupportedError ? error.format() : '' };
  }
  return { error: undefined, text: '' };
}

describe('ELF reader', () => {
  it('finds sections and symbols', () => {
    const elf = readElf(sound);
    expect(elf.sections.map((section) => section.name)).toContain('xdp');
    expect(elf.symbols[1]).toMatchObject({ name: 'f', size: 16, hidden: false, extern: false });
  });

  it.each([
    ['an empty file', new Uint8Array(0), /the file is empty/],
    ['a text file', new TextEncoder().encode('int main() {}'), /not an ELF object file/],
    ['LLVM bitcode', new Uint8Array([0x42, 0x43, 0xc0, 0xde, 0, 0, 0, 0]), /LLVM bitcode/],
    ['a 32-bit file', damaged((v) => v.setUint8(4, 1)), /32-bit ELF/],
    ['a big-endian file', damaged((v) => v.setUint8(5, 2)), /big-endian.*\n.*-target bpfel/],
    ['a file for x86-64', damaged((v) => v.setUint16(18, 62, true)), /ELF file for x86-64, not for BPF/],
    ['a file for another machine', damaged((v) => v.setUint16(18, 999, true)), /machine 999/],
    ['an executable', damaged((v) => v.setUint16(16, 2, true)), /an executable, not a relocatable object/],
    ['a section table past the end', damaged((v) => v.setUint32(40, 0x7fffffff, true)), /section table/],
    ['a section table at an impossible place', damaged((v) => v.setUint32(44, 0xffffffff, true)), /section table/],
    ['no sections', damaged((v) => v.setUint16(60, 0, true)), /has no sections/],
    ['a string table that is none', damaged((v) => v.setUint16(62, 1, true)), /no string table/],
  ])('refuses %s and says what it is', (_what, bytes, message) => {
    const { error, text } = refusal(bytes);
    expect(error).toBeDefined();
    expect(text).toMatch(message);
  });

  it('reads objects of compilers that knew no machine number for BPF', () => {
    expect(readElf(damaged((v) => v.setUint16(18, 0, true))).sections.length).toBeGreaterThan(3);
  });

  it('refuses every prefix of a file', () => {
    for (let length = 0; length < sound.length; length++) {
      expect(() => readElf(sound.subarray(0, length))).toThrow();
    }
  });
});

describe('hostile files', () => {
  it('cannot have one large section many times', () => {
    const code = codeSection(
      'xdp',
      Array.from({ length: 1000 }, () => insn(op.EXIT_OP)),
    );
    const bytes = buildElf([code, { name: 'again', data: new Uint8Array(8) }], []);
    const view = new DataView(bytes.buffer);
    const header = Number(view.getBigUint64(40, true)) + 2 * 64;
    view.setBigUint64(header + 24, 64n, true);
    view.setBigUint64(header + 32, 8000n, true);
    expect(refusal(bytes).text).toMatch(/they overlap/);
  });

  it('cannot use one long name many times', () => {
    const symbols = Array.from({ length: 30_000 }, () => ({ name: 'x'.repeat(4000), section: 'xdp' }));
    expect(refusal(buildElf([codeSection('xdp', exit)], symbols)).text).toMatch(/used too often/);
  });
});
