import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { anyInsn } from '../../test/support/any-insn.js';
import { checkInsn } from './check.js';
import type { Insn } from './insn.js';
import { describe as describeInsn, formsOf, instructions } from './instructions.js';

const slot = (code: number, fields: Partial<Insn> = {}): Insn => ({ code, dst: 0, src: 0, off: 0, imm: 0, ...fields });

describe('the instruction table', () => {
  test('names every form once', () => {
    expect(new Set(instructions.map((row) => row.name)).size).toBe(instructions.length);
  });

  test('finds each form by its own encoding', () => {
    fc.assert(fc.property(anyInsn, ({ form, slots }) => slots[0] !== undefined && describeInsn(slots[0]) === form));
  });

  test('holds the opcodes of RFC 9669, appendix A, and three of Linux', () => {
    const known = Array.from({ length: 256 }, (_, code) => code).filter((code) => formsOf(code).length > 0);
    // 0x8d (call by register) is in the RFC and in no Linux.
    expect(known).not.toContain(0x8d);
    // 125 of the RFC; may_goto, and atomics of 8 and 16 bits, which only acquire and release use.
    expect(known.length).toBe(128);
  });
});

describe('checking an instruction', () => {
  test.each([
    ['unknown opcode', slot(0x8d), 'unknown opcode 8d'],
    ['unknown load mode', slot(0xa1), 'BPF_LDX uses reserved fields'],
    ['offset in arithmetic', slot(0x07, { off: 7 }), 'BPF_ALU uses reserved fields'],
    ['source of a negation', slot(0x87, { src: 1 }), 'BPF_NEG uses reserved fields'],
    ['width of a swap', slot(0xdc, { imm: 24 }), 'BPF_END uses reserved fields'],
    ['sign extension of 24 bits', slot(0xbf, { off: 24 }), 'BPF_MOV uses reserved fields'],
    ['register of an exit', slot(0x95, { dst: 1 }), 'BPF_EXIT uses reserved fields'],
    ['immediate of a goto', slot(0x05, { imm: 1 }), 'BPF_JA uses reserved fields'],
    ['both operands of a jump', slot(0x1d, { imm: 1 }), 'BPF_JMP/JMP32 uses reserved fields'],
    ['source of a store', slot(0x62, { src: 1 }), 'BPF_ST uses reserved fields'],
    ['unknown atomic', slot(0xdb, { imm: 2 }), 'BPF_ATOMIC uses invalid atomic opcode 02'],
    ['register 11', slot(0xbf, { dst: 11 }), 'R11 is invalid'],
    ['register 12 as source', slot(0xbf, { src: 12 }), 'R12 is invalid'],
    ['division by zero', slot(0x37), 'div by zero'],
    ['shift by 64', slot(0x67, { imm: 64 }), 'invalid shift 64'],
    ['shift by 32 of a half', slot(0x64, { imm: 32 }), 'invalid shift 32'],
    ['half a 64-bit load', slot(0x18), 'invalid bpf_ld_imm64 insn'],
  ])('%s', (_what, insn, message) => {
    expect(checkInsn([insn], 0)).toBe(message);
  });

  test('accepts everything that the table yields but constants that cannot be executed', () => {
    fc.assert(
      fc.property(anyInsn, ({ slots }) => {
        const message = checkInsn(slots, 0) ?? '';
        return ['', 'div by zero'].includes(message) || /^invalid shift|^unrecognized bpf_ld_imm64/.test(message);
      }),
    );
  });
});
