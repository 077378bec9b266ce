/**
 * Open-coded iterators on the stack (`bpf_for`, `bpf_repeat`): a slot that only the iterator's own functions
 * understand. It holds a reference from `new` to `destroy`, and is active until `next` has said that there is no more.
 */
import type { Env } from './env.js';
import { releaseReference } from './references.js';
import type { RegState } from './reg-state.js';
import { checkStackBounds, frameOf } from './stack-access.js';
import { byteInvalid, byteIterator, StackSlot, slotCount, slotOf, uniformBytes } from './stack-state.js';
import type { VerifierState } from './verifier-state.js';

/** The iterator that a call is about. */
export interface IteratorUse {
  readonly pointer: RegState;
  /** Frame and index of its slot. */
  readonly frame: number;
  readonly index: number;
  /** What lies there, for one in use. */
  readonly slot: StackSlot | undefined;
}

const structName = 'iter_num';

/** Refuses anything but a slot for a new iterator (`fresh`), or the slot of one that was made. */
export function checkIteratorArg(env: Env, regno: number, reg: RegState, fresh: boolean): IteratorUse {
  const arg = regno - 1;
  if (reg.kind !== 'fp') env.reject('iterator-stack', { arg });
  if (!reg.range.isConst) env.reject('iterator-place', { what: 'iter has to be at a constant offset' });
  const off = reg.off + Number(reg.range.smin);
  const index = slotOf(off);
  const inUse = (): StackSlot | undefined => frameOf(env, reg).stack[index];
  if (fresh) {
    // Linux checks the write first, as for any store.
    checkStackBounds(env, `R${regno}`, reg, off - Number(reg.range.smin), 8, 'write to');
    if (off % 8 !== 0) env.reject('iterator-place', { what: `cannot pass in iter at an offset=${off}` });
    if (inUse()?.iterator !== undefined || inUse()?.dynptr !== undefined)
      env.reject('iterator-in-use', { type: structName, arg });
  } else if (off % 8 !== 0 || off > -8 || index >= slotCount || inUse()?.iterator === undefined) {
    env.reject('iterator-uninit', { type: structName, arg });
  }
  const slot = inUse();
  if (!fresh) env.live.read(env.state, env.pc, reg.frame, index);
  return { pointer: reg, frame: reg.frame, index, slot };
}

/** Puts a new iterator on the stack and takes the reference that it holds. */
export function createIterator(env: Env, { pointer, index }: IteratorUse): void {
  const refId = env.newId();
  env.state.refs = [...env.state.refs, { id: refId, insn: env.pc }];
  frameOf(env, pointer).stack[index] = iteratorSlot(refId, true, 0);
  env.live.write(pointer.frame, index);
}

function iteratorSlot(refId: number, active: boolean, depth: number): StackSlot {
  return new StackSlot(uniformBytes(byteIterator), undefined, undefined, { refId, active, depth });
}

/** After a call of `next` in `state`: either there was an item (`more`), or the iterator is at its end. */
export function drainIterator(state: VerifierState, { frame, index, slot }: IteratorUse, more: boolean): void {
  const was = slot?.iterator;
  const at = state.frames[frame];
  if (was === undefined || at === undefined) return;
  at.stack[index] = iteratorSlot(was.refId, more, more ? was.depth + 1 : was.depth);
}

/** Takes an iterator off the stack; its items are gone with it. */
export function destroyIterator(env: Env, { pointer, index, slot }: IteratorUse): void {
  releaseReference(env, slot?.iterator?.refId ?? 0);
  frameOf(env, pointer).stack[index] = new StackSlot(uniformBytes(byteInvalid));
  env.live.write(pointer.frame, index);
}

/** Do the two states differ in how often some iterator has given an item? Then coming back is no endless loop. */
export function iterationsDiffer(old: VerifierState, cur: VerifierState): boolean {
  return old.frames.some((frame, depth) =>
    frame.stack.some((slot, i) => {
      const before = slot?.iterator;
      const after = cur.frames[depth]?.stack[i]?.iterator;
      return before?.active === true && after !== undefined && before.depth !== after.depth;
    }),
  );
}
