/** How control flows from slot to slot, and where basic blocks begin. */
import {
  type Insn,
  isCall,
  isConditionalJump,
  isExit,
  isJump,
  isLddw,
  isUnconditionalJump,
  jumpTarget,
  op,
} from '../isa/index.js';

/** A call of one of the program's own functions, at `pc + 1 + imm`. */
export function isLocalCall(insn: Insn): boolean {
  return insn.code === op.CALL_OP && insn.src === op.CALL_LOCAL;
}

/** A 64-bit immediate that is the address of one of the program's own functions, at `pc + 1 + imm`. */
export function isFunctionAddress(insn: Insn): boolean {
  return isLddw(insn) && insn.src === op.PSEUDO_FUNC;
}

/** Slots that may follow `pc` within its function; a call is followed by what stands behind it. */
export function successors(insns: readonly Insn[], pc: number): readonly number[] {
  const insn = insns[pc];
  if (insn === undefined || isExit(insn)) return [];
  if (isLddw(insn)) return [pc + 2];
  if (!isJump(insn) || isCall(insn)) return [pc + 1];
  if (isUnconditionalJump(insn)) return [jumpTarget(insn, pc)];
  return [pc + 1, jumpTarget(insn, pc)];
}

/**
 * Slots where a basic block begins: those that a jump goes to, or that follow one. `ends`: what else ends a block, as
 * a tail call does where a block has one way on.
 */
export function leaders(insns: readonly Insn[], ends: (insn: Insn) => boolean = () => false): ReadonlySet<number> {
  const found = new Set<number>();
  for (const [pc, insn] of insns.entries()) {
    if (isConditionalJump(insn) || isUnconditionalJump(insn)) found.add(jumpTarget(insn, pc)).add(pc + 1);
    else if (ends(insn)) found.add(pc + 1);
  }
  return found;
}
