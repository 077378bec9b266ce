/**
 * Comparison with states from which everything was explored: most of a verification's comparisons, and most of these
 * fail. What such a state needs changes no more, so it is brought together once, as a list: a frame has 64 slots, of
 * which a few matter. What told the state apart last is asked first, since it mostly does so again (a loop's counter).
 */
import type { ProgramShape } from './program-shape.js';
import type { RegState } from './reg-state.js';
import type { StackSlot } from './stack-state.js';
import { callsFit, forgetIds, frameInsn, heldCovers, regCovers, slotCovers, slotMatters } from './state-equal.js';
import type { Checkpoint, VerifierState } from './verifier-state.js';

/** A register or stack slot of a finished state that another state must fit. */
interface Need {
  /** Frame, counted from the main program's. */
  readonly depth: number;
  /** Register number or slot index. */
  readonly at: number;
  /** What was there; of the two, the one that is not undefined. */
  readonly reg: RegState | undefined;
  readonly slot: StackSlot | undefined;
}

/** All that anything depends on in a finished state. */
export interface Needs {
  readonly list: readonly Need[];
  /** Position of the one that told the last state apart. */
  telling: number;
}

/**
 * Registers that are live and were written, and slots that were read and of which something was known. Valid once all
 * paths from the checkpoint have ended and none that stopped in its loop waits: marks reach the past of a path alone.
 */
function needsOf(shape: ProgramShape, { state, insn }: Checkpoint): Needs {
  const list: Need[] = [];
  for (const [depth, frame] of state.frames.entries()) {
    const live = shape.liveBefore[frameInsn(state, depth, insn)] ?? 0x7ff;
    for (let at = 0; at <= 10; at++) {
      const reg = frame.reg(at);
      if ((live & (1 << at)) !== 0 && reg.kind !== 'none') list.push({ depth, at, reg, slot: undefined });
    }
    for (const [at, slot] of frame.stack.entries())
      if (slot !== undefined && slotMatters(slot)) list.push({ depth, at, reg: undefined, slot });
  }
  return { list, telling: 0 };
}

/**
 * Is every way on from `cur` one that was followed from the checkpoint (states_equal)? The checkpoint is finished:
 * see {@link needsOf}.
 */
export function finishedCovers(shape: ProgramShape, checkpoint: Checkpoint, cur: VerifierState): boolean {
  const old = checkpoint.state;
  if (!callsFit(old, cur)) return false;
  checkpoint.needs ??= needsOf(shape, checkpoint);
  const { needs } = checkpoint;
  const { list } = needs;
  forgetIds();
  const telling = list[needs.telling];
  if (telling !== undefined && !fits(telling, cur)) return false;
  forgetIds();
  if (!heldCovers(old, cur)) return false;
  for (let i = 0; i < list.length; i++) {
    if (fits(list[i] as Need, cur)) continue; // i is in range
    needs.telling = i;
    return false;
  }
  return true;
}

function fits({ depth, at, reg, slot }: Need, cur: VerifierState): boolean {
  const frame = cur.frames[depth];
  if (frame === undefined) return false;
  if (reg !== undefined) return regCovers(reg, frame.reg(at), 'live');
  return slot === undefined || slotCovers(slot, frame.stack[at], 'live');
}
