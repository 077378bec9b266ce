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
} from '../isa/index.js';

/** Slots that may follow `pc` within its function; a call is followed by what stands behind it. */
export function successors(insns: readonly Insn[], pc: number): readonly number[] {
  const insn = insns[pc];
  if (insn === undefined || isExit(insn)) return [];
  if (isLddw(insn)) return [pc + 2];
  if (!isJump(insn) || isCall(insn)) return [pc + 1];
  if (isUnconditionalJump(insn)) return [jumpTarget(insn, pc)];
  return [pc + 1, jumpTarget(insn, pc)];
}

/** Slots that a jump goes to: where paths may meet. Calls are no jumps. */
export function jumpTargets(insns: readonly Insn[]): ReadonlySet<number> {
  return new Set(insns.flatMap((insn, pc) => (isPlainJump(insn) ? jumpTarget(insn, pc) : [])));
}

/**
 * Slots where a basic block begins: those that a jump goes to, or that follow one. `ends`: what else ends a block, as
 * a tail call does where a block has one way on. Whoever needs blocks gets them from here; what a block is made of
 * (copies with a frame each for the IR, positions for cards) is the asker's business.
 */
export function leaders(insns: readonly Insn[], ends: (insn: Insn) => boolean = () => false): ReadonlySet<number> {
  const found = new Set(jumpTargets(insns));
  for (const [pc, insn] of insns.entries()) if (isPlainJump(insn) || ends(insn)) found.add(pc + 1);
  return found;
}

function isPlainJump(insn: Insn): boolean {
  return isConditionalJump(insn) || isUnconditionalJump(insn);
}
