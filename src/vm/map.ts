/**
 * What every map type offers. There are two sides, as in Linux: the *program* side works on guest addresses, on the CPU that runs
 * the program, and is on the packet's path; the *syscall* side works on byte arrays, sees all CPUs and is what bpf(2)
 * offers to user space. Results are 0 or a negated error number, as Linux gives them.
 *
 * All state of a map that can change (elements, free lists, LRU order, producer positions) lives in guest memory and changes only
 * through GuestMemory's store methods: so the journal undoes a map operation without knowing the map.
 */
import type { MapSpec } from '../object/spec.js';
import { errno } from '../platform/index.js';
import type { GuestMemory } from './memory.js';

/** One element as the syscall side sees it. Per-CPU values: one value of `valueSize` rounded up to 8 bytes for each CPU. */
export interface MapEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

export abstract class BpfMap {
  readonly spec: MapSpec;
  /** Position in `Machine.maps`. */
  readonly index: number;
  /** Guest address that a program holds as its pointer to the map; a page of its own, not accessible to loads or stores. */
  readonly handle: number;
  protected readonly memory: GuestMemory;
  /** Counts changes from the syscall side. */
  version = 0;

  constructor(spec: MapSpec, index: number, memory: GuestMemory) {
    this.spec = spec;
    this.index = index;
    this.memory = memory;
    const region = memory.allocate('map', `map ${spec.name}`, 8);
    region.hi = region.lo;
    this.handle = region.start;
  }

  // Program side. `key` and `value` are guest addresses of `keySize` and `valueSize` readable bytes (the caller checked).

  /** Guest address of the value (on `cpu` for per-CPU maps), or 0. May change state (LRU reference bits). */
  abstract lookup(key: number, cpu: number): number;

  /** `flags`: BPF_ANY 0, BPF_NOEXIST 1, BPF_EXIST 2, BPF_F_LOCK 4, unsigned 64-bit. */
  abstract update(key: number, value: number, flags: bigint, cpu: number): number;

  abstract delete(key: number, cpu: number): number;

  /** bpf_map_lookup_percpu_elem: value address on another CPU, or 0. */
  lookupPercpu(_key: number, _cpu: number): number {
    return 0;
  }

  push(_value: number, _flags: bigint): number {
    return -errno.EOPNOTSUPP;
  }

  pop(_value: number): number {
    return -errno.EOPNOTSUPP;
  }

  peek(_value: number): number {
    return -errno.EOPNOTSUPP;
  }

  /** Guest addresses of keys and values in iteration order, for bpf_for_each_map_elem. */
  *elements(_cpu: number): IterableIterator<{ readonly key: number; readonly value: number }> {}

  /** Guest address of the value that PSEUDO_MAP_VALUE refers to, or 0 where the type has no direct values. */
  directValue(): number {
    return 0;
  }

  // Syscall side.

  abstract lookupElem(key: Uint8Array): Uint8Array | undefined;

  /** Bumps {@link version} when it succeeds. */
  abstract updateElem(key: Uint8Array, value: Uint8Array, flags: bigint): number;

  abstract deleteElem(key: Uint8Array): number;

  /** All elements; order is that of Linux where Linux defines one (arrays by index), else unspecified but deterministic. */
  abstract entries(): IterableIterator<MapEntry>;
}
