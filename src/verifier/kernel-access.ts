/** Loads and stores through typed pointers of the kernel (check_ptr_to_btf_access in the kernel). */
import { UnsupportedError } from '../base/index.js';
import { accessStruct, type KernelStruct, nfConn, nfConnAt, nfConnInit } from '../platform/index.js';
import type { Env } from './env.js';
import { placeOf } from './log.js';
import type { AccessMode } from './memory-access.js';
import { pointerReg, type RegState, unknownReg } from './reg-state.js';
import { tnumText } from './reg-text.js';

/**
 * Checks an access of `size` bytes at `off` from what `pointer` points to, its own constant offset included, and tells
 * what a load yields: a number, or a pointer that no one vouches for. Only GPL programs come by such a pointer, so the
 * license is not asked for. `struct` undefined: an object whose layout is one kernel build's, so that nothing of it
 * can be read. Throws UnsupportedError for a pointer that jitnic does not follow.
 */
export function checkKernelAccess(
  env: Env,
  regno: number,
  pointer: RegState,
  struct: KernelStruct | undefined,
  off: number,
  size: number,
  mode: AccessMode,
): RegState {
  const type = struct?.name ?? '';
  if (off < 0) env.reject('kernel-negative', { reg: regno, type, off });
  if (!pointer.range.isConst || pointer.range.value !== 0n)
    env.reject('kernel-variable', { reg: regno, type, off, tnum: tnumText(pointer.range) });
  if (mode === 'write' && type !== nfConn.name && type !== nfConnInit.name) env.reject('kernel-write');
  if (struct === undefined) env.reject('kernel-object', { off });
  if (mode === 'read') return checkRead(env, struct, off, size);
  checkConnWrite(env, off, size);
  return unknownReg();
}

/** A pointer to what need not be there: loads through it are probes. */
export function castReg(target: KernelStruct | 'memory'): RegState {
  const reg = pointerReg(target === 'memory' ? 'mem' : 'ptr');
  reg.untrusted = true;
  if (target === 'memory') reg.readonly = true;
  else reg.struct = target;
  return reg;
}

function checkRead(env: Env, struct: KernelStruct, off: number, size: number): RegState {
  const found = accessStruct(struct, off, size);
  if (found.kind === 'refused') env.reject('kernel-access', { what: found.what });
  if (found.kind === 'number') return unknownReg();
  if (found.target !== undefined) return castReg(found.target);
  throw new UnsupportedError(
    `\`${struct.name}.${found.member}\` is a pointer of the kernel's, which jitnic does not follow`,
    placeOf(env.program, env.pc),
    'jitnic cannot say whether Linux would load a program that reads it: ask a running kernel',
  );
}

/**
 * The only structures that XDP programs write to are connections, and there `mark` (nf_conntrack_btf_struct_access).
 */
function checkConnWrite(env: Env, off: number, size: number): void {
  const end = nfConnAt.mark + 4;
  if (off !== nfConnAt.mark) env.reject('conn-write', { off });
  if (off + size > end) env.reject('conn-write-end', { off, size, end });
}
