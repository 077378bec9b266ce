/**
 * Opcodes that the driver for Netronome's cards has a translation for (instr_cb in nfp/bpf/jit.c of Linux 6.1).
 * Missing are remainders, and what came to eBPF later, such as loads with sign. What is here may still be refused by
 * its operands: see `verifier.ts`. One set, since the hook asks it for each instruction of each path.
 */
import { op } from '../../isa/index.js';

const alu = [op.MOV, op.XOR, op.AND, op.OR, op.ADD, op.SUB, op.MUL, op.DIV, op.LSH, op.RSH, op.ARSH];
const jumps = [op.JEQ, op.JGT, op.JGE, op.JLT, op.JLE, op.JSGT, op.JSGE, op.JSLT, op.JSLE, op.JSET, op.JNE];
const sizes = [op.SIZE_B, op.SIZE_H, op.SIZE_W, op.SIZE_DW];

/** With a register and with an immediate. */
const both = (kind: number, operation: number): number[] => [kind | operation | op.X, kind | operation | op.K];

const supported: ReadonlySet<number> = new Set([
  ...[op.ALU64, op.ALU].flatMap((kind) => alu.flatMap((operation) => both(kind, operation))),
  op.ALU64 | op.NEG,
  op.ALU | op.NEG,
  // To big endian; to little endian is nothing to do, and not translated.
  op.ALU | op.END | op.X,
  op.LDDW,
  ...[op.SIZE_B, op.SIZE_H, op.SIZE_W].flatMap((size) => [op.LD | op.MODE_ABS | size, op.LD | op.MODE_IND | size]),
  ...sizes.flatMap((size) => [op.LDX | op.MODE_MEM | size, op.STX | op.MODE_MEM | size, op.ST | op.MODE_MEM | size]),
  op.STX | op.MODE_ATOMIC | op.SIZE_W,
  op.STX | op.MODE_ATOMIC | op.SIZE_DW,
  op.JA_OP,
  ...[op.JMP, op.JMP32].flatMap((kind) => jumps.flatMap((operation) => both(kind, operation))),
  op.CALL_OP,
  op.EXIT_OP,
]);

/** Is there a translation? */
export function isSupportedOpcode(code: number): boolean {
  return supported.has(code);
}
