/**
 * PERF_EVENT_ARRAY: to whom bpf_perf_event_output writes. A slot holds the CPU of the perf event in it plus 1. As perf
 * buffers are usually set up, the first `cpus` slots start with a listener each, slot i on CPU i. The syscall side
 * takes a listener away (delete) or puts one there (update; the value is its CPU, where Linux wants a file
 * descriptor).
 */
import type { MapSpec } from '../../object/spec.js';
import { errno } from '../../platform/index.js';
import type { GuestMemory } from '../memory.js';
import type { MapContext } from './context.js';
import { SlotMap } from './slots.js';

/** BPF_F_CURRENT_CPU, which is also the mask of the index in the flags. */
const currentCpu = 0xffff_ffff;

/** Outputs to a CPU without listener fail with -ENOENT. */
export class PerfEventArrayMap extends SlotMap {
  private readonly cpus: number;

  constructor(spec: MapSpec, index: number, memory: GuestMemory, context: MapContext) {
    super(spec, index, memory);
    this.cpus = context.cpus;
    const listeners = Math.min(context.cpus, spec.maxEntries);
    for (let cpu = 0; cpu < listeners; cpu++) this.setSlot(cpu, cpu + 1);
  }

  /**
   * The slot that bpf_perf_event_output writes to, or a negated error number: E2BIG no such slot, ENOENT nobody
   * listens there, EOPNOTSUPP the listener is on another CPU. `index` is the low half of the flags; BPF_F_CURRENT_CPU
   * (0xffffffff) is `cpu`.
   */
  slotFor(index: number, cpu: number): number {
    const at = index === currentCpu ? cpu : index;
    if (at >= this.spec.maxEntries) return -errno.E2BIG;
    const listener = this.slot(at);
    if (listener === 0) return -errno.ENOENT;
    return listener === cpu + 1 ? at : -errno.EOPNOTSUPP;
  }

  protected resolve(value: number): number {
    return value < this.cpus ? value + 1 : -errno.EBADF;
  }

  /** The syscall side cannot read one: bpf_fd_array_map_lookup_elem. */
  protected show(): number {
    return -errno.ENOTSUPP;
  }

  protected override sysLookup(): number {
    return -errno.ENOTSUPP;
  }
}
