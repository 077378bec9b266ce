/** `struct xdp_md` as an XDP program may read it (xdp_is_valid_access in net/core/filter.c). */
import { xdpMd } from '../platform/index.js';
import type { Env } from './env.js';
import type { AccessMode } from './memory-access.js';
import { pointerReg, type RegState, scalarReg, unknownReg } from './reg-state.js';
import { loadedScalar } from './scalar.js';

/** What a load of `size` bytes at `off` yields. */
export function ctxField(env: Env, off: number, size: number, mode: AccessMode): RegState {
  const whole = size === 4 && off >= 0 && off < xdpMd.size && off % 4 === 0;
  if (mode === 'write' && env.isForDevice && off === xdpMd.rxQueueIndex && whole) return unknownReg();
  if (mode === 'write' || !whole) env.reject('ctx-access', { off, size });
  switch (off) {
    case xdpMd.data:
      return pointerReg('pkt');
    case xdpMd.dataEnd:
      return pointerReg('pkt_end');
    case xdpMd.dataMeta:
      return pointerReg('pkt_meta');
    case xdpMd.egressIfindex:
      // Only a program that runs on a device map's entry has an egress device.
      if (env.program.attach !== 'xdp_devmap') env.reject('ctx-access', { off, size });
      return scalarReg(loadedScalar(4));
    default:
      return scalarReg(loadedScalar(4));
  }
}
