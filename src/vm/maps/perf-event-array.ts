import { errno } from '../../platform/index.js';
import { BpfMap } from '../map.js';

export class PerfEventArrayMap extends BpfMap {
  /**
   * The slot that bpf_perf_event_output writes to, or a negated error number: E2BIG no such slot, ENOENT nobody listens there, EOPNOTSUPP
   * the listener is on another CPU. `index` is the low half of the flags; BPF_F_CURRENT_CPU (0xffffffff) is `cpu`.
   */
  slotFor(_index: number, _cpu: number): number {
    return 0;
  }
  lookup(): number { return 0; }
  update(): number { return -errno.EOPNOTSUPP; }
  delete(): number { return -errno.EOPNOTSUPP; }
  protected sysLookup(): number { return -errno.ENOTSUPP; }
  protected sysUpdate(): number { return -errno.EINVAL; }
  protected sysDelete(): number { return -errno.ENOENT; }
  protected sysNextKey(): number { return -errno.ENOENT; }
}
