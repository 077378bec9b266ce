/** Calls of kernel functions (check_kfunc_call in the kernel), by the rows of `platform/kfunc-table.ts`. */
import { UnsupportedError } from '../base/index.js';
import { type KfuncArg, kfuncRow } from '../platform/index.js';
import type { Env } from './env.js';
import { checkIteratorArg, createIterator, destroyIterator, drainIterator, type IteratorUse } from './iterator.js';
import { lineOf } from './log.js';
import { constReg, noReg, pointerReg, type RegState, unknownReg } from './reg-state.js';

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
  let used: IteratorUse | undefined;
  for (const [i, arg] of row.args.entries()) used = checkKfuncArg(env, arg, i + 1) ?? used;
  for (let r = 0; r <= 5; r++) env.frame.regs[r] = noReg;
  if (used === undefined) {
    env.frame.regs[0] = unknownReg();
    return;
  }
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

function checkKfuncArg(env: Env, arg: KfuncArg, regno: number): IteratorUse | undefined {
  const reg = env.read(regno);
  if (arg !== 'number') return checkIteratorArg(env, regno, reg, arg === 'iterator new');
  if (reg.kind !== 'scalar') env.reject('kfunc-arg-number', { reg: regno });
  return undefined;
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
