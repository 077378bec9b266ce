/**
 * Arrays of references: PROG_ARRAY, PERF_EVENT_ARRAY and ARRAY_OF_MAPS hold no values that a program could read, only
 * what user space put there.
 *
 *     slots (private): u32 slot[max_entries]   0 is empty; what else it means is the map type's
 */

import type { MapSpec } from '../../object/spec.js';
import { errno } from '../../platform/index.js';
import { type GuestAddress, nowhere } from '../guest-address.js';
import { BpfMap } from '../map.js';
import type { GuestMemory } from '../memory.js';
import { nextIndex, u32 } from './index-key.js';
import { BPF_ANY } from './update-flags.js';

/** A slot is empty or holds a number; what the number means is the subclass's. */
export abstract class SlotMap extends BpfMap {
  protected readonly slots: GuestAddress;

  constructor(spec: MapSpec, index: number, memory: GuestMemory) {
    super(spec, index, memory);
    const region = memory.allocate('map', `slots of map ${spec.name}`, 4 * spec.maxEntries);
    region.hi = region.lo;
    this.slots = region.start;
  }

  // Linux's verifier lets no program call these.

  lookup(_key: number, _cpu: number): GuestAddress {
    return nowhere;
  }

  update(): number {
    return -errno.EINVAL;
  }

  delete(): number {
    return -errno.EINVAL;
  }

  /** Content of a slot; 0 past the last one. `index` is unsigned 32-bit. */
  protected slot(index: number): number {
    return index < this.spec.maxEntries ? this.memory.load32(this.slots + 4 * index) : 0;
  }

  protected setSlot(index: number, content: number): void {
    this.memory.store32(this.slots + 4 * index, content);
  }

  /** What a slot gets for a value from the syscall side (not 0), or a negated error number. */
  protected abstract resolve(value: number): number;

  /** What the syscall side sees of a slot that is not empty, or a negated error number. */
  protected abstract show(content: number): Uint8Array | number;

  protected sysLookup(key: Uint8Array): Uint8Array | number {
    const content = this.slot(u32(key));
    return content === 0 ? -errno.ENOENT : this.show(content);
  }

  /** bpf_fd_array_map_update_elem. */
  protected sysUpdate(key: Uint8Array, value: Uint8Array, flags: bigint): number {
    const index = u32(key);
    if (flags !== BPF_ANY) return -errno.EINVAL;
    if (index >= this.spec.maxEntries) return -errno.E2BIG;
    const content = this.resolve(u32(value));
    if (content < 0) return content;
    this.setSlot(index, content);
    return 0;
  }

  /** fd_array_map_delete_elem. */
  protected sysDelete(key: Uint8Array): number {
    const index = u32(key);
    if (index >= this.spec.maxEntries) return -errno.E2BIG;
    if (this.slot(index) === 0) return -errno.ENOENT;
    this.setSlot(index, 0);
    return 0;
  }

  protected sysNextKey(key: Uint8Array | undefined): Uint8Array | number {
    return nextIndex(key, this.spec.maxEntries);
  }
}
