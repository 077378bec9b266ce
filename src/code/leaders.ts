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

/** Where each slot leads within its function, as columns. */
interface Flow {
  /** The slot that may follow; the place behind the end where there is none, or it lies outside of the program. */
  readonly first: Int32Array;
  /** The other one, of which there is no third; the same where there is one. */
  readonly second: Int32Array;
}

const flows = new WeakMap<readonly Insn[], Flow>();

/** {@link successors} of all slots, for data-flows; worked out once. */
export function flowOf(insns: readonly Insn[]): Flow {
  const known = flows.get(insns);
  if (known !== undefined) return known;
  const { length } = insns;
  const first = new Int32Array(length);
  const second = new Int32Array(length);
  const inside = (to: number): number => (to >= 0 && to <= length ? to : length);
  for (let pc = 0; pc < length; pc++) {
    const insn = insns[pc] as Insn;
    let to = pc + 1;
    let other = to;
    if (isExit(insn)) to = other = length;
    else if (isLddw(insn)) to = other = inside(pc + 2);
    else if (isJump(insn) && !isCall(insn)) {
      other = inside(jumpTarget(insn, pc));
      if (isUnconditionalJump(insn)) to = other;
    }
    first[pc] = to;
    second[pc] = other;
  }
  const flow = { first, second };
  flows.set(insns, flow);
  return flow;
}

/** Slots that a jump goes to: where paths may meet. Calls are no jumps. */
export function jumpTargets(insns: readonly Insn[]): ReadonlySet<number> {
  const found = new Set<number>();
  for (let pc = 0; pc < insns.length; pc++) {
    const insn = insns[pc] as Insn;
    if (isPlainJump(insn)) found.add(jumpTarget(insn, pc));
  }
  return found;
}

/**
 * Slots where a basic block begins: those that a jump goes to, or that follow one. `ends`: what else ends a block, as
 * a tail call does where a block has one way on. Whoever needs blocks gets them from here; what a block is made of
 * (copies with a frame each for the IR, positions for cards) is the asker's business.
 */
export function leaders(insns: readonly Insn[], ends: (insn: Insn) => boolean = () => false): ReadonlySet<number> {
  const found = new Set(jumpTargets(insns));
  for (let pc = 0; pc < insns.length; pc++) {
    const insn = insns[pc] as Insn;
    if (isPlainJump(insn) || ends(insn)) found.add(pc + 1);
  }
  return found;
}

function isPlainJump(insn: Insn): boolean {
  return isConditionalJump(insn) || isUnconditionalJump(insn);
}
