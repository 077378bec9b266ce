/**
 * Arithmetic of 64 and 32 bits on words of 32. Everything that a register holds stands in both banks, so that any two
 * can meet. What the driver of Linux does not compile (division by what is no constant, remainders, signed division)
 * goes to a routine.
 */
import { type Insn, insnClass, op } from '../../isa/index.js';
import { destination, scratch } from './assembler.js';
import type { AluName } from './instruction.js';
import type { Lowering } from './lowering.js';
import { both, constant, inA, inB, none, type Operand } from './operand.js';
import { divideByConstant } from './reciprocal.js';
import { divisionRoutine } from './routines.js';

const plain: Readonly<Record<number, readonly [AluName, AluName]>> = {
  [op.ADD]: ['add', 'add-carry'],
  [op.SUB]: ['sub', 'sub-carry'],
  [op.OR]: ['or', 'or'],
  [op.AND]: ['and', 'and'],
  [op.XOR]: ['xor', 'xor'],
};

/** Lowers an arithmetic instruction. */
export function lowerAlu(to: Lowering, insn: Insn, pc: number): void {
  const kind = insn.code & 0xf0;
  const isWide = insnClass(insn) === op.ALU64;
  const isRegister = (insn.code & op.X) !== 0;
  const names = plain[kind];
  if (names !== undefined) {
    if (isRegister) binary(to, insn, names, isWide);
    else binaryConstant(to, insn, names, isWide);
    if (!isWide) to.clearHigh(insn.dst, pc);
    return;
  }
  switch (kind) {
    case op.MOV:
      move(to, insn, pc, isWide, isRegister);
      return;
    case op.NEG:
      negate(to, insn, pc, isWide);
      return;
    case op.MUL:
      multiply(to, insn, pc, isWide, isRegister);
      return;
    case op.DIV:
    case op.MOD:
      divide(to, insn, pc, kind, isWide, isRegister);
      return;
    case op.END:
      swap(to, insn, isWide);
      return;
    default:
      shift(to, insn, pc, kind, isWide, isRegister);
      return;
  }
}

function binary(to: Lowering, { dst, src }: Insn, [low, high]: readonly [AluName, AluName], isWide: boolean): void {
  const from = to.source(src);
  const into = destination(dst);
  to.asm.alu(into.low, low, inA(2 * dst), from.low);
  if (isWide) to.asm.alu(into.high, high, inA(2 * dst + 1), from.high);
}

/** Constants that leave a word as it is take nothing; those that overwrite it take no operand. */
function binaryConstant(
  to: Lowering,
  { dst, imm, code }: Insn,
  names: readonly [AluName, AluName],
  isWide: boolean,
): void {
  const kind = code & 0xf0;
  const isSum = kind === op.ADD || kind === op.SUB;
  // -2^31 has no counterpart in 32 bits.
  const negated = isSum && imm < 0 && imm > -(2 ** 31) && to.on.has('negative-immediates');
  const value = negated ? -imm : imm;
  if (isSum && imm === 0) return;
  const [low, high] = negated ? (plain[kind === op.ADD ? op.SUB : op.ADD] as readonly [AluName, AluName]) : names;
  const words: readonly [number, AluName, number][] = [
    [2 * dst, low, value],
    [2 * dst + 1, high, value < 0 ? -1 : 0],
  ];
  for (const [word, name, part] of isWide ? words : words.slice(0, 1)) {
    if (!isSum && wholeWord(to, kind, word, part)) continue;
    to.asm.alu(both(word), name, inA(word), to.asm.operand(part));
  }
}

/** Logic with all bits set or none: nothing, a constant, or a negation. False: it is an operation like any other. */
function wholeWord(to: Lowering, kind: number, word: number, part: number): boolean {
  if (part !== 0 && part !== -1) return false;
  const isZero = part === 0;
  if (kind === op.AND && isZero) to.asm.immediate(both(word), 0);
  if (kind === op.OR && !isZero) to.asm.immediate(both(word), 0xffff_ffff);
  if (kind === op.XOR && !isZero) to.asm.alu(both(word), 'not', none, inB(word));
  return true;
}

function move(to: Lowering, insn: Insn, pc: number, isWide: boolean, isRegister: boolean): void {
  const { asm } = to;
  const { dst, src, imm, off } = insn;
  const into = destination(dst);
  if (!isRegister) {
    asm.immediate(into.low, imm);
    if (isWide) asm.immediate(into.high, imm < 0 ? -1 : 0);
    else to.clearHigh(dst, pc);
    return;
  }
  if (off !== 0) {
    to.beyond('a move that extends the sign', pc);
    const from = to.source(src);
    signExtend(to, dst, from.low, off, isWide);
    if (!isWide) to.clearHigh(dst, pc);
    return;
  }
  const from = to.source(src);
  asm.move(into.low, from.low);
  if (isWide) asm.move(into.high, from.high);
  else to.clearHigh(dst, pc);
}

/** The low `bits` of a word as a signed number of 32 or 64 bits. */
export function signExtend(to: Lowering, dst: number, from: Operand, bits: number, isWide: boolean): void {
  const { asm } = to;
  const { low, high } = destination(dst);
  const stands = inB(2 * dst);
  if (bits === 32) asm.move(low, from);
  else {
    asm.shift(low, 'b', none, from, 'left', 32 - bits);
    asm.move(none, stands);
    asm.shift(low, 'sign', none, stands, 'right', 32 - bits);
  }
  if (!isWide) return;
  asm.move(none, stands);
  asm.shift(high, 'sign', none, stands, 'right', 31);
}

function negate(to: Lowering, { dst }: Insn, pc: number, isWide: boolean): void {
  const { low, high } = destination(dst);
  to.asm.alu(low, 'sub', constant(0), inB(2 * dst));
  if (isWide) to.asm.alu(high, 'sub-carry', constant(0), inB(2 * dst + 1));
  else to.clearHigh(dst, pc);
}

/** The product's low 64 bits: of words where both operands are known to be, of halves of words likewise. */
function multiply(to: Lowering, insn: Insn, pc: number, isWide: boolean, isRegister: boolean): void {
  const { asm } = to;
  const { dst, src, imm } = insn;
  const { low, high } = destination(dst);
  const left = to.greatest(pc, dst);
  const right = isRegister ? to.greatest(pc, src) : BigInt.asUintN(64, BigInt(imm));
  const isShort = left <= 0xffffn && right <= 0xffffn && to.on.has('short-forms');
  const fits = (most: bigint): boolean => most <= 0xffff_ffffn;
  const lowOperand = isRegister ? to.source(src).low : asm.operand(imm);
  if (!isWide) {
    asm.multiply(low, none, inA(2 * dst), lowOperand, isShort);
    to.clearHigh(dst, pc);
    return;
  }
  if (fits(left) && fits(right)) {
    // Products of halves of words have no upper half to ask for.
    asm.multiply(low, isShort ? none : high, inA(2 * dst), lowOperand, isShort);
    if (isShort) asm.immediate(high, 0);
    return;
  }
  // (h << 32 + l)(h' << 32 + l') = ll' + ((hl' + lh') << 32), modulo 2^64.
  const cross = both(scratch.second);
  asm.multiply(cross, none, inA(2 * dst + 1), lowOperand);
  const highOperand = isRegister ? to.source(src).high : asm.operand(imm < 0 ? -1 : 0);
  asm.multiply(high, none, inA(2 * dst), highOperand);
  asm.alu(cross, 'add', inA(2 * dst + 1), inB(scratch.second));
  // A multiplication has taken its operands before it writes.
  asm.multiply(low, high, inA(2 * dst), isRegister ? to.source(src).low : asm.operand(imm));
  asm.alu(high, 'add', inA(2 * dst + 1), inB(scratch.second));
}

/** By a constant: a product with its reciprocal, where that is known to be exact; else the routine. */
function divide(to: Lowering, insn: Insn, pc: number, kind: number, isWide: boolean, isRegister: boolean): void {
  const { dst, src, imm, off } = insn;
  const isSigned = off === 1;
  const exact = isRegister ? to.exactly(pc, src) : isWide ? BigInt.asUintN(64, BigInt(imm)) : BigInt(imm >>> 0);
  const dividend = isWide ? to.greatest(pc, dst) : 0xffff_ffffn;
  const divisor = isWide || exact === undefined ? exact : BigInt.asUintN(32, exact);
  const simple = kind === op.DIV && !isSigned && divisor !== undefined && divisor > 0n && dividend <= 0xffff_ffffn;
  if (simple && to.on.has('reciprocal')) {
    divideByConstant(to.asm, dst, divisor);
    if (isWide) to.asm.immediate(both(2 * dst + 1), 0);
    else to.clearHigh(dst, pc);
    return;
  }
  if (!simple) to.beyond('a division other than by a constant of numbers of 32 bits', pc);
  const held = isRegister ? src : 15;
  if (!isRegister) to.asm.immediate(both(scratch.second), imm);
  to.routine(divisionRoutine(kind === op.MOD, isSigned, isWide, dst, held));
}

/** Byte order: bytes 1 and 3 of a rotated word are in place, 0 and 2 are two further. */
function swapWord(to: Lowering, into: number, from: Operand): void {
  to.asm.field(both(into), 0xf, from, 'none', 8, false);
  to.asm.field(both(into), 0x5, inA(into), 'none', 16, false);
}

function swap(to: Lowering, { dst, imm, code }: Insn, isWide: boolean): void {
  const { asm } = to;
  const [low, high] = [2 * dst, 2 * dst + 1];
  const swaps = isWide || (code & op.X) !== 0;
  if (imm === 64) {
    if (!swaps) return;
    asm.move(inA(scratch.first), inB(high));
    swapWord(to, high, inA(low));
    swapWord(to, low, inA(scratch.first));
    return;
  }
  if (imm === 32 && swaps) swapWord(to, low, inA(low));
  if (imm === 16) {
    if (swaps) {
      asm.field(both(low), 0x9, inB(low), 'none', 8, false);
      asm.field(both(low), 0xe, inA(low), 'right', 16, false);
    } else asm.field(both(low), 0x3, inB(low), 'none', 0, true);
  }
  asm.immediate(both(high), 0);
}

function shift(to: Lowering, insn: Insn, pc: number, kind: number, isWide: boolean, isRegister: boolean): void {
  const { dst, src, imm } = insn;
  const exact = isRegister ? to.exactly(pc, src) : BigInt(imm);
  if (exact !== undefined) {
    const amount = Number(exact & (isWide ? 63n : 31n));
    if (isWide) shiftConstant(to, dst, kind, amount);
    else if (amount > 0) shiftWord(to, 2 * dst, kind, amount);
  } else if (isWide) shiftRegister(to, dst, kind, src);
  else shiftWordBy(to, dst, kind, src);
  if (!isWide) to.clearHigh(dst, pc);
}

function shiftWord(to: Lowering, word: number, kind: number, amount: number): void {
  const stands = inB(word);
  if (kind === op.ARSH) to.asm.move(none, stands);
  to.asm.shift(both(word), kind === op.ARSH ? 'sign' : 'b', none, stands, kind === op.LSH ? 'left' : 'right', amount);
}

/** Counts of registers are taken modulo the width: the shifter looks at five bits. */
function shiftWordBy(to: Lowering, dst: number, kind: number, src: number): void {
  const { asm } = to;
  const word = 2 * dst;
  let count: Operand = inA(2 * src);
  if (kind === op.ARSH) {
    // The sign comes from count | word, so no more than the count may be in it.
    asm.alu(both(scratch.first), 'and', inA(2 * src), constant(31));
    count = inA(scratch.first);
  }
  asm.shiftBy(count, both(word), kind === op.ARSH ? 'sign' : 'b', none, inB(word), kind === op.LSH ? 'left' : 'right');
}

function shiftConstant(to: Lowering, dst: number, kind: number, amount: number): void {
  const { asm } = to;
  const [low, high] = [2 * dst, 2 * dst + 1];
  if (amount === 0) return;
  if (kind === op.LSH) {
    if (amount < 32) {
      asm.shift(both(high), 'b', inA(high), inB(low), 'double', 32 - amount);
      asm.shift(both(low), 'b', none, inB(low), 'left', amount);
      return;
    }
    if (amount === 32) asm.move(both(high), inB(low));
    else asm.shift(both(high), 'b', none, inB(low), 'left', amount - 32);
    asm.immediate(both(low), 0);
    return;
  }
  if (amount < 32) {
    asm.shift(both(low), 'b', inA(high), inB(low), 'double', amount);
    shiftWord(to, high, kind, amount);
    return;
  }
  if (kind === op.RSH) {
    if (amount === 32) asm.move(both(low), inB(high));
    else asm.shift(both(low), 'b', none, inB(high), 'right', amount - 32);
    asm.immediate(both(high), 0);
    return;
  }
  asm.move(amount === 32 ? both(low) : none, inB(high));
  if (amount > 32) asm.shift(both(low), 'sign', none, inB(high), 'right', amount - 32);
  asm.shift(both(high), 'sign', none, inB(high), 'right', 31);
}

/** Two ways, by bit 5 of the count. */
function shiftRegister(to: Lowering, dst: number, kind: number, src: number): void {
  const { asm } = to;
  const [low, high] = [2 * dst, 2 * dst + 1];
  const far = asm.label();
  const end = asm.label();
  // The count outlives what it shifts, and has no bits besides.
  asm.alu(both(scratch.first), 'and', inA(2 * src), constant(63));
  const count = inA(scratch.first);
  const isLeft = kind === op.LSH;
  const outer = kind === op.ARSH ? 'sign' : 'b';
  asm.branchBit(count, 5, far);
  if (isLeft) {
    // The high word takes in low >> (32 - count), which is (low >> 1) >> (31 - count) for a count of 0, too.
    const rest = inB(scratch.second);
    asm.shift(rest, 'b', none, inB(low), 'right', 1);
    asm.alu(inA(scratch.second), 'xor', count, constant(31));
    asm.shiftBy(inA(scratch.second), rest, 'b', none, rest, 'right');
    asm.shiftBy(count, both(high), 'or', rest, inA(high), 'left');
    asm.shiftBy(count, both(low), 'b', none, inB(low), 'left');
  } else {
    asm.shiftBy(count, both(low), 'b', inA(high), inB(low), 'double');
    asm.shiftBy(count, both(high), outer, none, inB(high), 'right');
  }
  asm.branch('always', end);
  asm.mark(far);
  if (isLeft) {
    asm.shiftBy(count, both(high), 'b', none, inB(low), 'left');
    asm.immediate(both(low), 0);
  } else {
    asm.shiftBy(count, both(low), outer, none, inB(high), 'right');
    if (kind === op.ARSH) asm.shift(both(high), 'sign', none, inB(high), 'right', 31);
    else asm.immediate(both(high), 0);
  }
  asm.mark(end);
}
