/**
 * Loads from and stores to the stack: spilling registers and getting them back, and everything that tears a spilled
 * register (check_stack_read and check_stack_write in the kernel). A program with CAP_PERFMON, as jitnic assumes, may
 * read stack bytes that it never wrote: they are unknown numbers.
 */
import { maxVarOffset, stackSize } from '../platform/index.js';
import { linkScalar } from './alu-check.js';
import type { Env } from './env.js';
import { constReg, type RegState, unknownReg, widthOf } from './reg-state.js';
import { tnumText } from './reg-text.js';
import { truncate } from './scalar-alu.js';
import {
  byteDynptr,
  byteInvalid,
  byteIterator,
  byteMisc,
  byteOf,
  byteSpill,
  byteZero,
  type DynptrSlot,
  type StackByte,
  StackSlot,
  slotOf,
  slotSize,
  uniformBytes,
  withByte,
} from './stack-state.js';
import type { FrameState } from './verifier-state.js';

const maxVariable = BigInt(maxVarOffset);

/** How a refusal words what an access does. */
export type StackAction = 'read from' | 'write to';

/** Byte offsets from the frame pointer that an access may touch: [min, max + size). */
interface StackSpan {
  readonly min: number;
  readonly max: number;
}

/** The frame that a stack pointer points into, which may be a caller's. */
export function frameOf(env: Env, pointer: RegState): FrameState {
  return env.state.frames[pointer.frame] ?? env.frame;
}

/** Refuses an access that may leave the frame's 512 bytes. `off` includes the pointer's fixed offset. */
export function checkStackBounds(
  env: Env,
  reg: string,
  pointer: RegState,
  off: number,
  size: number,
  action: StackAction,
): StackSpan {
  const { range } = pointer;
  if (!range.isConst && (range.smax >= maxVariable || range.smin <= -maxVariable)) {
    env.reject('stack-unbounded', { action, reg });
  }
  const min = Number(range.smin) + off;
  const max = Number(range.smax) + off;
  if (min < -stackSize || min > -1 || max + size > 0) {
    if (range.isConst) env.reject('stack-out-of-bounds', { action, reg, off: min, size });
    env.reject('stack-var-out-of-bounds', { action, reg, tnum: tnumText(range), off, size });
  }
  const frame = frameOf(env, pointer);
  frame.growStack(slotOf(min) + 1);
  const subprog = env.shape.subprogs[frame.subprog];
  if (subprog !== undefined && -min > subprog.stackDepth) subprog.stackDepth = -min;
  return { min, max };
}

/** Notes that the program reads one of a frame's slots, written before or not. */
function noteRead(env: Env, frame: FrameState, slot: number): void {
  env.live.read(env.state, env.pc, env.state.frames.indexOf(frame), slot);
}

/** Notes that the program overwrites all of one of a frame's slots. */
function noteWrite(env: Env, frame: FrameState, slot: number): void {
  env.live.write(env.state.frames.indexOf(frame), slot);
}

// Loads.

/**
 * What a load of `size` bytes from the stack gives (check_stack_read): a spilled register back if all of it is read
 * at a constant offset, a number of zeros, or any number. Bytes that were never written are refused.
 */
export function readStack(env: Env, regno: number, pointer: RegState, off: number, size: number): RegState {
  const span = checkStackBounds(env, `R${regno}`, pointer, off, size, 'read from');
  const frame = frameOf(env, pointer);
  if (pointer.range.isConst) return fill(env, frame, span.min, size);
  checkStackInitialized(env, frame, span.min, span.max + size, false);
  return bytesRead(env, frame, span.min, span.max + size);
}

/** What a load of several bytes yields where no single spilled register answers it. */
function bytesRead(env: Env, frame: FrameState, from: number, to: number): RegState {
  for (let at = from; at < to; at++) {
    const slot = frame.stack[slotOf(at)];
    const kind = slot?.byte(byteOf(at)) ?? byteInvalid;
    if (kind === byteZero) continue;
    if (kind === byteDynptr || kind === byteIterator) {
      env.reject('stack-special-read', { off: from, index: at - from, size: to - from });
    }
    return unknownReg();
  }
  return constReg(0n);
}

/**
 * A load at a constant offset (check_stack_read_fixed_off). The filled register is a fork of the spilled one: linked
 * to it where all of it came back, cut to size where less did.
 */
function fill(env: Env, frame: FrameState, off: number, size: number): RegState {
  const index = slotOf(off);
  const slot = frame.stack[index];
  env.touchSlot(index);
  noteRead(env, frame, index);
  if (slot === undefined) return unknownReg();
  if (!slot.isSpill || slot.reg === undefined) return bytesRead(env, frame, off, off + size);
  const spilled = slot.reg;
  const spillSize = slot.spillSize;
  const aligned = byteOf(off) === 0;
  // A whole slot is linked to what was spilled already, unless that was forgotten since.
  if (size === slotSize && spillSize === slotSize) {
    env.note();
    return spilled.forked();
  }
  if (spilled.kind !== 'scalar') env.reject('stack-fill-size');
  if (aligned && size <= spillSize) {
    env.note();
    const whole = widthOf(spilled) <= size * 8;
    if (whole && size === 4 && spillSize === 4) return linkedFill(env, frame, index, slot, spilled);
    const result = spilled.forked();
    if (!whole) unlink(result);
    result.range = truncate(spilled.range, size);
    return result;
  }
  return tornFill(env, slot, spilled, off, size);
}

/** Gives spilled and filled register one identity, so that what a branch teaches of one holds for the other. */
function linkedFill(env: Env, frame: FrameState, index: number, slot: StackSlot, spilled: RegState): RegState {
  const linked = linkScalar(env, spilled);
  if (linked !== spilled) frame.stack[index] = slot.withReg(linked);
  return linked.forked();
}

/**
 * A load of spilled bytes that are not the lowest ones of their register: zeros stay zeros, all else is any number.
 */
function tornFill(env: Env, slot: StackSlot, spilled: RegState, off: number, size: number): RegState {
  let spills = 0;
  let zeros = 0;
  for (let i = 0; i < size; i++) {
    const kind = slot.byte(byteOf(off + i));
    if (kind === byteSpill) spills++;
    else if (kind === byteZero) zeros++;
  }
  if (spills === size && spilled.isZero) {
    env.note();
    const zero = constReg(0n);
    zero.trail = spilled.trail.fork();
    return zero;
  }
  return zeros === size ? constReg(0n) : unknownReg();
}

/** Ties to other numbers no longer hold: only part of the value is left. */
function unlink(reg: RegState): void {
  reg.id = 0;
  reg.addConst = 0;
  reg.off = 0;
}

// Stores.

/**
 * `value` undefined: an unknown number (a helper's or an atomic's result). `immediate`: the value is the instruction's
 * own constant.
 */
export function writeStack(
  env: Env,
  regno: number,
  pointer: RegState,
  off: number,
  size: number,
  value: RegState | undefined,
  valueReg: number,
  immediate: boolean,
): void {
  const span = checkStackBounds(env, `R${regno}`, pointer, off, size, 'write to');
  const frame = frameOf(env, pointer);
  if (pointer.range.isConst) {
    if (size === slotSize && byteOf(span.min) === 0) noteWrite(env, frame, slotOf(span.min));
    spill(env, frame, span.min, size, value, valueReg, immediate);
  } else writeVariable(env, frame, span.min, span.max + size, value);
}

/**
 * A store at a constant offset (check_stack_write_fixed_off). An aligned number is kept with all that is known of it;
 * a pointer must fill its slot, since half a pointer would leak an address bit by bit; other bytes are zero or
 * anything.
 */
function spill(
  env: Env,
  frame: FrameState,
  off: number,
  size: number,
  value: RegState | undefined,
  valueReg: number,
  immediate: boolean,
): void {
  const index = slotOf(off);
  env.touchSlot(index);
  const old = frame.stack[index];
  if (old?.dynptr !== undefined) breakDynptr(env, frame, old.dynptr);
  const base = frame.stack[index];
  const aligned = byteOf(off) === 0;

  if (value !== undefined && aligned && value.kind === 'scalar') {
    env.note();
    const fits = widthOf(value) <= size * 8;
    let stored = value;
    if (fits && !immediate && valueReg >= 0) {
      stored = linkScalar(env, value);
      if (stored !== value) env.frame.regs[valueReg] = stored;
    }
    const saved = stored.forked();
    // What is known stays that of the whole number, as in Linux: a load of the bytes that were stored cuts it.
    if (!fits) unlink(saved);
    frame.stack[index] = new StackSlot(spillBytes(base, size), saved);
    return;
  }
  if (value?.isPointer === true) {
    if (size !== slotSize || !aligned) env.reject('stack-spill-size');
    if (frame !== env.frame && value.kind === 'fp') env.reject('stack-caller-spill');
    env.note();
    frame.stack[index] = new StackSlot(uniformBytes(byteSpill), value);
    return;
  }
  const zero = value?.isZero === true;
  if (zero && value !== undefined && !immediate) env.need(value);
  let bytes = torn(base);
  for (let i = 0; i < size; i++) bytes = withByte(bytes, byteOf(off + i), zero ? byteZero : byteMisc);
  frame.stack[index] = new StackSlot(bytes);
}

/** Bytes of a slot whose low `size` bytes become a spilled register. */
function spillBytes(base: StackSlot | undefined, size: number): number {
  let bytes = unspilled(base);
  for (let b = 0; b < size; b++) bytes = withByte(bytes, b, byteSpill);
  return bytes;
}

/** Bytes of a slot around a new spill: of those that were part of something nothing is known any more. */
function unspilled(slot: StackSlot | undefined): number {
  if (slot === undefined) return uniformBytes(byteInvalid);
  let bytes = slot.bytes;
  for (let b = 0; b < slotSize; b++) if (isPart(slot.byte(b))) bytes = withByte(bytes, b, byteMisc);
  return bytes;
}

/**
 * Bytes of a slot around other bytes: if it begins with something, that is torn, and nothing is known of any byte that
 * was written, zeros included (scrub_special_slot).
 */
function torn(slot: StackSlot | undefined): number {
  if (slot === undefined || !isPart(slot.byte(0))) return unspilled(slot);
  let bytes = slot.bytes;
  for (let b = 0; b < slotSize; b++) if (slot.byte(b) !== byteInvalid) bytes = withByte(bytes, b, byteMisc);
  return bytes;
}

/** Part of a spilled register or an iterator. (A dynptr is destroyed as a whole.) */
function isPart(kind: StackByte): boolean {
  return kind === byteSpill || kind === byteIterator;
}

/**
 * A store somewhere in [from, to) (check_stack_write_var_off): each byte there may be written or not, so it is known
 * only if it is zero either way. Spilled registers in reach are torn.
 */
function writeVariable(env: Env, frame: FrameState, from: number, to: number, value: RegState | undefined): void {
  const zero = value?.isZero === true;
  let zeroUsed = false;
  for (let at = from; at < to; at++) {
    const index = slotOf(at);
    env.touchSlot(index);
    const old = frame.stack[index];
    if (old?.dynptr !== undefined) breakDynptr(env, frame, old.dynptr);
    const slot = frame.stack[index];
    // Writing zero over something zero keeps it zero wherever the store lands.
    if (zero && slot?.isSpill === true && slot.reg?.isZero === true) {
      zeroUsed = true;
      continue;
    }
    const kind = slot?.byte(byteOf(at)) ?? byteInvalid;
    let now: StackByte = byteMisc;
    if (zero && kind === byteZero) {
      now = byteZero;
      zeroUsed = true;
    }
    frame.stack[index] = new StackSlot(withByte(unspilled(slot), byteOf(at), now));
  }
  if (zeroUsed && value !== undefined) env.need(value);
}

/** Overwriting half a dynptr destroys all of it; one that holds a reference must not be lost so. */
function breakDynptr(env: Env, frame: FrameState, { id, refId }: DynptrSlot): void {
  if (refId !== 0) {
    const others = frame.stack.some((slot) => slot?.dynptr?.refId === refId && slot.dynptr.id !== id);
    if (!others) env.reject('dynptr-overwrite');
  }
  destroyDynptr(env, frame, id);
}

/**
 * Both slots hold nothing known, and what bpf_dynptr_data gave is no longer valid. Slices stay: Linux leaves them
 * (destroy_if_dynptr_stack_slot looks for memory without any mark, and slices have one).
 */
function destroyDynptr(env: Env, frame: FrameState, id: number): void {
  for (const [i, slot] of frame.stack.entries()) {
    if (slot?.dynptr?.id !== id) continue;
    frame.stack[i] = new StackSlot(uniformBytes(byteMisc));
    noteWrite(env, frame, i);
  }
  env.state.mapRegs((reg) => (reg.dynptrId === id ? unknownReg() : reg));
}

// Access by helpers.

/** What reading or (`clobber`) overwriting stack bytes [from, to) through a helper means. */
export function checkStackInitialized(env: Env, frame: FrameState, from: number, to: number, clobber: boolean): void {
  for (let at = from; at < to; at++) {
    const index = slotOf(at);
    const slot = frame.stack[index];
    noteRead(env, frame, index);
    if (slot === undefined) {
      if (clobber) frame.stack[index] = new StackSlot(uniformBytes(byteInvalid));
      continue;
    }
    const kind = slot.byte(byteOf(at));
    if (kind === byteDynptr || kind === byteIterator) {
      env.reject('stack-special-read', { off: from, index: at - from, size: to - from });
    }
    if (clobber) frame.stack[index] = new StackSlot(withByte(torn(slot), byteOf(at), byteMisc));
  }
}

/**
 * A helper fills [from, to) without reading it first. Linux takes it for stores of single bytes, which overwrite no
 * slot as a whole.
 */
export function clobberStack(env: Env, frame: FrameState, from: number, to: number): void {
  for (let at = from; at < to; at += 1) {
    const left = to - at;
    const whole = byteOf(at) === 0 && left >= slotSize;
    spill(env, frame, at, whole ? slotSize : 1, undefined, -1, false);
    if (whole) at += slotSize - 1;
  }
}
