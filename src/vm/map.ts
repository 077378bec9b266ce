/**
 * What every map type offers. There are two sides, as in Linux: the *program* side works on guest addresses, on the
 * CPU that runs the program, and is on the packet's path; the *syscall* side works on byte arrays, sees all CPUs and
 * is what bpf(2) offers to user space. Results are 0 or a negated error number, as Linux gives them.
 *
 * All state of a map that can change (elements, free lists, LRU order, producer positions) lives in guest memory and
 * changes only through GuestMemory's store methods: so the journal undoes a map operation without knowing the map.
 *
 * What bpf(2) checks before it asks a map (kernel/bpf/syscall.c: flags, access mode, freezing, BPF_F_LOCK) is done
 * here, once; what the map itself does is the `sys*` method of its class.
 */
import { InternalError } from '../base/index.js';
import type { MapSpec } from '../object/spec.js';
import { errno, mapFlags } from '../platform/index.js';
import { type GuestAddress, nowhere } from './guest-address.js';
import type { MapLayout } from './map-layout.js';
import type { GuestMemory } from './memory.js';

/** BPF_F_LOCK of an update or look-up. */
export const lockFlag = 4n;

/**
 * One element as the syscall side sees it. Per-CPU values: one value of `valueSize` rounded up to 8 bytes for each
 * CPU.
 */
export interface MapEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** Guest addresses of an element, for bpf_for_each_map_elem. */
export interface MapElement {
  readonly key: GuestAddress;
  readonly value: GuestAddress;
}

/**
 * A map. Everything that can change lies in guest memory, so the journal can undo it, machines that share memory share
 * it, and compiled code can work on it. Methods of
 * the program side take guest addresses and never throw for what a program does; those of the syscall side take bytes
 * and answer as the system call would.
 */
export abstract class BpfMap {
  readonly spec: MapSpec;
  /** Position in `Machine.maps`. */
  readonly index: number;
  /**
   * Guest address that a program holds as its pointer to the map; a page of its own, not accessible to loads or
   * stores. The map's index is there.
   */
  readonly handle: GuestAddress;
  /** Counts changes from the syscall side. */
  version = 0;
  protected readonly memory: GuestMemory;
  /** Guest address of `keySize` private bytes: where the syscall side puts a key. */
  protected readonly stagedKey: number;
  /** True if a value holds a bpf_spin_lock. */
  protected hasLock = false;
  private frozen = false;

  constructor(spec: MapSpec, index: number, memory: GuestMemory) {
    this.spec = spec;
    this.index = index;
    this.memory = memory;
    const region = memory.allocate('map', `map ${spec.name}`, 8 + spec.keySize);
    region.hi = region.lo;
    memory.store32(region.start, index);
    this.handle = region.start;
    this.stagedKey = region.start + 8;
  }

  /** What the syscall side stores and names this map by in a map of maps: an id, never 0. */
  get id(): number {
    return this.index + 1;
  }

  // Program side. `key` and `value` are guest addresses of `keySize` and `valueSize` readable bytes (the caller
  // checked).

  /** Guest address of the value (on `cpu` for per-CPU maps), or 0. May change state (LRU reference bits). */
  abstract lookup(key: number, cpu: number): GuestAddress;

  /** `flags`: BPF_ANY 0, BPF_NOEXIST 1, BPF_EXIST 2, BPF_F_LOCK 4, unsigned 64-bit. */
  abstract update(key: number, value: number, flags: bigint, cpu: number): number;

  abstract delete(key: number, cpu: number): number;

  /** bpf_map_lookup_percpu_elem: value address on another CPU, or 0. */
  lookupPercpu(_key: number, _cpu: number): GuestAddress {
    return nowhere;
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

  /**
   * Leaves no room for another element, as if there were others that nobody sees; what is deleted leaves room again.
   * False: not done, since what is in the map would have to be there.
   */
  takeRoom(): boolean {
    return false;
  }

  /** Guest addresses of keys and values in iteration order, for bpf_for_each_map_elem. */
  *elements(_cpu: number): IterableIterator<MapElement> {}

  /** Guest address of the value that PSEUDO_MAP_VALUE refers to, or 0 where the type has no direct values. */
  directValue(): GuestAddress {
    return nowhere;
  }

  /** Where compiled code finds the elements; undefined: it has to ask the map. */
  layout(): MapLayout | undefined {
    return undefined;
  }

  /** The machine has put old bytes back: windows of regions must follow them. */
  rolledBack(): void {}

  // Syscall side. `cpu` is the CPU that makes the call: it matters for the order of eviction only.

  /**
   * BPF_MAP_LOOKUP_ELEM: a copy of the value, or a negated error number. Queue and stack: `key` is empty, the element
   * is peeked at. Bloom
   * filter: `key` is the value to look for.
   */
  lookupElem(key: Uint8Array, flags = 0n): Uint8Array | number {
    if ((flags & ~lockFlag) !== 0n) return -errno.EINVAL;
    if ((this.spec.flags & mapFlags.wronly) !== 0) return -errno.EPERM;
    if ((flags & lockFlag) !== 0n && !this.hasLock) return -errno.EINVAL;
    return this.sysLookup(key);
  }

  /**
   * BPF_MAP_UPDATE_ELEM. Bumps {@link version} when it succeeds. Queue, stack and bloom filter: a push; `key` is
   * empty.
   */
  updateElem(key: Uint8Array, value: Uint8Array, flags = 0n, cpu = 0): number {
    if (!this.mayWrite) return -errno.EPERM;
    if ((flags & lockFlag) !== 0n && !this.hasLock) return -errno.EINVAL;
    return this.changed(this.sysUpdate(key, value, flags, cpu));
  }

  /** BPF_MAP_DELETE_ELEM. Bumps {@link version} when it succeeds. */
  deleteElem(key: Uint8Array, cpu = 0): number {
    if (!this.mayWrite) return -errno.EPERM;
    return this.changed(this.sysDelete(key, cpu));
  }

  /** BPF_MAP_LOOKUP_AND_DELETE_ELEM: the value, or a negated error number. Queue and stack: pop. */
  lookupAndDeleteElem(key: Uint8Array, cpu = 0): Uint8Array | number {
    if ((this.spec.flags & mapFlags.wronly) !== 0 || !this.mayWrite) return -errno.EPERM;
    const value = this.sysTake(key, cpu);
    if (typeof value !== 'number') this.version++;
    return value;
  }

  /**
   * BPF_MAP_GET_NEXT_KEY: the key after `key` (the first one without it), or a negated error number: ENOENT at the
   * end.
   */
  nextKey(key: Uint8Array | undefined): Uint8Array | number {
    if ((this.spec.flags & mapFlags.wronly) !== 0) return -errno.EPERM;
    return this.sysNextKey(key);
  }

  /** BPF_MAP_FREEZE: from now on the syscall side may not change the map (libbpf does it to `.rodata`). */
  freeze(): void {
    this.frozen = true;
  }

  /**
   * All elements, whatever the access mode says; order is that of Linux where Linux defines one (arrays by index,
   * tries in postorder), else bucket by bucket as Linux does with BPF_F_ZERO_SEED. Empty slots of arrays of references
   * are left out.
   */
  *entries(): IterableIterator<MapEntry> {
    for (let key = this.sysNextKey(undefined); typeof key !== 'number'; key = this.sysNextKey(key)) {
      const value = this.sysLookup(key);
      if (typeof value !== 'number') yield { key, value };
    }
  }

  /**
   * {@link entries}, of large arrays without the elements that are zero: they are what they were made as. What is left
   * out this way reads back the same.
   */
  writtenEntries(_most?: number): IterableIterator<MapEntry> {
    return this.entries();
  }

  protected abstract sysLookup(key: Uint8Array): Uint8Array | number;

  protected abstract sysUpdate(key: Uint8Array, value: Uint8Array, flags: bigint, cpu: number): number;

  protected abstract sysDelete(key: Uint8Array, cpu: number): number;

  protected abstract sysNextKey(key: Uint8Array | undefined): Uint8Array | number;

  protected sysTake(_key: Uint8Array, _cpu: number): Uint8Array | number {
    return -errno.ENOTSUPP;
  }

  /** Copies a key to where program-side code can read it. */
  protected stage(key: Uint8Array): number {
    if (key.length !== this.spec.keySize) {
      throw new InternalError(
        'maps',
        `key of ${key.length} bytes for map ${this.spec.name}: ${this.spec.keySize} wanted`,
      );
    }
    // Past the journal: no one reads it but the call that follows.
    this.memory.u8.set(key, this.stagedKey);
    return this.stagedKey;
  }

  /** Neither programs nor the syscall side can change it any more: `.rodata` and its like. */
  get isConstant(): boolean {
    return this.frozen && (this.spec.flags & mapFlags.rdonlyProg) !== 0;
  }

  private get mayWrite(): boolean {
    return !this.frozen && (this.spec.flags & mapFlags.rdonly) === 0;
  }

  private changed(result: number): number {
    if (result === 0) this.version++;
    return result;
  }
}
