/**
 * When one state makes another superfluous (states_equal in the kernel): if exploring from `old` found nothing wrong,
 * then exploring from `cur` cannot either, provided that every value `cur` may hold is one that `old` could hold,
 * wherever it mattered.
 *
 * What mattered is known once all paths from `old` are done: live registers statically, live slots by what all paths
 * read (live-stack.ts), numbers whose range was relied upon by their trails. A state that is still being explored is
 * compared in full.
 */

import { has, type Slots } from './live-stack.js';
import type { ProgramShape } from './program-shape.js';
import { type RegState, scalarReg, unknownReg } from './reg-state.js';
import { unknownScalar } from './scalar.js';
import { byteInvalid, byteMisc, byteSpill, type StackSlot, uniformBytes } from './stack-state.js';
import type { Checkpoint, FrameState, VerifierState } from './verifier-state.js';

/**
 * `live`: only what mattered. `within`: everything, values included in the old ones. `exact`: everything the same (an
 * infinite loop).
 */
export type Comparison = 'live' | 'within' | 'exact';

/**
 * Ids mean nothing but which things are the same: old ones are matched to new ones, one to one. There are few in any
 * state, so pairs are searched in order.
 */
class IdMatch {
  private readonly old: number[] = [];
  private readonly cur: number[] = [];
  private count = 0;
  private temporary = -1;

  /** Can the two ids mean the same thing? Takes the pair down if neither has a partner yet (check_ids). */
  match(old: number, cur: number): boolean {
    if (old === 0 || cur === 0) return old === cur;
    for (let i = 0; i < this.count; i++) {
      if (this.old[i] === old) return this.cur[i] === cur;
      if (this.cur[i] === cur) return false;
    }
    this.old[this.count] = old;
    this.cur[this.count] = cur;
    this.count++;
    return true;
  }

  /** An unlinked scalar is linked to nothing: a group of its own. */
  matchScalar(old: number, cur: number): boolean {
    if (old === 0 && cur === 0) return true;
    return this.match(old === 0 ? this.temporary-- : old, cur === 0 ? this.temporary-- : cur);
  }

  /** Forgets all pairs: ids of another two states are about to be matched. */
  reset(): void {
    this.count = 0;
    this.temporary = -1;
  }
}

const ids = new IdMatch();

/** Another two states are about to be compared. */
export function forgetIds(): void {
  ids.reset();
}

/** Do both point into the same thing, at the same constant distance? */
function sameObject(old: RegState, cur: RegState): boolean {
  return (
    old.off === cur.off &&
    old.map === cur.map &&
    old.memSize === cur.memSize &&
    old.struct === cur.struct &&
    old.subprog === cur.subprog &&
    old.frame === cur.frame &&
    ids.match(old.mapUid, cur.mapUid) &&
    ids.match(old.dynptrId, cur.dynptrId)
  );
}

/** Would the same accesses be allowed through both, but for bounds? */
function sameType(old: RegState, cur: RegState): boolean {
  return (
    old.kind === cur.kind &&
    old.nullable === cur.nullable &&
    old.ringbuf === cur.ringbuf &&
    old.readonly === cur.readonly &&
    old.pktSlice === cur.pktSlice &&
    old.untrusted === cur.untrusted
  );
}

/**
 * The same in every respect but the names of ids: what an infinite loop comes back with (RANGE: EXACT in the kernel).
 */
function identical(old: RegState, cur: RegState): boolean {
  return (
    old.pktRange === cur.pktRange &&
    old.addConst === cur.addConst &&
    sameObject(old, cur) &&
    old.range.equals(cur.range) &&
    ids.match(old.id, cur.id) &&
    ids.match(old.refId, cur.refId)
  );
}

/** Do both differ from the others of their ids by the same? */
function sameDelta(old: RegState, cur: RegState): boolean {
  return old.addConst === cur.addConst && (old.addConst === 0 || old.off === cur.off);
}

/**
 * Is every value of `cur` one that `old` stood for, as far as `how` asks (regsafe)? Numbers that nobody needed cover
 * any number; pointers must be of one kind, since code was checked for it.
 */
export function regCovers(old: RegState, cur: RegState, how: Comparison): boolean {
  if (how === 'live' && old.kind === 'scalar' && cur.kind === 'scalar' && !old.trail.marked) return true;
  if (old.kind === 'none' && how !== 'exact') return true;
  if (!sameType(old, cur)) return false;
  if (old.kind === 'none') return true;
  if (how === 'exact') return identical(old, cur);
  switch (old.kind) {
    case 'scalar':
      if (how === 'live' && !old.trail.marked) return true;
      // Without an id the old one was tied to nothing: that the new one is only says more.
      if (old.id !== 0 && !sameDelta(old, cur)) return false;
      return old.range.covers(cur.range) && ids.matchScalar(old.id, cur.id);
    case 'map_key':
    case 'map_value':
    case 'mem':
      return (
        sameObject(old, cur) &&
        old.range.covers(cur.range) &&
        ids.match(old.id, cur.id) &&
        ids.match(old.refId, cur.refId)
      );
    case 'pkt':
    case 'pkt_meta': {
      const rangeFits =
        old.pktRange < 0 || cur.pktRange < 0 ? old.pktRange === cur.pktRange : old.pktRange <= cur.pktRange;
      return rangeFits && old.off === cur.off && ids.match(old.id, cur.id) && old.range.covers(cur.range);
    }
    default:
      return identical(old, cur);
  }
}

/** Must another state's slot fit this one, if it is live? Not where nothing was known. */
export function slotMatters(slot: StackSlot): boolean {
  return !allMisc(slot);
}

/** All bytes written without being known, or never written: any load yields an unknown number. */
function allMisc(slot: StackSlot | undefined): boolean {
  return slot === undefined || slot.isUnknown;
}

const neverWrittenBytes = uniformBytes(byteInvalid);

/** Was nothing stored there on this path? */
function neverWritten(slot: StackSlot | undefined): boolean {
  return slot === undefined || slot.bytes === neverWrittenBytes;
}

/** Byte by byte: where nothing was known, a torn spill is as good as anything. */
function bytesCover(old: StackSlot, cur: StackSlot): boolean {
  for (let b = 0; b < 8; b++) {
    const was = old.byte(b);
    if (was !== byteInvalid && was !== byteMisc && was !== cur.byte(b)) return false;
  }
  return true;
}

/**
 * The same question of a stack slot (stacksafe): bytes of which nothing was known cover anything that was written,
 * and zeros cover zeros only. `at`: the slot's index; `frame`: what is asked about.
 */
export function slotCovers(old: StackSlot, { stack }: FrameState, at: number, how: Comparison): boolean {
  const cur = stack[at];
  if (old === cur) return true;
  if (how !== 'live' && (cur === undefined ? !neverWritten(old) : old.bytes !== cur.bytes)) return false;
  if (allMisc(old)) return true;
  // A frame that is not that deep has no number there either, not even any.
  if (at >= stack.length) return false;
  if (old.dynptr !== undefined || cur?.dynptr !== undefined) return dynptrCovers(old, cur);
  if (old.iterator !== undefined || cur?.iterator !== undefined) return iteratorCovers(old, cur);
  const oldScalar = old.isWholeSpill && old.reg?.kind === 'scalar' ? old.reg : undefined;
  if (oldScalar !== undefined && allMisc(cur)) return how === 'live' && regCovers(oldScalar, unknownReg(), how);
  if (cur === undefined) return false;
  if (old.bytes !== cur.bytes && !bytesCover(old, cur)) return false;
  if (old.byte(0) !== byteSpill) return true;
  // More bytes of the newer number may be there than the older state knew of its own.
  if (old.reg === undefined || cur.reg === undefined) return false;
  return regCovers(old.reg, cur.reg, how);
}

/** Dynptrs of one type that stand for the same memory and reference, whatever they are called. */
function dynptrCovers(old: StackSlot, cur: StackSlot | undefined): boolean {
  const a = old.dynptr;
  const b = cur?.dynptr;
  if (a === undefined || b === undefined) return false;
  return a.type === b.type && a.first === b.first && ids.match(a.id, b.id) && ids.match(a.refId, b.refId);
}

/** How many items came before does not matter to what comes. */
function iteratorCovers(old: StackSlot, cur: StackSlot | undefined): boolean {
  const a = old.iterator;
  const b = cur?.iterator;
  return a !== undefined && b !== undefined && a.active === b.active && ids.match(a.refId, b.refId);
}

/** Registers that are live, and every slot (func_states_equal). */
function frameCovers(old: FrameState, cur: FrameState, live: number, how: 'within' | 'exact'): boolean {
  for (let i = 0; i <= 10; i++) {
    if ((live & (1 << i)) === 0) continue;
    const was = old.reg(i);
    const is = cur.reg(i);
    if (!regCovers(was, is, how)) return false;
  }
  // What lies below the old frame's lowest access is the newer state's own affair.
  for (let i = 0; i < old.stack.length; i++) {
    const slot = old.stack[i];
    if (slot === undefined) {
      if (!neverWritten(cur.stack[i])) return false;
      continue;
    }
    if (!slotCovers(slot, cur, i, how)) return false;
  }
  return true;
}

/** The same references and lock are held, by whatever ids (refsafe). */
export function heldCovers(old: VerifierState, cur: VerifierState): boolean {
  if (old.refs.length !== cur.refs.length) return false;
  if ((old.lock === undefined) !== (cur.lock === undefined)) return false;
  if (old.lock !== undefined && cur.lock !== undefined) {
    if (old.lock.map !== cur.lock.map || !ids.match(old.lock.id, cur.lock.id)) return false;
  }
  return old.refs.every((ref, i) => {
    const other = cur.refs[i];
    return other !== undefined && ids.match(ref.id, other.id);
  });
}

/**
 * A quick look before the full comparison of an infinite loop: is every register of the top frame, dead or alive, the
 * same, ids included? (states_maybe_looping in the kernel: where a look-up gave a new id, it does not suspect a loop.)
 */
export function mayLoop(old: VerifierState, cur: VerifierState): boolean {
  if (old.frames.length !== cur.frames.length) return false;
  for (let i = 0; i <= 10; i++) if (!sameRegister(old.top.reg(i), cur.top.reg(i))) return false;
  return true;
}

/** Equal to the last field, ids included. */
function sameRegister(old: RegState, cur: RegState): boolean {
  return (
    old === cur ||
    (sameType(old, cur) &&
      old.id === cur.id &&
      old.refId === cur.refId &&
      old.off === cur.off &&
      old.addConst === cur.addConst &&
      old.pktRange === cur.pktRange &&
      old.map === cur.map &&
      old.mapUid === cur.mapUid &&
      old.memSize === cur.memSize &&
      old.struct === cur.struct &&
      old.dynptrId === cur.dynptrId &&
      old.subprog === cur.subprog &&
      old.range.equals(cur.range))
  );
}

/** Slot that frame `depth` goes on from: the current one for the top frame, the call for the others. */
export function frameInsn(state: VerifierState, depth: number, pc: number): number {
  return state.frames[depth + 1]?.callsite ?? pc;
}

/** Are both in the same functions, called from the same places? */
export function sameCalls(old: VerifierState, cur: VerifierState): boolean {
  if (old.frames.length !== cur.frames.length) return false;
  return old.frames.every(({ callsite }, depth) => callsite === cur.frames[depth]?.callsite);
}

/** Are both in the same functions, called from the same places, and no earlier in rounds that are counted? */
export function callsFit(old: VerifierState, cur: VerifierState): boolean {
  if (old.frames.length !== cur.frames.length) return false;
  for (let depth = 0; depth < old.frames.length; depth++) {
    const was = old.frames[depth] as FrameState; // depth is in range
    const is = cur.frames[depth] as FrameState;
    if (was.callsite !== is.callsite || was.subprog !== is.subprog || was.callbackDepth > is.callbackDepth)
      return false;
  }
  return true;
}

/**
 * Is every way on from `cur` one that was followed from `old` (states_equal)? For a state that is not finished, or
 * of whose needs not all are known: asks for all that is live at `pc`. finished-state.ts is for the others.
 */
export function stateCovers(
  shape: ProgramShape,
  old: VerifierState,
  cur: VerifierState,
  pc: number,
  how: 'within' | 'exact',
): boolean {
  if (!callsFit(old, cur)) return false;
  ids.reset();
  if (!heldCovers(old, cur)) return false;
  for (let depth = 0; depth < old.frames.length; depth++) {
    const was = old.frames[depth] as FrameState; // depth is in range
    const is = cur.frames[depth] as FrameState;
    const live = shape.liveBefore[frameInsn(old, depth, pc)] ?? 0x7ff;
    if (!frameCovers(was, is, live, how)) return false;
  }
  return true;
}

/** A frame of the old state and its counterpart. */
interface FramePair {
  readonly was: FrameState;
  readonly is: FrameState;
  /** Registers whose values are still read. */
  readonly live: number;
}

/** The frames of both states side by side, for what is done once they were compared. */
function framePairs(shape: ProgramShape, old: VerifierState, cur: VerifierState, pc: number): FramePair[] {
  return old.frames.map((was, depth) => ({
    was,
    is: cur.frames[depth] as FrameState, // the states have as many frames
    live: shape.liveBefore[frameInsn(old, depth, pc)] ?? 0x7ff,
  }));
}

/**
 * For a state that `old` covers as far as it matters: gives up what is known of everything that is not covered in
 * full, so that what is recorded from here on describes it as well. Returns whether anything changed.
 */
export function giveUpDifferences(
  shape: ProgramShape,
  old: VerifierState,
  cur: VerifierState,
  pc: number,
  needed: readonly Slots[],
): boolean {
  let changed = false;
  const links = linkedIds(old);
  ids.reset();
  // What mattered was compared already, and its ids come first: what else is tied to it must be so in the same way.
  eachPair(framePairs(shape, old, cur, pc), needed, (was, is) => {
    const mattered = is.kind !== 'scalar' || was.trail.marked;
    if (mattered && was.id !== 0 && is.id !== 0) ids.match(was.id, is.id);
  });
  for (const { was, is, live } of framePairs(shape, old, cur, pc)) {
    for (let i = 0; i <= 10; i++) {
      const reg = is.reg(i);
      const before = was.reg(i);
      if ((live & (1 << i)) === 0 || reg.kind !== 'scalar' || before.trail.marked) continue;
      if (before.range.covers(reg.range) && sameLink(before, reg, links)) continue;
      is.regs[i] = unknownReg();
      changed = true;
    }
    for (let i = 0; i < Math.max(was.stack.length, is.stack.length); i++) {
      const to = is.stack[i];
      if (slotDescribes(was.stack[i], to, links)) continue;
      is.stack[i] = undefined;
      changed = true;
    }
  }
  return changed;
}

/** Gives up every number and stack slot of `cur` that nothing depended on in `old`. */
export function giveUpAll(
  shape: ProgramShape,
  old: VerifierState,
  cur: VerifierState,
  pc: number,
  needed: readonly Slots[],
): void {
  for (const [depth, { was, is, live }] of framePairs(shape, old, cur, pc).entries()) {
    for (let i = 0; i <= 10; i++) {
      if ((live & (1 << i)) !== 0 && is.reg(i).kind === 'scalar' && !was.reg(i).trail.marked) is.regs[i] = unknownReg();
    }
    for (let i = 0; i < is.stack.length; i++) {
      const from = was.stack[i];
      const to = is.stack[i];
      if (to === undefined) continue;
      if (from === undefined || !has(needed[depth] as Slots, i)) is.stack[i] = undefined;
      else if (to.reg?.kind === 'scalar' && from.reg?.kind === 'scalar' && !from.reg.trail.marked)
        is.stack[i] = to.withReg(unknownReg());
    }
  }
}

/** Live registers and spills of both states, side by side. `needed`: live slots by frame. */
function eachPair(
  pairs: readonly FramePair[],
  needed: readonly Slots[],
  visit: (was: RegState, is: RegState) => void,
): void {
  for (const [depth, { was, is, live }] of pairs.entries()) {
    for (let i = 0; i <= 10; i++) if ((live & (1 << i)) !== 0) visit(was.reg(i), is.reg(i));
    for (let i = 0; i < was.stack.length; i++) {
      const from = was.stack[i];
      const to = is.stack[i];
      if (from?.reg === undefined || to?.reg === undefined || !has(needed[depth] as Slots, i)) continue;
      visit(from.reg, to.reg);
    }
  }
}

/** Ids that tie two or more values of the state together: what a branch teaches of one was recorded of the other. */
function linkedIds(state: VerifierState): ReadonlySet<number> {
  let linked = linksOf.get(state);
  if (linked === undefined) {
    linked = findLinks(state);
    linksOf.set(state, linked);
  }
  return linked;
}

/** By saved state: these do not change. */
const linksOf = new WeakMap<VerifierState, ReadonlySet<number>>();

/** Ids that two or more numbers of the state share. */
function findLinks(state: VerifierState): ReadonlySet<number> {
  const once = new Set<number>();
  const linked = new Set<number>();
  const count = (reg: RegState | undefined): void => {
    if (reg?.kind !== 'scalar' || reg.id === 0) return;
    if (once.has(reg.id)) linked.add(reg.id);
    once.add(reg.id);
  };
  for (const frame of state.frames) {
    for (const reg of frame.regs) count(reg);
    for (const slot of frame.stack) if (slot?.isSpill === true) count(slot.reg);
  }
  return linked;
}

/** If `old` is tied to other values, is `cur` tied to theirs in the same way? */
function sameLink(old: RegState, cur: RegState, links: ReadonlySet<number>): boolean {
  if (old.kind !== 'scalar' || !links.has(old.id)) return true;
  return cur.id !== 0 && ids.match(old.id, cur.id) && sameDelta(old, cur);
}

/** Is everything that may be recorded of `cur` already true of `old`? */
function slotDescribes(old: StackSlot | undefined, cur: StackSlot | undefined, links: ReadonlySet<number>): boolean {
  if (old === cur || allMisc(old)) return true;
  if (old === undefined || cur === undefined || old.bytes !== cur.bytes) return false;
  if (old.dynptr !== undefined || cur.dynptr !== undefined) return dynptrCovers(old, cur);
  if (old.iterator !== undefined || cur.iterator !== undefined) return iteratorCovers(old, cur);
  if (old.reg === undefined || cur.reg === undefined) return old.reg === cur.reg;
  return (
    sameType(old.reg, cur.reg) &&
    sameObject(old.reg, cur.reg) &&
    old.reg.range.covers(cur.reg.range) &&
    (old.reg.kind === 'scalar' ? sameLink(old.reg, cur.reg, links) : sameGroup(old.reg, cur.reg))
  );
}

/**
 * A packet pointer with no less ahead of it; what a comparison teaches of others of its id, or a null check, holds for
 * it too.
 */
function sameGroup(old: RegState, cur: RegState): boolean {
  return Math.max(0, old.pktRange) <= Math.max(0, cur.pktRange) && ids.match(old.id, cur.id);
}

/**
 * The checkpoint at slot `insn`, from `from` backwards, with the same calls as `state` (find_prev_entry in the
 * kernel).
 */
export function previousRound(
  from: Checkpoint | undefined,
  state: VerifierState,
  insn: number,
): Checkpoint | undefined {
  for (let at = from; at !== undefined; at = at.parent) {
    if (at.insn === insn && sameCalls(at.state, state)) return at;
  }
  return undefined;
}

/**
 * Gives up the numbers of `cur` that are not what they were in `old`, a round of the loop ago, and that nothing needed
 * so far: a value that each round changes would keep the loop from ever closing (widen_imprecise_scalars in the
 * kernel). Being linked to another value counts as a change.
 */
export function widenChanged(old: VerifierState, cur: VerifierState): void {
  ids.reset();
  for (const [depth, is] of cur.frames.entries()) {
    const was = old.frames[depth];
    if (was === undefined) continue;
    for (let i = 0; i <= 10; i++) is.regs[i] = widened(was.reg(i), is.reg(i));
    for (let i = 0; i < is.stack.length; i++) {
      const from = was.stack[i];
      const to = is.stack[i];
      if (from?.reg === undefined || to?.reg === undefined || !from.isSpill || !to.isSpill) continue;
      const reg = widened(from.reg, to.reg);
      if (reg !== to.reg) is.stack[i] = to.withReg(reg);
    }
  }
}

/**
 * Any number in place of one that changed and that nothing needed; its trail leads to the old one, so that a later
 * need still finds where it came from.
 */
function widened(old: RegState, cur: RegState): RegState {
  if (old.kind !== 'scalar' || cur.kind !== 'scalar' || old.trail.marked || cur.trail.marked) return cur;
  return identical(old, cur) ? cur : scalarReg(unknownScalar, cur.trail.fork());
}
