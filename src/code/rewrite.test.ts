import { describe, expect, it } from 'vitest';
import { assembleUbpf, type Insn, op } from '../isa/index.js';
import { programSpec } from '../object/index.js';
import { rewriteProgram } from './rewrite.js';

const program = (text: string) => programSpec(assembleUbpf(text, {}, 'test'));
const nop: Insn = { code: op.ALU64 | op.MOV | op.X, dst: 1, src: 1, off: 0, imm: 0 };

describe('rewriting a program', () => {
  const source = program('mov %r0, 1\njeq %r1, 0, +2\nmov %r0, 2\nmov %r0, 3\nexit');

  it('keeps jumps where they went when instructions are put in between', () => {
    const longer = rewriteProgram(source, new Map([[2, [nop, nop, nop]]]));
    expect(longer?.insns.length).toBe(7);
    expect(longer?.insns[1]?.off).toBe(4);
    expect(longer?.functions).toMatchObject([{ start: 0, end: 7 }]);
  });

  it('keeps jumps where they went when instructions are taken out', () => {
    const shorter = rewriteProgram(source, new Map([[2, []]]));
    expect(shorter?.insns.length).toBe(4);
    expect(shorter?.insns[1]?.off).toBe(1);
  });

  it('sends a jump to what follows an instruction that is gone', () => {
    const shorter = rewriteProgram(source, new Map([[4, []]]));
    expect(shorter?.insns[1]?.off).toBe(2);
  });

  it('takes a 64-bit load as one instruction', () => {
    const wide = program('lddw %r1, 0x1122334455667788\nja +0\nexit');
    const without = rewriteProgram(wide, new Map([[0, []]]));
    expect(without?.insns.map((insn) => insn.code)).toEqual([op.JA_OP, op.EXIT_OP]);
  });

  it('moves line records with the instructions they are about', () => {
    const lines = [0, 2, 3].map((insn) => ({ insn, file: 'a.c', line: insn + 1, column: 1, text: '' }));
    const longer = rewriteProgram({ ...source, lines }, new Map([[0, [nop, nop]]]));
    expect(longer?.lines.map((line) => line.insn)).toEqual([0, 3, 4]);
  });

  it('says when a distance no longer fits', () => {
    const far = new Map([[2, Array.from({ length: 0x8000 }, () => nop)]]);
    expect(rewriteProgram(source, far)).toBeUndefined();
  });
});
