/**
 * Random programs for engines: arithmetic, branches, stack and packet accesses that a verifier would accept, so
 * nothing but a bug makes a difference.
 */
import fc from 'fast-check';
import { aluKinds, type Insn, jumpKinds, op } from '../../src/isa/index.js';

export const insn = (code: number, dst = 0, src = 0, off = 0, imm = 0): Insn => ({ code, dst, src, off, imm });
export const mov = (dst: number, imm: number): Insn => insn(op.ALU64 | op.MOV, dst, 0, 0, imm);
export const copy = (dst: number, src: number): Insn => insn(op.ALU64 | op.MOV | op.X, dst, src);
export const load = (size: number, dst: number, src: number, off: number): Insn =>
  insn(op.LDX | op.MODE_MEM | size, dst, src, off);
const store = (size: number, dst: number, src: number, off: number): Insn =>
  insn(op.STX | op.MODE_MEM | size, dst, src, off);
export const exit: Insn = insn(op.EXIT_OP);
/** if (data + n > data_end) return PASS; leaves data in r6. */
export const bounds = (n: number): Insn[] => [
  load(op.SIZE_W, 6, 1, 0),
  load(op.SIZE_W, 7, 1, 4),
  copy(2, 6),
  insn(op.ALU64 | op.ADD, 2, 0, 0, n),
  mov(0, 2),
  insn(op.JMP | op.JGT | op.X, 2, 7, 1),
  insn(op.JA_OP, 0, 0, 1),
  exit,
];

/** A random operation on r0 to r5 that no operand makes invalid. */
const arithmetic = fc
  .record({
    kind: fc.constantFrom(...aluKinds),
    wide: fc.boolean(),
    isRegister: fc.boolean(),
    dst: fc.integer({ min: 0, max: 5 }),
    src: fc.integer({ min: 0, max: 5 }),
    imm: fc.oneof(fc.integer(), fc.integer({ min: -2, max: 70 })),
    isSigned: fc.boolean(),
  })
  .map(({ kind, wide, isRegister, dst, src, imm, isSigned }): Insn => {
    const off = isSigned && (kind === op.DIV || kind === op.MOD) ? 1 : 0;
    const code = (wide ? op.ALU64 : op.ALU) | kind;
    return isRegister ? insn(code | op.X, dst, src, off) : insn(code, dst, 0, off, imm);
  });

const swap = fc
  .record({ big: fc.boolean(), dst: fc.integer({ min: 0, max: 5 }), imm: fc.constantFrom(16, 32, 64) })
  .map(({ big, dst, imm }) => insn(op.ALU | op.END | (big ? op.X : 0), dst, 0, 0, imm));

const spill = fc
  .record({
    size: fc.constantFrom(op.SIZE_B, op.SIZE_H, op.SIZE_W, op.SIZE_DW),
    register: fc.integer({ min: 0, max: 5 }),
    slot: fc.integer({ min: 1, max: 6 }),
    isLoad: fc.boolean(),
    shift: fc.integer({ min: 0, max: 7 }),
  })
  .map(({ size, register, slot, isLoad, shift }) => {
    const off = -8 * slot - shift;
    return isLoad ? load(size, register, 10, off) : store(size, 10, register, off);
  });

const branch = fc
  .record({
    kind: fc.constantFrom(...jumpKinds),
    wide: fc.boolean(),
    isRegister: fc.boolean(),
    dst: fc.integer({ min: 0, max: 5 }),
    src: fc.integer({ min: 0, max: 5 }),
    imm: fc.integer({ min: -3, max: 300 }),
    off: fc.integer({ min: 0, max: 6 }),
  })
  .map(({ kind, wide, isRegister, dst, src, imm, off }) => {
    const code = (wide ? op.JMP : op.JMP32) | kind;
    return isRegister ? insn(code | op.X, dst, src, off) : insn(code, dst, 0, off, imm);
  });

const packetAccess = fc
  .record({
    size: fc.constantFrom(op.SIZE_B, op.SIZE_H, op.SIZE_W, op.SIZE_DW),
    register: fc.integer({ min: 0, max: 5 }),
    off: fc.integer({ min: 0, max: 24 }),
    isLoad: fc.boolean(),
  })
  .map(({ size, register, off, isLoad }) => (isLoad ? load(size, register, 6, off) : store(size, 6, register, off)));

/** Straight or branching forward only; jumps stay inside. */
export const body: fc.Arbitrary<Insn[]> = fc
  .array(fc.oneof(arithmetic, arithmetic, swap, spill, branch, packetAccess), { maxLength: 60 })
  .map((insns) =>
    insns.map((one, i) => {
      const isBranch = (one.code & 7) === op.JMP || (one.code & 7) === op.JMP32;
      return isBranch ? { ...one, off: Math.min(one.off, insns.length - 1 - i) } : one;
    }),
  );

export const start: readonly Insn[] = [...bounds(32), ...[0, 1, 2, 3, 4, 5].map((r) => load(op.SIZE_DW, r, 6, 4 * r))];
