/** Comparisons of 64 and 32 bits: the low words first, then the high ones with what was borrowed. */
import { type Insn, insnClass, op } from '../../isa/index.js';
import { type Label, scratch } from './assembler.js';
import type { ConditionName } from './instruction.js';
import type { Lowering } from './lowering.js';
import { constant, inA, inB, none, type Operand } from './operand.js';

/** How an ordered comparison is told from a subtraction, whose operands may have to change places. */
const ordered: Readonly<Record<number, { readonly when: ConditionName; readonly swapped: boolean }>> = {
  [op.JGT]: { when: 'no-carry', swapped: true },
  [op.JGE]: { when: 'carry', swapped: false },
  [op.JLT]: { when: 'no-carry', swapped: false },
  [op.JLE]: { when: 'carry', swapped: true },
  [op.JSGT]: { when: 'lt', swapped: true },
  [op.JSGE]: { when: 'ge', swapped: false },
  [op.JSLT]: { when: 'lt', swapped: false },
  [op.JSLE]: { when: 'ge', swapped: true },
};

/** Comparisons whose constant may change its sign: the carry of `a + c` is that of `a - (-c)`. */
const negatable: readonly number[] = [op.JGE, op.JSGE, op.JLT, op.JSLT];

/** Lowers a conditional jump. */
export function lowerJump(to: Lowering, insn: Insn, target: Label): void {
  const kind = insn.code & 0xf0;
  const isWide = insnClass(insn) === op.JMP;
  const order = ordered[kind];
  if (order !== undefined) {
    compare(to, insn, kind, isWide, order, target);
    return;
  }
  const words = operandsOf(to, insn, isWide);
  const { asm } = to;
  if (kind === op.JSET) {
    // A high word of a constant is all zeros or all ones.
    for (const { left, right, isZero } of words) {
      if (isZero) continue;
      asm.alu(none, 'and', left, right());
      asm.branch('ne', target);
    }
    return;
  }
  if (kind === op.JNE) {
    for (const { left, right, isZero } of words) {
      asm.alu(none, isZero ? 'or' : 'xor', left, isZero ? constant(0) : right());
      asm.branch('ne', target);
    }
    return;
  }
  equal(to, words, target);
}

/** One word of a comparison; the constant is made when it is asked for. */
interface Words {
  readonly left: Operand;
  /** The same register of bank B. */
  readonly twin: Operand;
  readonly right: () => Operand;
  /** The constant 0. */
  readonly isZero: boolean;
}

function operandsOf(to: Lowering, { dst, src, imm, code }: Insn, isWide: boolean): readonly Words[] {
  const isRegister = (code & op.X) !== 0;
  if (isRegister) {
    const from = to.source(src);
    const low = { left: inA(2 * dst), twin: inB(2 * dst), right: () => from.low, isZero: false };
    const high = { left: inA(2 * dst + 1), twin: inB(2 * dst + 1), right: () => from.high, isZero: false };
    return isWide ? [low, high] : [low];
  }
  const word = (register: number, value: number): Words => {
    return { left: inA(register), twin: inB(register), right: () => to.asm.operand(value), isZero: value === 0 };
  };
  const low = word(2 * dst, imm);
  return isWide ? [low, word(2 * dst + 1, imm < 0 ? -1 : 0)] : [low];
}

/** Equal: nothing is left of the differences. */
function equal(to: Lowering, words: readonly Words[], target: Label): void {
  const { asm } = to;
  const [low, high] = words;
  if (low === undefined) return;
  if (high === undefined) {
    asm.alu(none, low.isZero ? 'or' : 'xor', low.left, low.isZero ? constant(0) : low.right());
  } else {
    // The high word goes first: its constant may need the register that the low difference stands in.
    let rest: Operand = high.left;
    if (!high.isZero) {
      asm.alu(inA(scratch.second), 'xor', high.left, high.right());
      rest = inA(scratch.second);
    }
    if (low.isZero) asm.alu(none, 'or', rest, low.twin);
    else {
      asm.alu(inB(scratch.first), 'xor', low.left, low.right());
      asm.alu(none, 'or', rest, inB(scratch.first));
    }
  }
  asm.branch('eq', target);
}

function compare(
  to: Lowering,
  insn: Insn,
  kind: number,
  isWide: boolean,
  { when, swapped }: { readonly when: ConditionName; readonly swapped: boolean },
  target: Label,
): void {
  const { asm } = to;
  const { imm, code } = insn;
  const isConstant = (code & op.X) === 0;
  const canNegate = isConstant && imm < 0 && imm > -(2 ** 31) && negatable.includes(kind);
  const negated = canNegate && to.on.has('negative-immediates');
  const words = operandsOf(to, negated ? { ...insn, imm: -imm } : insn, isWide);
  for (const [i, { left, right }] of words.entries()) {
    const first = negated ? 'add' : 'sub';
    const name = i === 0 ? first : (`${first}-carry` as const);
    const other = right();
    if (swapped) asm.alu(none, name, other, left);
    else asm.alu(none, name, left, other);
  }
  asm.branch(when, target);
}
