/**
 * DEVMAP_HASH (kernel/bpf/devmap.c): a DEVMAP with any 32-bit key. The key is its own hash, so it needs nothing of
 * hash-table.ts but its form.
 *
 *     table (private)
 *     0   u32 items, u32 fresh, u32 free, u32 reserved
 *     16  u32 bucket[buckets]     bucket of key k: k & (buckets - 1)
 *     ..  node[max_entries + 1]   u32 next, u32 key; links are numbers plus 1
 *     values: u32 ifindex, u32 program, as in DEVMAP
 *
 * An update puts a new node in and takes the old one out; hence the one more than max_entries.
 */

import type { MapSpec } from '../../object/spec.js';
import { errno, mapFlags } from '../../platform/index.js';
import { type GuestAddress, nowhere } from '../guest-address.js';
import { BpfMap } from '../map.js';
import type { GuestMemory } from '../memory.js';
import type { MapContext } from './context.js';
import { roundUpPowerOfTwo } from './hash-table.js';
import { u32, u32Bytes } from './index-key.js';
import { isDevice, programOf } from './redirect-slots.js';
import { BPF_EXIST, BPF_NOEXIST } from './update-flags.js';
import { ValueArea } from './value-area.js';

const itemsAt = 0;
const freshAt = 4;
const freeAt = 8;
const headerSize = 16;
const nodeSize = 8;

/** Targets of redirects by any number, interface numbers for instance. */
export class DevmapHashMap extends BpfMap {
  private readonly context: MapContext;
  private readonly buckets: number;
  private readonly table: number;
  private readonly nodes: number;
  private readonly values: ValueArea;

  constructor(spec: MapSpec, index: number, memory: GuestMemory, context: MapContext) {
    super(spec, index, memory);
    this.context = context;
    this.buckets = roundUpPowerOfTwo(spec.maxEntries);
    const size = headerSize + 4 * this.buckets + nodeSize * (spec.maxEntries + 1);
    const region = memory.allocate('map', `table of map ${spec.name}`, size);
    region.hi = region.lo;
    this.table = region.start;
    this.nodes = this.table + headerSize + 4 * this.buckets;
    this.values = new ValueArea(memory, { ...spec, flags: spec.flags | mapFlags.rdonlyProg }, spec.maxEntries + 1);
  }

  lookup(key: number): GuestAddress {
    const link = this.memory.load32(this.slotOf(this.memory.load32(key)));
    return link === 0 ? nowhere : this.values.address(link - 1);
  }

  // Linux's verifier lets no program call these.

  update(): number {
    return -errno.EINVAL;
  }

  delete(): number {
    return -errno.EINVAL;
  }

  protected sysLookup(key: Uint8Array): Uint8Array | number {
    const link = this.memory.load32(this.slotOf(u32(key)));
    return link === 0 ? -errno.ENOENT : this.values.read(this.values.address(link - 1));
  }

  protected sysUpdate(key: Uint8Array, value: Uint8Array, flags: bigint): number {
    const { memory, table } = this;
    const number = u32(key);
    const ifindex = u32(value);
    const program = programOf(value);
    if (flags > BPF_EXIST || ifindex === 0) return -errno.EINVAL;
    const old = memory.load32(this.slotOf(number));
    if (old !== 0 && (flags & BPF_NOEXIST) !== 0n) return -errno.EEXIST;
    if (!isDevice(this.context, ifindex, program)) return -errno.EINVAL;
    const items = memory.load32(table + itemsAt);
    if (old === 0 && items >= this.spec.maxEntries) return -errno.E2BIG;
    const link = this.take();
    if (old === 0) memory.store32(table + itemsAt, items + 1);
    else this.remove(number);
    const bucket = this.bucketOf(number);
    memory.store32(this.nodeOf(link), memory.load32(bucket));
    memory.store32(this.nodeOf(link) + 4, number);
    const at = this.values.address(link - 1);
    memory.store32(at, ifindex);
    memory.store32(at + 4, program);
    memory.store32(bucket, link);
    return 0;
  }

  protected sysDelete(key: Uint8Array): number {
    const { memory, table } = this;
    if (!this.remove(u32(key))) return -errno.ENOENT;
    memory.store32(table + itemsAt, memory.load32(table + itemsAt) - 1);
    return 0;
  }

  protected sysNextKey(key: Uint8Array | undefined): Uint8Array | number {
    const { memory } = this;
    let bucket = 0;
    if (key !== undefined) {
      const link = memory.load32(this.slotOf(u32(key)));
      if (link !== 0) {
        const next = memory.load32(this.nodeOf(link));
        if (next !== 0) return this.keyOf(next);
        bucket = ((u32(key) & (this.buckets - 1)) >>> 0) + 1;
      }
    }
    for (; bucket < this.buckets; bucket++) {
      const link = memory.load32(this.table + headerSize + 4 * bucket);
      if (link !== 0) return this.keyOf(link);
    }
    return -errno.ENOENT;
  }

  private keyOf(link: number): Uint8Array {
    return u32Bytes(this.memory.load32(this.nodeOf(link) + 4));
  }

  private nodeOf(link: number): number {
    return this.nodes + (link - 1) * nodeSize;
  }

  private bucketOf(key: number): number {
    return this.table + headerSize + 4 * ((key & (this.buckets - 1)) >>> 0);
  }

  /** Address of the link to the node with this key; what it holds is 0 if there is none. */
  private slotOf(key: number): number {
    const { memory } = this;
    let slot = this.bucketOf(key);
    for (let link = memory.load32(slot); link !== 0; link = memory.load32(slot)) {
      const node = this.nodeOf(link);
      if (memory.load32(node + 4) === key) break;
      slot = node;
    }
    return slot;
  }

  private remove(key: number): boolean {
    const { memory, table } = this;
    const slot = this.slotOf(key);
    const link = memory.load32(slot);
    if (link === 0) return false;
    const node = this.nodeOf(link);
    memory.store32(slot, memory.load32(node));
    memory.store32(node, memory.load32(table + freeAt));
    memory.store32(table + freeAt, link);
    return true;
  }

  /** Link of a free node: there is always one, see above. */
  private take(): number {
    const { memory, table } = this;
    const link = memory.load32(table + freeAt);
    if (link !== 0) {
      memory.store32(table + freeAt, memory.load32(this.nodeOf(link)));
      return link;
    }
    const fresh = memory.load32(table + freshAt) + 1;
    memory.store32(table + freshAt, fresh);
    return fresh;
  }
}
