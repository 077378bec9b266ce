/** bpf_spin_lock and bpf_timer inside map values: found by the map's BTF, used only through their helpers. */
import type { Env } from './env.js';
import type { RegState } from './reg-state.js';

/** Refuses anything but a pointer to the one `struct field` of its map's value. */
export function checkSpecialField(env: Env, regno: number, reg: RegState, field: string): void {
  if (!reg.range.isConst) env.reject('lock-not-const', { reg: regno, field });
  const map = reg.map;
  if (map === undefined || map.btfValueId === 0) env.reject('lock-no-btf', { map: map?.name ?? '', field });
  const at = env.types.specialField(map, field);
  if (at === undefined) env.reject('lock-missing', { map: map.name, field });
  const off = reg.off + Number(reg.range.smin);
  if (off !== at) env.reject('lock-offset', { off, field, at });
}

/**
 * bpf_spin_lock and bpf_spin_unlock (process_spin_lock): one lock at a time, named by the map value that it lies in,
 * so that the unlock must be of the same look-up.
 */
export function takeLock(env: Env, regno: number, reg: RegState, lock: boolean): void {
  checkSpecialField(env, regno, reg, 'bpf_spin_lock');
  const { state } = env;
  if (lock) {
    state.lock = { id: reg.id, map: reg.map };
    return;
  }
  if (state.lock === undefined) env.reject('unlock-without-lock');
  if (state.lock.id !== reg.id || state.lock.map !== reg.map) env.reject('unlock-other');
  state.lock = undefined;
}
