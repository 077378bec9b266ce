/** Null checks: what a pointer that may be null becomes once it was compared (mark_ptr_or_null_regs in the kernel). */
import type { Env } from './env.js';
import { constReg, pointerReg, type RegState } from './reg-state.js';
import type { VerifierState } from './verifier-state.js';

/** Turns register `index`, and everything from the same look-up, into a pointer (`nonNull`) or into zero. */
export function liftNull(env: Env, state: VerifierState, index: number, nonNull: boolean): void {
  const checked = state.top.reg(index);
  const { id, refId } = checked;
  // Nothing was acquired where the helper returned null.
  if (!nonNull && refId !== 0 && refId === id) state.refs = state.refs.filter((ref) => ref.id !== id);
  state.mapRegs((reg) => (reg.nullable && reg.id === id ? lifted(env, reg, nonNull) : reg));
}

/** A nullable pointer that turned out to be one, or to be null: then it is the number 0 (mark_ptr_or_null_reg). */
function lifted(env: Env, reg: RegState, nonNull: boolean): RegState {
  if (!reg.range.isConst || reg.range.value !== 0n || reg.off !== 0) {
    // Arithmetic on nullable pointers is refused, so this is a pointer that came with an offset: leave it alone.
    return reg;
  }
  if (!nonNull) return constReg(0n);
  const { map } = reg;
  if (reg.kind === 'map_value' && map !== undefined) {
    if (map.inner !== undefined || map.type === 'array_of_maps' || map.type === 'hash_of_maps') {
      const inner = pointerReg('map_ptr');
      inner.map = map.inner;
      inner.mapUid = reg.id;
      return inner;
    }
    if (map.type === 'xskmap') return pointerReg('xdp_sock');
    if (map.type === 'sockmap' || map.type === 'sockhash') {
      const sock = pointerReg('sock');
      sock.refId = reg.refId;
      return sock;
    }
  }
  const to = reg.copy();
  to.nullable = false;
  // The id tells values apart that hold a lock; otherwise it is of no more use.
  if (!(map !== undefined && hasLock(env, reg))) to.id = 0;
  return to;
}

function hasLock(env: Env, reg: RegState): boolean {
  return reg.map !== undefined && env.types.specialField(reg.map, 'bpf_spin_lock') !== undefined;
}
