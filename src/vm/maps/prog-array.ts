/**
 * PROG_ARRAY: targets of bpf_tail_call. A slot, and a value on the syscall side, is a program's index in the object
 * plus 1.
 */
import type { MapSpec } from '../../object/spec.js';
import { errno } from '../../platform/index.js';
import type { MapLayout } from '../map-layout.js';
import type { GuestMemory } from '../memory.js';
import type { MapContext } from './context.js';
import { u32Bytes } from './index-key.js';
import { SlotMap } from './slots.js';

/** Programs cannot read it; only tail calls look into it. */
export class ProgArrayMap extends SlotMap {
  private readonly context: MapContext;

  constructor(spec: MapSpec, index: number, memory: GuestMemory, context: MapContext) {
    super(spec, index, memory);
    this.context = context;
  }

  /** Index of the program in slot `index` plus 1, or 0: empty, or no such slot. `index` is unsigned 32-bit. */
  programAt(index: number): number {
    return this.slot(index);
  }

  override layout(): MapLayout {
    return { kind: 'programs', slots: this.slots };
  }

  protected resolve(value: number): number {
    const { programs } = this.context;
    if (value === 0 || (programs !== undefined && value > programs.length)) return -errno.EBADF;
    return value;
  }

  protected show(content: number): Uint8Array {
    return u32Bytes(content);
  }
}
