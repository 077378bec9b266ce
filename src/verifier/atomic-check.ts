/** Atomic instructions (check_atomic in the kernel). */
import { accessSize, type Insn, op } from '../isa/index.js';
import type { Env } from './env.js';
import { checkAligned, checkLoad, checkStore, noteAccess, unknownStore } from './memory-access.js';
import type { RegState } from './reg-state.js';
import { typeText } from './reg-text.js';

const operations: ReadonlySet<number> = new Set([
  op.ATOMIC_ADD,
  op.ATOMIC_OR,
  op.ATOMIC_AND,
  op.ATOMIC_XOR,
  op.ATOMIC_ADD | op.ATOMIC_FETCH,
  op.ATOMIC_OR | op.ATOMIC_FETCH,
  op.ATOMIC_AND | op.ATOMIC_FETCH,
  op.ATOMIC_XOR | op.ATOMIC_FETCH,
  op.ATOMIC_XCHG,
  op.ATOMIC_CMPXCHG,
]);

/**
 * Checks an atomic operation (check_atomic): the memory must be readable and writable, the operand a number, the
 * address aligned to its size.
 */
export function checkAtomic(env: Env, insn: Insn): void {
  if (insn.imm === op.ATOMIC_LOAD_ACQ) loadAcquire(env, insn);
  else if (insn.imm === op.ATOMIC_STORE_REL) storeRelease(env, insn);
  else if (operations.has(insn.imm)) readModifyWrite(env, insn);
  else env.reject('atomic-opcode', { code: insn.imm.toString(16).padStart(2, '0') });
}

/** Kinds of memory that hold no atomic variables. */
function refuseKind(env: Env, reg: number, pointer: RegState, action: 'atomic-load' | 'ctx-atomic'): void {
  switch (pointer.kind) {
    case 'ctx':
    case 'pkt':
    case 'pkt_meta':
    case 'sock':
    case 'sock_common':
    case 'tcp_sock':
    case 'xdp_sock':
      env.reject(action, { reg, type: typeText(pointer) });
      break;
    default:
  }
}

/** A load that later accesses do not overtake: checked as a load, aligned (check_atomic_load). */
function loadAcquire(env: Env, insn: Insn): void {
  const pointer = env.read(insn.src);
  env.checkWritable(insn.dst);
  refuseKind(env, insn.src, pointer, 'atomic-load');
  const size = accessSize(insn);
  checkAligned(env, pointer, insn.off, size);
  const loaded = checkLoad(env, insn.src, insn.off, size);
  noteAccess(env, pointer);
  env.write(insn.dst, loaded);
}

/** A store that earlier accesses are done before: checked as a store, aligned (check_atomic_store). */
function storeRelease(env: Env, insn: Insn): void {
  const value = env.read(insn.src);
  const pointer = env.read(insn.dst);
  refuseKind(env, insn.dst, pointer, 'ctx-atomic');
  const size = accessSize(insn);
  checkAligned(env, pointer, insn.off, size);
  checkStore(env, insn.dst, insn.off, size, { value, reg: insn.src, immediate: false });
  noteAccess(env, pointer);
}

/** A load and a store of the same place, of 4 or 8 bytes (check_atomic_rmw). */
function readModifyWrite(env: Env, insn: Insn): void {
  const size = accessSize(insn);
  if (size < 4) env.reject('atomic-size');
  env.read(insn.src);
  const pointer = env.read(insn.dst);
  if (insn.imm === op.ATOMIC_CMPXCHG) env.read(0);
  refuseKind(env, insn.dst, pointer, 'ctx-atomic');
  const fetches = (insn.imm & op.ATOMIC_FETCH) !== 0;
  const target = insn.imm === op.ATOMIC_CMPXCHG ? 0 : insn.src;
  if (fetches) env.checkWritable(target);
  checkAligned(env, pointer, insn.off, size);
  const old = checkLoad(env, insn.dst, insn.off, size);
  // Linux checks the store after the register was filled: the address must not be what is filled.
  if (fetches && target === insn.dst) env.reject('mem-access-kind', { reg: insn.dst, type: 'scalar' });
  checkStore(env, insn.dst, insn.off, size, unknownStore);
  noteAccess(env, pointer);
  if (fetches) env.write(target, old);
}
