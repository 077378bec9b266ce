/** Calls of kernel functions (check_kfunc_call in the kernel), by the rows of `platform/kfunc-table.ts`. */
import { UnsupportedError } from '../base/index.js';
import { type KfuncArg, type KfuncRow, kfuncRow, maxVarOffset } from '../platform/index.js';
import { checkDynptrArg, createDynptr, type DynptrUse } from './dynptr.js';
import type { Env } from './env.js';
import { checkBytes } from './helper-args.js';
import { checkIteratorArg, createIterator, destroyIterator, drainIterator, type IteratorUse } from './iterator.js';
import { lineOf } from './log.js';
import { checkFixedPointer } from './memory-access.js';
import { constReg, noReg, pointerReg, type RegState, unknownReg } from './reg-state.js';
import { typeText } from './reg-text.js';

/**
 * Throws UnsupportedError for a kfunc that jitnic does not have: whether Linux would load the program is not known
 * then.
 */
export function checkKfuncCall(env: Env, index: number): void {
  const kfunc = env.program.kfuncs[index];
  if (kfunc === undefined) env.reject('kfunc-unknown', { id: index });
  const row = kfuncRow(kfunc.name);
  if (row === undefined) throw unsupported(env, kfunc.name);
  if (env.state.lock !== undefined) env.reject('lock-held-call');
  const used: Used = {};
  for (const [i, arg] of row.args.entries()) checkKfuncArg(env, arg, i + 1, used);
  for (let r = 0; r <= 5; r++) env.frame.regs[r] = noReg;
  if (used.fresh !== undefined) createDynptr(env, used.fresh);
  if (used.iterator === undefined) {
    env.frame.regs[0] = row.ret === 'slice?' ? sliceReg(env, row, used) : unknownReg();
    return;
  }
  callIterator(env, row, used.iterator);
}

/** What the arguments of a call stand for. */
interface Used {
  iterator?: IteratorUse;
  /** The dynptr in use, and the one that is made. */
  dynptr?: DynptrUse;
  fresh?: DynptrUse;
  /** The constant size. */
  size?: number;
}

/** A piece of a dynptr's memory, or NULL. One of the packet goes with it when its ends move. */
function sliceReg(env: Env, row: KfuncRow, { dynptr, size }: Used): RegState {
  const slice = pointerReg('mem');
  slice.nullable = true;
  slice.id = env.newId();
  slice.memSize = size ?? 0;
  slice.readonly = row.readonly === true;
  slice.pktSlice = dynptr?.type === 'xdp';
  return slice;
}

function callIterator(env: Env, row: KfuncRow, used: IteratorUse): void {
  switch (row.iterator) {
    case 'new':
      createIterator(env, used);
      break;
    case 'destroy':
      destroyIterator(env, used);
      return;
    default:
      nextItem(env, used, row.itemSize ?? 0);
      return;
  }
  env.frame.regs[0] = row.ret === 'void' ? noReg : unknownReg();
}

function unsupported(env: Env, name: string): UnsupportedError {
  const line = lineOf(env.program, env.pc);
  const place = line === undefined ? {} : { source: `${line.file}:${line.line}` };
  return new UnsupportedError(
    `kernel function \`${name}\` is not supported by jitnic`,
    { section: env.program.section, insn: env.pc, ...place },
    'jitnic cannot say whether Linux would load a program that calls it: ask a running kernel',
  );
}

function checkKfuncArg(env: Env, arg: KfuncArg, regno: number, used: Used): void {
  const reg = env.read(regno);
  const index = regno - 1;
  switch (arg) {
    case 'number':
      if (reg.kind !== 'scalar') env.reject('kfunc-arg-number', { reg: regno });
      return;
    case 'iterator new':
    case 'iterator':
      used.iterator = checkIteratorArg(env, regno, reg, arg === 'iterator new');
      return;
    case 'ctx':
      if (reg.kind !== 'ctx') env.reject('kfunc-arg-ctx', { arg: index, type: typeText(reg) });
      checkFixedPointer(env, regno, reg);
      return;
    case 'buffer?':
      return;
    case 'const size':
      used.size = checkBuffer(env, regno, reg);
      return;
    case 'dynptr clone new': {
      const fresh = checkDynptrArg(env, 'dynptr clone new', index, regno, dynptrPlace(env, index, reg));
      const from = used.dynptr;
      if (fresh !== undefined) used.fresh = { ...fresh, type: from?.type ?? 'local', shared: from?.slot?.refId ?? 0 };
      return;
    }
    default: {
      const use = checkDynptrArg(env, arg, index, regno, dynptrPlace(env, index, reg));
      if (use?.action === 'new') used.fresh = use;
      else if (use !== undefined) used.dynptr = use;
    }
  }
}

function dynptrPlace(env: Env, arg: number, reg: RegState): RegState {
  if (reg.kind !== 'fp') env.reject('kfunc-arg-dynptr', { arg });
  return reg;
}

/** The size of the buffer in the register before, which may be NULL; it is read and written. Returns the size. */
function checkBuffer(env: Env, regno: number, reg: RegState): number {
  if (reg.kind !== 'scalar') env.reject('kfunc-arg-number', { reg: regno });
  const buffer = env.read(regno - 1);
  if (!buffer.isZero) {
    if (reg.range.smin < 0n) env.reject('arg-size-negative', { reg: regno });
    if (reg.range.umax >= BigInt(maxVarOffset)) env.reject('arg-size-unbounded', { reg: regno });
    for (const writes of [false, true]) checkBytes(env, regno - 1, buffer, reg.range.umax, { writes, zeroOk: true });
  }
  if (!reg.range.isConst) env.reject('kfunc-const', { reg: regno });
  reg.trail.mark();
  return Number(reg.range.value);
}

/**
 * An iterator gives another item or none: both are followed, first the end. On the way with an item, numbers that each
 * round changes and nothing needed are given up, so that the loop around the call closes (process_iter_next_call in
 * the kernel).
 */
function nextItem(env: Env, used: IteratorUse, size: number): void {
  const { slot } = used;
  if (slot?.iterator?.active === true) {
    const more = env.state.copy();
    const item: RegState = pointerReg('mem');
    item.memSize = size;
    item.readonly = true;
    item.refId = slot.iterator.refId;
    more.top.regs[0] = item;
    drainIterator(more, used, true);
    env.widenRound(more);
    env.push(env.pc + 1, more);
  }
  drainIterator(env.state, used, false);
  env.frame.regs[0] = constReg(0n);
}
