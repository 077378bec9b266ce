/** The operators of arithmetic, comparison and atomic instructions: bits, name and sign in text. */
import * as op from './opcode.js';

/** An operation of the classes ALU and ALU64. */
export interface AluOperator {
  /** Also its mnemonic. */
  readonly name: AluName;
  readonly bits: number;
  /** In assignment form: `+=`. */
  readonly sign: string;
  /** Signed variant: `off` = 1 (RFC 9669, section 4.1). */
  readonly signed?: boolean;
}

/** Two-operand arithmetic. `mov`, `neg` and byte swaps have forms of their own. */
export const aluOperators: readonly AluOperator[] = [
  { name: 'add', bits: op.ADD, sign: '+=' },
  { name: 'sub', bits: op.SUB, sign: '-=' },
  { name: 'mul', bits: op.MUL, sign: '*=' },
  { name: 'div', bits: op.DIV, sign: '/=' },
  { name: 'or', bits: op.OR, sign: '|=' },
  { name: 'and', bits: op.AND, sign: '&=' },
  { name: 'lsh', bits: op.LSH, sign: '<<=' },
  { name: 'rsh', bits: op.RSH, sign: '>>=' },
  { name: 'mod', bits: op.MOD, sign: '%=' },
  { name: 'xor', bits: op.XOR, sign: '^=' },
  { name: 'arsh', bits: op.ARSH, sign: 's>>=' },
  { name: 'sdiv', bits: op.DIV, sign: 's/=', signed: true },
  { name: 'smod', bits: op.MOD, sign: 's%=', signed: true },
];

/** Arithmetic, by name. */
export type AluName =
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'or'
  | 'and'
  | 'lsh'
  | 'rsh'
  | 'mod'
  | 'xor'
  | 'arsh'
  | 'sdiv'
  | 'smod';

/** A comparison of the classes JMP and JMP32. */
export interface JumpOperator {
  readonly name: JumpName;
  readonly bits: number;
  readonly sign: string;
}

/** All comparisons that a conditional jump can make. */
export const jumpOperators: readonly JumpOperator[] = [
  { name: 'jeq', bits: op.JEQ, sign: '==' },
  { name: 'jgt', bits: op.JGT, sign: '>' },
  { name: 'jge', bits: op.JGE, sign: '>=' },
  { name: 'jset', bits: op.JSET, sign: '&' },
  { name: 'jne', bits: op.JNE, sign: '!=' },
  { name: 'jsgt', bits: op.JSGT, sign: 's>' },
  { name: 'jsge', bits: op.JSGE, sign: 's>=' },
  { name: 'jlt', bits: op.JLT, sign: '<' },
  { name: 'jle', bits: op.JLE, sign: '<=' },
  { name: 'jslt', bits: op.JSLT, sign: 's<' },
  { name: 'jsle', bits: op.JSLE, sign: 's<=' },
];

/** What `ALU` and `ALU64` can do with two operands, by their bits: the above and `mov`. */
export const aluKinds: readonly number[] = [...new Set([...aluOperators.map(({ bits }) => bits), op.MOV])].sort(
  (a, b) => a - b,
);

/** The conditions of `JMP` and `JMP32`, by their bits. */
export const jumpKinds: readonly number[] = jumpOperators.map(({ bits }) => bits);

/** Conditions of jumps, by name. */
export type JumpName = 'jeq' | 'jgt' | 'jge' | 'jset' | 'jne' | 'jsgt' | 'jsge' | 'jlt' | 'jle' | 'jslt' | 'jsle';

/** An atomic operation whose old value may be asked for by FETCH. */
export interface AtomicOperator {
  readonly name: AtomicName;
  /** `imm`, without FETCH. */
  readonly bits: number;
  readonly sign: string;
}

/** Atomics that exist with and without FETCH. */
export const atomicOperators: readonly AtomicOperator[] = [
  { name: 'add', bits: op.ATOMIC_ADD, sign: '+=' },
  { name: 'or', bits: op.ATOMIC_OR, sign: '|=' },
  { name: 'and', bits: op.ATOMIC_AND, sign: '&=' },
  { name: 'xor', bits: op.ATOMIC_XOR, sign: '^=' },
];

/** Atomic operations, by name. */
export type AtomicName = 'add' | 'or' | 'and' | 'xor';

/** Access widths: size bits, bytes, letter in mnemonics. */
export interface AccessSize {
  readonly bits: number;
  readonly bytes: 1 | 2 | 4 | 8;
  readonly letter: 'b' | 'h' | 'w' | 'dw';
}

/** The sizes of memory accesses, with the letters of mnemonics. */
export const sizes: readonly AccessSize[] = [
  { bits: op.SIZE_W, bytes: 4, letter: 'w' },
  { bits: op.SIZE_H, bytes: 2, letter: 'h' },
  { bits: op.SIZE_B, bytes: 1, letter: 'b' },
  { bits: op.SIZE_DW, bytes: 8, letter: 'dw' },
];
