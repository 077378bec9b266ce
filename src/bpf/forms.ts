/**
 * What selection (select.ts) asks of operations and operands: which instruction an operation is, what of a value is in
 * its low half, and which constants an immediate holds.
 */
import { isConst, mask32, type Value } from '../ir/index.js';
import { op } from '../isa/index.js';

/** How an operation of the IR is one of BPF. */
interface BinaryForm {
  readonly bits: number;
  readonly commutes: boolean;
  /** It is an operation on low halves. */
  readonly narrow: boolean;
  /** On values of 32 bits it is the same as its form on low halves. */
  readonly halves: boolean;
  readonly off?: number;
}

const form = (bits: number, commutes: boolean, narrow: boolean, halves: boolean, off = 0): BinaryForm => ({
  bits,
  commutes,
  narrow,
  halves,
  off,
});

export const binaryForms: Readonly<Partial<Record<Value['op'], BinaryForm>>> = {
  mul: form(op.MUL, true, false, false),
  udiv: form(op.DIV, false, false, true),
  umod: form(op.MOD, false, false, true),
  sdiv: form(op.DIV, false, false, false, 1),
  smod: form(op.MOD, false, false, false, 1),
  or: form(op.OR, true, false, true),
  xor: form(op.XOR, true, false, true),
  shl: form(op.LSH, false, false, false),
  shr: form(op.RSH, false, false, false),
  sar: form(op.ARSH, false, false, false),
  add32: form(op.ADD, true, true, false),
  mul32: form(op.MUL, true, true, false),
  sdiv32: form(op.DIV, false, true, false, 1),
  smod32: form(op.MOD, false, true, false, 1),
  shl32: form(op.LSH, false, true, false),
  sar32: form(op.ARSH, false, true, false),
};

/** Immediates stand on the right. */
export function constantLast(a: Value, b: Value): [Value, Value] {
  return isConst(a) && !isConst(b) ? [b, a] : [a, b];
}

export function isTruncation({ op: name, args }: Value): boolean {
  return name === 'and' && args[1]?.op === 'const' && args[1].imm === mask32;
}

/** What has the same low half. */
export function stripped(value: Value): Value {
  return isTruncation(value) ? (value.args[0] as Value) : value;
}

/** Does it fit into 32 bits, as a truncation or a constant shows? */
export function isHalf(value: Value): boolean {
  return isConst(value) ? value.imm <= mask32 : value.ones <= mask32 && value.op !== 'context' && value.op !== 'frame';
}

export function isSigned32(value: Value): boolean {
  return value.op === 'sext32' || (isConst(value) && fits32(value.imm));
}

/** A comparison of 32 bits does not need the sign in the upper half. */
export function unextended(value: Value): Value {
  return value.op === 'sext32' ? stripped(value.args[0] as Value) : value;
}

/** Is the constant its low 32 bits with their sign? */
export function fits32(value: bigint): boolean {
  return BigInt.asUintN(64, BigInt.asIntN(32, value)) === value;
}

export function fits16(value: bigint): boolean {
  return value >= -0x8000n && value <= 0x7fffn;
}

/** As the immediate of an instruction on 64 bits, or on low halves. */
export function immediateOf(value: bigint, isNarrow: boolean): number | undefined {
  return isNarrow || fits32(value) ? Number(BigInt.asIntN(32, value)) : undefined;
}

/** As the immediate of a store, which extends its sign to 64 bits. */
export function storedImmediate(value: bigint, size: number): number | undefined {
  if (size === 8) return fits32(value) ? Number(BigInt.asIntN(32, value)) : undefined;
  return Number(size === 4 ? BigInt.asIntN(32, value) : BigInt.asUintN(8 * size, value));
}

export function sizeBits(size: number): number {
  return size === 1 ? op.SIZE_B : size === 2 ? op.SIZE_H : size === 4 ? op.SIZE_W : op.SIZE_DW;
}
