/** Calls of kernel functions (check_kfunc_call in the kernel), by the rows of `platform/kfunc-table.ts`. */
import { UnsupportedError } from '../base/index.js';
import {
  type KernelArg,
  type KernelStruct,
  type KfuncArg,
  type KfuncRow,
  kfuncRow,
  maxVarOffset,
  nfConn,
  nfConnInit,
} from '../platform/index.js';
import { checkDynptrArg, createDynptr, type DynptrUse } from './dynptr.js';
import type { Env } from './env.js';
import { checkBytes } from './helper-args.js';
import { checkIteratorArg, createIterator, destroyIterator, drainIterator, type IteratorUse } from './iterator.js';
import { castReg } from './kernel-access.js';
import { kernelStruct } from './kernel-types.js';
import { placeOf } from './log.js';
import { checkFixedPointer } from './memory-access.js';
import { forgetPacketPointers, nullableReg, releaseReference } from './references.js';
import { constReg, noReg, pointerReg, type RegState, unknownReg } from './reg-state.js';
import { tnumText, typeText } from './reg-text.js';

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
  const used: Used = { name: kfunc.name, row };
  for (const [i, arg] of row.args.entries()) checkKfuncArg(env, arg, i + 1, used);
  if (used.released !== undefined) releaseReference(env, used.released);
  for (let r = 0; r <= 5; r++) env.frame.regs[r] = noReg;
  if (row.moves !== undefined) forgetPacketPointers(env);
  if (used.fresh !== undefined) createDynptr(env, used.fresh);
  if (used.iterator === undefined) env.frame.regs[0] = resultOf(env, row, used);
  else callIterator(env, row, used.iterator);
}

/** What r0 is after a call without an iterator. */
function resultOf(env: Env, row: KfuncRow, used: Used): RegState {
  switch (row.ret) {
    case 'void':
      return noReg;
    case 'slice?':
      return sliceReg(env, row, used);
    case 'cast':
      return castTo(env, used.type ?? 0n);
    case 'nf_conn?':
    case 'nf_conn___init?': {
      const reg = nullableReg(env, 'ptr', true);
      reg.struct = structs[row.ret === 'nf_conn?' ? 'nf_conn' : 'nf_conn___init'];
      return reg;
    }
    default:
      return unknownReg();
  }
}

const structs: Readonly<Record<KernelArg, KernelStruct>> = { nf_conn: nfConn, nf_conn___init: nfConnInit };

/** What the arguments of a call stand for. */
interface Used {
  readonly name: string;
  readonly row: KfuncRow;
  /** The reference that ends with the call. */
  released?: number;
  iterator?: IteratorUse;
  /** The dynptr in use, and the one that is made. */
  dynptr?: DynptrUse;
  fresh?: DynptrUse;
  /** The constant size. */
  size?: number;
  /** The constant type. */
  type?: bigint;
}

/** What bpf_rdonly_cast makes of anything: memory, or a structure of the kernel's (check_special_kfunc). */
function castTo(env: Env, id: bigint): RegState {
  if (id === 0n) return castReg('memory');
  const { kernelBtf } = env;
  if (kernelBtf === undefined)
    throw new UnsupportedError(
      `type ${id} of the kernel is not known: there is no BTF of a kernel`,
      placeOf(env.program, env.pc),
      'give the types of the kernel that the program is meant for: --btf FILE',
    );
  const number = BigInt.asUintN(32, id);
  if (number >= BigInt(kernelBtf.count)) env.reject('cast-unknown', { id });
  const struct = kernelStruct(kernelBtf, Number(number));
  if (struct === undefined) env.reject('cast-kind');
  return castReg(struct);
}

/** Objects of the kernel's own, of which jitnic's machines have no image: what is read there could not be told. */
const imageless: readonly RegState['kind'][] = [
  'ctx',
  'map_ptr',
  'sock',
  'sock_common',
  'tcp_sock',
  'xdp_sock',
  'func',
];

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
  return new UnsupportedError(
    `kernel function \`${name}\` is not supported by jitnic`,
    placeOf(env.program, env.pc),
    'jitnic cannot say whether Linux would load a program that calls it: ask a running kernel',
  );
}

/**
 * Arguments that are no pointers, and pointers that may be NULL. All others must not be, as in the stricter builds of
 * Linux 6.18.44: for memory with a size some take NULL (docs/verifier.md).
 */
const mayBeNull: readonly KfuncArg[] = ['number', 'const type', 'mem size', 'const size', 'buffer?'];

function checkKfuncArg(env: Env, arg: KfuncArg, regno: number, used: Used): void {
  if (arg === 'ignored') {
    const { kind } = env.frame.regs[regno] ?? noReg;
    if (imageless.includes(kind)) throw unsupported(env, `${used.name}\` of a \`${kind}`);
    return;
  }
  const reg = env.read(regno);
  const index = regno - 1;
  if (!mayBeNull.includes(arg) && (reg.isZero || reg.nullable)) env.reject('kfunc-arg-null', { arg: index });
  if (typeof arg === 'object') {
    for (const writes of [false, true]) checkBytes(env, regno, reg, BigInt(arg.fixed), { writes, zeroOk: true });
    return;
  }
  switch (arg) {
    case 'nf_conn':
    case 'nf_conn___init':
      checkKernelArg(env, structs[arg], regno, reg, used);
      return;
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
    case 'mem':
      return;
    case 'const type':
      if (reg.kind !== 'scalar') env.reject('kfunc-arg-number', { reg: regno });
      if (!reg.range.isConst) env.reject('kfunc-const', { reg: regno });
      env.need(reg);
      used.type = BigInt.asIntN(64, reg.range.value);
      return;
    case 'const size':
      used.size = checkBuffer(env, regno, reg);
      return;
    case 'mem size':
      if (reg.kind !== 'scalar') env.reject('kfunc-arg-number', { reg: regno });
      checkSized(env, regno, reg);
      env.need(reg);
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
  if (!env.read(regno - 1).isZero) checkSized(env, regno, reg);
  if (!reg.range.isConst) env.reject('kfunc-const', { reg: regno });
  env.need(reg);
  return Number(reg.range.value);
}

/** The memory before a size is read and written, as much as the size may be (check_kfunc_mem_size_reg). */
function checkSized(env: Env, regno: number, { range }: RegState): void {
  if (range.smin < 0n) env.reject('arg-size-negative', { reg: regno });
  if (range.umax >= BigInt(maxVarOffset)) env.reject('arg-size-unbounded', { reg: regno });
  const memory = env.read(regno - 1);
  for (const writes of [false, true]) checkBytes(env, regno - 1, memory, range.umax, { writes, zeroOk: true });
}

/** Pointers that calls take for structures of the kernel, by its names for them. */
const structOfKind: Readonly<Partial<Record<RegState['kind'], string>>> = {
  ptr: '',
  sock: 'sock',
  sock_common: 'sock_common',
  tcp_sock: 'tcp_sock',
};

/**
 * A structure that is held, of exactly this type: `nf_conn` and `nf_conn___init` are one in memory, and kept apart so
 * that no one uses a connection before it is in the table (process_kf_arg_ptr_to_btf_id).
 */
function checkKernelArg(env: Env, struct: KernelStruct, regno: number, reg: RegState, used: Used): void {
  const arg = regno - 1;
  const kind = structOfKind[reg.kind];
  if (kind === undefined) env.reject('kfunc-arg-pointee', { arg, type: struct.name });
  if (reg.refId === 0 && (reg.kind === 'ptr' || reg.untrusted)) env.reject('kfunc-arg-untrusted', { reg: regno });
  const releases = used.row.releases === true && reg.refId !== 0;
  if (releases && reg.off !== 0) env.reject('arg-offset', { reg: regno });
  if (!reg.range.isConst || reg.range.value !== 0n)
    env.reject('variable-access', { type: typeText(reg), tnum: tnumText(reg.range) });
  if (reg.struct !== struct || reg.off !== 0) {
    const actual = reg.struct?.name ?? kind;
    env.reject('kfunc-arg-struct', { name: used.name, arg, expected: struct.name, reg: regno, actual });
  }
  if (releases) used.released = reg.refId;
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
