/**
 * Comparison with states from which everything was explored: most of a verification's comparisons, and most of these
 * fail. What such a state needs changes no more, so it is brought together once, as a list: a frame has 64 slots, of
 * which a few matter. What told the state apart last is asked first, since it mostly does so again (a loop's counter).
 */
import { type Env, needAll } from './env.js';
import { has, type Slots } from './live-stack.js';
import type { ProgramShape } from './program-shape.js';
import type { RegState } from './reg-state.js';
import type { StackSlot } from './stack-state.js';
import { callsFit, forgetIds, frameInsn, heldCovers, regCovers, slotCovers, slotMatters } from './state-equal.js';
import type { Trail } from './trail.js';
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
  /** Slots that may still be read, by frame. */
  readonly slots: readonly Slots[];
  /** Position of the one that told the last state apart. */
  telling: number;
}

/**
 * Registers that are live and were written, and slots that are live and of which something was known. Valid once all
 * paths from the checkpoint have ended and none that stopped in its loop waits.
 */
export function needsOf(env: Env, { state, insn }: Checkpoint): Needs {
  const list: Need[] = [];
  const slots = state.frames.map((_, depth) => env.live.alive(state, insn, depth));
  for (const [depth, frame] of state.frames.entries()) {
    const live = env.shape.liveBefore[frameInsn(state, depth, insn)] ?? 0x7ff;
    for (let at = 0; at <= 10; at++) {
      const reg = frame.reg(at);
      if ((live & (1 << at)) !== 0 && reg.kind !== 'none') list.push({ depth, at, reg, slot: undefined });
    }
    const alive = slots[depth] as Slots; // one a frame
    for (const [at, slot] of frame.stack.entries())
      if (slot !== undefined && has(alive, at) && slotMatters(slot)) list.push({ depth, at, reg: undefined, slot });
  }
  return { list, slots, telling: 0 };
}

/** Slots of a checkpoint that something may depend on, by frame, as far as is known. */
export function neededSlots({ live }: Env, { needs, state, insn }: Checkpoint): readonly Slots[] {
  return needs?.slots ?? state.frames.map((_, depth) => live.alive(state, insn, depth));
}

/**
 * After a match: numbers whose ranges the rest of the program relied on in the checkpoint it relies on in `cur`
 * (propagate_precision). Returns whether any of it is new.
 */
export function passNeeds(shape: ProgramShape, { needs, state, insn }: Checkpoint, cur: VerifierState): boolean {
  let changed = false;
  const pass = (was: RegState | undefined, is: RegState | undefined): void => {
    if (was?.kind === 'scalar' && is?.kind === 'scalar' && was.trail.marked && mark(is.trail, cur)) changed = true;
  };
  if (needs !== undefined) {
    for (const { depth, at, reg, slot } of needs.list) {
      const frame = cur.frames[depth];
      if (reg !== undefined) pass(reg, frame?.reg(at));
      else pass(slot?.reg, frame?.stack[at]?.reg);
    }
    return changed;
  }
  for (const [depth, was] of state.frames.entries()) {
    const is = cur.frames[depth];
    const live = shape.liveBefore[frameInsn(state, depth, insn)] ?? 0x7ff;
    for (let at = 0; at <= 10; at++) if ((live & (1 << at)) !== 0) pass(was.reg(at), is?.reg(at));
    for (const [at, slot] of was.stack.entries()) pass(slot?.reg, is?.stack[at]?.reg);
  }
  return changed;
}

/** Returns whether it was not marked before. */
function mark(trail: Trail, state: VerifierState): boolean {
  if (trail.marked) return false;
  if (trail.mark()) needAll(state);
  return true;
}

/**
 * Is every way on from `cur` one that was followed from the checkpoint (states_equal)? The checkpoint is finished:
 * see {@link needsOf}.
 */
export function finishedCovers({ needs, state: old }: Checkpoint, cur: VerifierState): boolean {
  if (needs === undefined || !callsFit(old, cur)) return false;
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
  return slot === undefined || slotCovers(slot, frame, at, 'live');
}
