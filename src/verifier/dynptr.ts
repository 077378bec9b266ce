/**
 * Dynptrs on the stack: two slots that only the dynptr helpers may touch. A ring buffer dynptr holds a reference until
 * it is submitted or discarded.
 */
import type { Env } from './env.js';
import type { RegState } from './reg-state.js';
import { clobberStack, frameOf } from './stack-access.js';
import { byteDynptr, byteInvalid, type DynptrSlot, StackSlot, slotCount, slotOf, uniformBytes } from './stack-state.js';

/** What a call does with the dynptr that one of its arguments points to. */
export interface DynptrUse {
  readonly action: 'new' | 'use' | 'release';
  readonly type: string;
  readonly pointer: RegState;
  /** What is on the stack, for one in use. */
  readonly slot: DynptrSlot | undefined;
  /** For a new one that shares the reference of another: that one's, else 0. */
  readonly shared?: number;
}

/** Index of the dynptr's lower slot (higher index), checked for place and alignment. */
function slotIndex(env: Env, regno: number, reg: RegState, index: number): number {
  if (reg.kind !== 'fp') env.reject('arg-type', { reg: regno, type: reg.kind, expected: 'fp, dynptr_ptr' });
  if (!reg.range.isConst) env.reject('variable-access', { type: 'dynptr', tnum: 'offset' });
  const off = reg.off + Number(reg.range.smin);
  const at = slotOf(off);
  if (off % 8 !== 0 || off > -16 || at >= slotCount) env.reject('dynptr-uninit', { arg: index });
  return at;
}

/**
 * Checks a dynptr argument (process_dynptr_func): 16 bytes of stack at a constant, 8-byte aligned offset, with one
 * where one is wanted and none that is held where one is to be made.
 */
export function checkDynptrArg(
  env: Env,
  arg: string,
  index: number,
  regno: number,
  reg: RegState,
): DynptrUse | undefined {
  const at = slotIndex(env, regno, reg, index);
  const frame = frameOf(env, reg);
  const slot = frame.stack[at];
  const words = arg.split(' ');
  if (words.includes('new')) {
    if (slot?.dynptr !== undefined || frame.stack[at - 1]?.dynptr !== undefined) {
      const held = slot?.dynptr?.refId ?? frame.stack[at - 1]?.dynptr?.refId ?? 0;
      if (held !== 0) env.reject('dynptr-overwrite');
    }
    return { action: 'new', type: words[1] ?? 'local', pointer: reg, slot: undefined };
  }
  const dynptr = slot?.dynptr;
  const releases = words.includes('release');
  if (releases && (dynptr === undefined || dynptr.refId === 0)) env.reject('dynptr-unacquired', { reg: regno });
  if (dynptr === undefined || !dynptr.first) env.reject('dynptr-uninit', { arg: index });
  for (const index of [at, at - 1]) env.live.read(env.state, env.pc, reg.frame, index);
  return { action: releases ? 'release' : 'use', type: dynptr.type, pointer: reg, slot: dynptr };
}

/** Puts a new dynptr on the stack. Returns the id of the reference that it holds, 0 for none. */
export function createDynptr(env: Env, use: DynptrUse): void {
  const frame = frameOf(env, use.pointer);
  const off = use.pointer.off + Number(use.pointer.range.smin);
  clobberStack(env, frame, off, off + 16);
  const at = slotOf(off);
  const id = env.newId();
  const shared = use.shared ?? 0;
  const refId = shared !== 0 ? shared : use.type === 'ringbuf' ? id : 0;
  if (refId !== 0 && shared === 0) env.state.refs = [...env.state.refs, { id: refId, insn: env.pc }];
  for (const [index, first] of [
    [at, true],
    [at - 1, false],
  ] as const) {
    frame.stack[index] = new StackSlot(uniformBytes(byteDynptr), undefined, {
      first,
      id,
      refId,
      type: use.type,
    });
    env.live.write(use.pointer.frame, index);
  }
}

/** Takes a dynptr off the stack, and its clones with it, which share its reference (unmark_stack_slots_dynptr). */
export function releaseDynptr(env: Env, { pointer, slot }: DynptrUse): void {
  const { stack } = frameOf(env, pointer);
  for (const [i, at] of stack.entries()) {
    if (at?.dynptr === undefined || at.dynptr.refId !== slot?.refId) continue;
    stack[i] = new StackSlot(uniformBytes(byteInvalid));
    env.live.write(pointer.frame, i);
  }
}
