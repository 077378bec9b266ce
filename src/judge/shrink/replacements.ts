/**
 * Shorter forms of a program that fails: numbers in place of what led to them, and an end right after what goes wrong.
 */

import { rewriteProgram } from '../../code/index.js';
import { type Insn, insnClass, isCall, isConditionalJump, isLddw, isUnconditionalJump, op } from '../../isa/index.js';
import { type ShrinkTarget, starts } from './shrink-program.js';

const sizeMask = 0x18;

/** Slot of an instruction -> registers after its last execution, r0 first. */
export type KnownValues = ReadonlyMap<number, BigUint64Array>;

/** Puts what an instruction came to in its place, from the last one on, so that what led to it can go. */
export function useConstants(target: ShrinkTarget, observe: () => KnownValues): void {
  let known = observe();
  for (const pc of starts(target.program).reverse()) {
    const { program } = target;
    const insn = program.insns[pc];
    const dst = insn === undefined ? undefined : setRegister(insn);
    const value = dst === undefined ? undefined : known.get(pc)?.[dst];
    if (insn === undefined || dst === undefined || value === undefined || isConstant(insn)) continue;
    // Slots before the change stay where they are, and only those are still to come.
    if (target.attempt(rewriteProgram(program, new Map([[pc, constant(dst, value)]])))) known = observe();
  }
}

/** Ends the program after an instruction, the first one with which it still fails, and returns what that came to. */
export function endEarly(target: ShrinkTarget): void {
  const { program } = target;
  const [main] = program.functions;
  if (main === undefined) return;
  const last = main.end - 1;
  for (const pc of starts(program)) {
    const insn = program.insns[pc];
    const next = pc + (insn !== undefined && isLddw(insn) ? 2 : 1);
    if (insn === undefined || next >= last) return;
    for (const result of resultsOf(insn)) {
      const edits = new Map<number, readonly Insn[]>();
      // A branch stands in its result, which tells where it went.
      const from = isConditionalJump(insn) ? pc : next;
      for (const at of starts(program)) if (at >= from && at < last) edits.set(at, []);
      edits.set(from, result);
      // Jumps to all those that are gone lead here.
      edits.set(last, [slot(op.EXIT_OP)]);
      if (target.attempt(rewriteProgram(program, edits))) return;
    }
  }
}

/** Ways to bring into r0 what an instruction did. */
function resultsOf(insn: Insn): Insn[][] {
  if (insn.code === op.EXIT_OP || isUnconditionalJump(insn)) return [];
  if (isConditionalJump(insn)) {
    const set = (imm: number): Insn => slot(op.ALU64 | op.MOV | op.K, 0, 0, 0, imm);
    const branch = [{ ...insn, off: 1 }, set(1)];
    return [[set(0), ...branch], branch];
  }
  const dst = setRegister(insn);
  if (dst === undefined) {
    const cls = insnClass(insn);
    if (cls !== op.ST && cls !== op.STX) return [];
    return [[slot(op.LDX | op.MODE_MEM | (insn.code & sizeMask), 0, insn.dst, insn.off)]];
  }
  const move = dst === 0 ? [] : [slot(op.ALU64 | op.MOV | op.X, 0, dst)];
  return [move, [...move, slot(op.ALU64 | op.RSH | op.K, 0, 0, 0, 32)]];
}

/** The register that an instruction sets. */
function setRegister(insn: Insn): number | undefined {
  if (isCall(insn)) return 0;
  switch (insnClass(insn)) {
    case op.ALU:
    case op.ALU64:
    case op.LDX:
    case op.LD:
      return insn.dst;
    case op.STX:
      if ((insn.code & 0xe0) !== op.MODE_ATOMIC) return undefined;
      if (insn.imm === op.ATOMIC_CMPXCHG) return 0;
      return (insn.imm & op.ATOMIC_FETCH) !== 0 ? insn.src : undefined;
    default:
      return undefined;
  }
}

/** It sets a register to a number already. */
function isConstant(insn: Insn): boolean {
  return (insn.code & ~0x04) === ((op.ALU | op.MOV | op.K) & ~0x04) || (isLddw(insn) && insn.src === 0);
}

/** A register set to a number: one slot where 32 bits are enough. */
function constant(dst: number, value: bigint): Insn[] {
  const signed = BigInt.asIntN(64, value);
  if (signed === BigInt.asIntN(32, value)) return [slot(op.ALU64 | op.MOV | op.K, dst, 0, 0, Number(signed))];
  return [
    slot(op.LDDW, dst, 0, 0, Number(BigInt.asIntN(32, value))),
    slot(0, 0, 0, 0, Number(BigInt.asIntN(32, value >> 32n))),
  ];
}

function slot(code: number, dst = 0, src = 0, off = 0, imm = 0): Insn {
  return { code, dst, src, off, imm };
}
