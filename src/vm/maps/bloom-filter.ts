/**
 * BLOOM_FILTER (kernel/bpf/bloom_filter.c): push sets bits, peek tests them; nothing comes out again.
 *
 *     bits (private): bit b of the filter is bit b % 8 of byte b / 8
 *
 * There is a power of two of bits, about max_entries * functions / ln 2. Function i is the hash of the value with seed
 * i (Linux adds a random seed unless the map has BPF_F_ZERO_SEED: which values are found without having been pushed
 * agrees with Linux only then).
 */

import type { MapSpec } from '../../object/spec.js';
import { errno } from '../../platform/index.js';
import { type GuestAddress, nowhere } from '../guest-address.js';
import { BpfMap, type MapEntry } from '../map.js';
import type { GuestMemory } from '../memory.js';
import { hashBytes } from './hash-function.js';
import { roundUpPowerOfTwo } from './hash-table.js';
import { BPF_ANY } from './update-flags.js';

const defaultFunctions = 5;
const maxBits = 2 ** 32;

/**
 * Bits of a filter. The steps are Linux's, with its integer division; a count that leaves 32 bits means the largest
 * filter.
 */
function bitsFor(maxEntries: number, functions: number): number {
  const product = maxEntries * functions;
  const bits = Math.floor(product / 5) * 7;
  if (product >= maxBits || bits >= maxBits || bits > 2 ** 31) return maxBits;
  return Math.max(roundUpPowerOfTwo(bits), 64);
}

/** Never says no to what was pushed; says yes to others by chance. */
export class BloomFilterMap extends BpfMap {
  private readonly bits: number;
  private readonly functions: number;
  private readonly mask: number;
  /** Guest address of `valueSize` private bytes: a value from the syscall side. */
  private readonly stagedValue: number;

  constructor(spec: MapSpec, index: number, memory: GuestMemory) {
    super(spec, index, memory);
    this.functions = Number(spec.extra & 0xfn) || defaultFunctions;
    const count = bitsFor(spec.maxEntries, this.functions);
    this.mask = count - 1;
    const region = memory.allocate('map', `bits of map ${spec.name}`, count / 8 + spec.valueSize);
    region.hi = region.lo;
    this.bits = region.start;
    this.stagedValue = region.start + count / 8;
  }

  // Linux's verifier lets no program call these.

  lookup(): GuestAddress {
    return nowhere;
  }

  update(): number {
    return -errno.EINVAL;
  }

  delete(): number {
    return -errno.EOPNOTSUPP;
  }

  override push(value: number, flags: bigint): number {
    if (flags !== BPF_ANY) return -errno.EINVAL;
    for (let i = 0; i < this.functions; i++) {
      const bit = this.bitOf(value, i);
      const at = this.bits + (bit >>> 3);
      const byte = this.memory.load8(at);
      const set = byte | (1 << (bit & 7));
      if (set !== byte) this.memory.store8(at, set);
    }
    return 0;
  }

  override peek(value: number): number {
    for (let i = 0; i < this.functions; i++) {
      const bit = this.bitOf(value, i);
      if ((this.memory.load8(this.bits + (bit >>> 3)) & (1 << (bit & 7))) === 0) return -errno.ENOENT;
    }
    return 0;
  }

  override *entries(): IterableIterator<MapEntry> {}

  /** `key` is the value to look for; it is given back if it may be in the filter. */
  protected sysLookup(key: Uint8Array): Uint8Array | number {
    const found = this.peek(this.stageValue(key));
    return found === 0 ? key.slice() : found;
  }

  protected sysUpdate(_key: Uint8Array, value: Uint8Array, flags: bigint): number {
    return this.push(this.stageValue(value), flags);
  }

  protected sysDelete(): number {
    return -errno.EOPNOTSUPP;
  }

  protected sysNextKey(): number {
    return -errno.EOPNOTSUPP;
  }

  private stageValue(value: Uint8Array): number {
    // Past the journal, as BpfMap.stage.
    this.memory.u8.set(value, this.stagedValue);
    return this.stagedValue;
  }

  private bitOf(value: number, seed: number): number {
    return (hashBytes(this.memory.view, value, this.spec.valueSize, seed) & this.mask) >>> 0;
  }
}
