/**
 * DEVMAP, CPUMAP and XSKMAP: targets of bpf_redirect_map by index (kernel/bpf/devmap.c, cpumap.c, net/xdp/xskmap.c).
 * Programs may read a DEVMAP's values; no program may write any.
 *
 *     values: 8 bytes a slot
 *         DEVMAP   u32 ifindex    u32 program     empty: ifindex 0
 *         CPUMAP   u32 qsize      u32 program     empty: qsize 0
 *         XSKMAP   u32 socket     u32 present     empty: present 0
 *
 * A program is its index in the object plus 1. A socket is whatever number the syscall side gave, where Linux wants a
 * file descriptor.
 */

import type { MapSpec } from '../../object/spec.js';
import { errno, mapFlags } from '../../platform/index.js';
import type { GuestAddress } from '../guest-address.js';
import { BpfMap, type MapEntry } from '../map.js';
import type { MapLayout } from '../map-layout.js';
import type { GuestMemory } from '../memory.js';
import type { MapContext } from './context.js';
import { nextIndex, u32, u32Bytes } from './index-key.js';
import { BPF_EXIST, BPF_NOEXIST, checkExistence } from './update-flags.js';
import { ValueArea } from './value-area.js';

/** Longest queue of a CPUMAP entry. */
const maxQueueSize = 16384;
/** No file descriptor. */
const noSocket = 0xffff_ffff;

/** Is `program` (index plus 1, from the signed field `bpf_prog.fd`) one that may run where frames arrive? */
export function isTargetProgram(context: MapContext, program: number, attach: 'xdp_devmap' | 'xdp_cpumap'): boolean {
  return context.programs === undefined || context.programs[program - 1]?.attach === attach;
}

/** The program of a value of 8 bytes, or 0; Linux takes negative numbers and 0 for none. */
export function programOf(value: Uint8Array): number {
  return value.length < 8 ? 0 : Math.max(u32(value, 4) | 0, 0);
}

abstract class RedirectSlotMap extends BpfMap {
  private readonly values: ValueArea;

  constructor(spec: MapSpec, index: number, memory: GuestMemory) {
    super(spec, index, memory);
    this.values = new ValueArea(memory, { ...spec, flags: spec.flags | mapFlags.rdonlyProg }, spec.maxEntries);
  }

  lookup(key: number): GuestAddress {
    return this.find(this.memory.load32(key)) as GuestAddress;
  }

  // Linux's verifier lets no program call these.

  update(): number {
    return -errno.EINVAL;
  }

  delete(): number {
    return -errno.EINVAL;
  }

  /** Address of a slot that is not empty, or 0. */
  protected find(index: number): number {
    if (index >= this.spec.maxEntries) return 0;
    const at = this.values.address(index);
    return this.isEmpty(at) ? 0 : at;
  }

  override layout(): MapLayout {
    return { kind: 'redirect', base: this.values.base, present: 0 };
  }

  protected isEmpty(at: number): boolean {
    return this.memory.load32(at) === 0;
  }

  protected set(index: number, first: number, second: number): void {
    const at = this.values.address(index);
    this.memory.store32(at, first);
    this.memory.store32(at + 4, second);
  }

  protected sysLookup(key: Uint8Array): Uint8Array | number {
    const at = this.find(u32(key));
    return at === 0 ? -errno.ENOENT : this.values.read(at);
  }

  protected sysDelete(key: Uint8Array): number {
    const index = u32(key);
    if (index >= this.spec.maxEntries) return -errno.EINVAL;
    this.set(index, 0, 0);
    return 0;
  }

  protected sysNextKey(key: Uint8Array | undefined): Uint8Array | number {
    return nextIndex(key, this.spec.maxEntries);
  }
}

/** DEVMAP and CPUMAP: a value may name a program that takes over there. */
abstract class TargetMap extends RedirectSlotMap {
  protected readonly context: MapContext;

  constructor(spec: MapSpec, index: number, memory: GuestMemory, context: MapContext) {
    super(spec, index, memory);
    this.context = context;
  }

  /** Puts a value into a slot, if the target is there. */
  protected abstract place(index: number, value: Uint8Array): number;

  protected sysUpdate(key: Uint8Array, value: Uint8Array, flags: bigint): number {
    const index = u32(key);
    if (flags > BPF_EXIST) return -errno.EINVAL;
    if (index >= this.spec.maxEntries) return -errno.E2BIG;
    return flags === BPF_NOEXIST ? -errno.EEXIST : this.place(index, value);
  }
}

/** Interfaces by index; a value may name a program that runs on the way out. */
export class DevmapMap extends TargetMap {
  protected place(index: number, value: Uint8Array): number {
    const ifindex = u32(value);
    const program = programOf(value);
    if (ifindex === 0 ? program > 0 : !isDevice(this.context, ifindex, program)) return -errno.EINVAL;
    this.set(index, ifindex, program);
    return 0;
  }
}

/** May a DEVMAP hold this pair? */
export function isDevice(context: MapContext, ifindex: number, program: number): boolean {
  if (context.interfaceExists?.(ifindex) === false) return false;
  return program === 0 || isTargetProgram(context, program, 'xdp_devmap');
}

/** CPUs by index; a value is a queue's length, and may name a program that runs there. */
export class CpumapMap extends TargetMap {
  protected place(index: number, value: Uint8Array): number {
    const queueSize = u32(value);
    if (queueSize > maxQueueSize) return -errno.EOVERFLOW;
    if (index >= this.context.cpus) return -errno.ENODEV;
    const program = queueSize === 0 ? 0 : programOf(value);
    // Linux gives all that can go wrong with an entry the same number.
    if (program > 0 && !isTargetProgram(this.context, program, 'xdp_cpumap')) return -errno.ENOMEM;
    this.set(index, queueSize, program);
    return 0;
  }
}

/** AF_XDP sockets by queue. */
export class XskmapMap extends RedirectSlotMap {
  override *entries(): IterableIterator<MapEntry> {
    for (let index = 0; index < this.spec.maxEntries; index++) {
      const at = this.find(index);
      if (at !== 0) yield { key: u32Bytes(index), value: u32Bytes(this.memory.load32(at)) };
    }
  }

  override layout(): MapLayout {
    return { ...super.layout(), present: 4 } as MapLayout;
  }

  protected override isEmpty(at: number): boolean {
    return this.memory.load32(at + 4) === 0;
  }

  protected override sysLookup(): number {
    return -errno.EOPNOTSUPP;
  }

  protected sysUpdate(key: Uint8Array, value: Uint8Array, flags: bigint): number {
    const index = u32(key);
    const socket = u32(value);
    if (flags > BPF_EXIST) return -errno.EINVAL;
    if (index >= this.spec.maxEntries) return -errno.E2BIG;
    if (socket === noSocket) return -errno.EBADF;
    const old = this.find(index);
    if (old !== 0 && this.memory.load32(old) === socket) return 0;
    const refusal = checkExistence(old !== 0, flags);
    if (refusal === 0) this.set(index, socket, 1);
    return refusal;
  }
}
