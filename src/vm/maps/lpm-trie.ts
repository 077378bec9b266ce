/**
 * LPM_TRIE (kernel/bpf/lpm_trie.c as of Linux 6.18): longest prefix match over a binary trie with path compression.
 *
 *     trie (private)
 *     0   u32 root, u32 entries, u32 fresh, u32 free
 *     16  node[2 * max_entries + 1], 16 bytes and the data, rounded up to a power of two
 *             0   u32 child[2]      (of a free node: child[0] is the next free one)
 *             8   u32 prefix length
 *             12  u32 flags         bit 0: intermediate, it has no value
 *             16  u32 data[]        key without its prefix length, as words whose most significant bit comes first
 *     top (private): {u32 link, u32 found}[256]
 *             by the first byte of a key: where the walk stands after the nodes of less than 8 bits, and the
 *             best match among those
 *     values: node n at base + n * stride
 *
 * A link is a node's number plus 1; 0 is none. Every intermediate node has two children, so there are fewer of them
 * than entries; an update puts in a new node before the old one goes, hence one more.
 */

import type { MapSpec } from '../../object/spec.js';
import { errno } from '../../platform/index.js';
import { type GuestAddress, nowhere } from '../guest-address.js';
import { BpfMap } from '../map.js';
import type { MapLayout } from '../map-layout.js';
import type { GuestMemory } from '../memory.js';
import type { MapContext } from './context.js';
import { roundUpPowerOfTwo } from './hash-table.js';
import { BPF_EXIST, BPF_NOEXIST } from './update-flags.js';
import { ValueArea, type ValueSource } from './value-area.js';

const rootAt = 0;
const entriesAt = 4;
const freshAt = 8;
const freeAt = 12;
const headerSize = 16;

const childAt = 0;
const prefixAt = 8;
const flagsAt = 12;
const dataAt = 16;

const intermediate = 1;

/** Keys are a prefix's length in bits (u32) and its bytes, the first bit on top. */
export class LpmTrieMap extends BpfMap {
  private readonly dataSize: number;
  private readonly maxPrefix: number;
  private readonly trie: GuestAddress;
  private readonly stride: number;
  private readonly top: GuestAddress;
  private readonly values: ValueArea;

  constructor(spec: MapSpec, index: number, memory: GuestMemory, context: MapContext) {
    super(spec, index, memory);
    this.dataSize = spec.keySize - 4;
    this.maxPrefix = this.dataSize * 8;
    this.stride = roundUpPowerOfTwo(dataAt + this.dataSize);
    const nodes = 2 * spec.maxEntries + 1;
    const region = memory.allocate('map', `trie of map ${spec.name}`, headerSize + nodes * this.stride);
    region.hi = region.lo;
    this.trie = region.start;
    const top = memory.allocate('map', `first byte of map ${spec.name}`, 256 * 8);
    top.hi = top.lo;
    this.top = top.start;
    this.values = new ValueArea(memory, spec, nodes, context.facts);
  }

  lookup(key: number): GuestAddress {
    const link = this.match(key);
    return link === 0 ? nowhere : this.values.address(link - 1);
  }

  override layout(): MapLayout {
    return {
      kind: 'trie',
      root: (this.trie + rootAt) as GuestAddress,
      top: this.top,
      nodes: (this.trie + headerSize) as GuestAddress,
      nodeStride: this.stride,
      base: this.values.base,
      stride: this.values.stride,
    };
  }

  update(key: number, value: number, flags: bigint): number {
    return this.put(key, value, flags);
  }

  delete(key: number): number {
    const { memory } = this;
    const prefix = memory.load32(key);
    if (prefix > this.maxPrefix) return -errno.EINVAL;
    let slot = this.trie + rootAt;
    let parentSlot = slot;
    let parent = 0;
    let link = memory.load32(slot);
    let matched = 0;
    while (link !== 0) {
      const node = this.node(link);
      const length = memory.load32(node + prefixAt);
      matched = this.commonPrefix(node, key, prefix);
      if (length !== matched || length === prefix) break;
      parent = link;
      parentSlot = slot;
      slot = node + childAt + 4 * this.bit(key + 4, length);
      link = memory.load32(slot);
    }
    if (link === 0) return -errno.ENOENT;
    const node = this.node(link);
    const length = memory.load32(node + prefixAt);
    if (length !== prefix || length !== matched || this.isIntermediate(node)) return -errno.ENOENT;
    this.countEntries(-1);
    const left = memory.load32(node + childAt);
    const right = memory.load32(node + childAt + 4);
    if (left !== 0 && right !== 0) {
      memory.store32(node + flagsAt, intermediate);
      this.refresh(key, prefix);
      return 0;
    }
    if (parent !== 0 && left === 0 && right === 0 && this.isIntermediate(this.node(parent))) {
      // An intermediate node with one child is none: the other child takes its place.
      const above = this.node(parent);
      const first = memory.load32(above + childAt);
      memory.store32(parentSlot, first === link ? memory.load32(above + childAt + 4) : first);
      this.refresh(key, memory.load32(above + prefixAt));
      this.release(parent);
    } else {
      memory.store32(slot, left !== 0 ? left : right);
      this.refresh(key, prefix);
    }
    this.release(link);
    return 0;
  }

  protected sysLookup(key: Uint8Array): Uint8Array | number {
    const link = this.match(this.stage(key));
    return link === 0 ? -errno.ENOENT : this.values.read(this.values.address(link - 1));
  }

  protected sysUpdate(key: Uint8Array, value: Uint8Array, flags: bigint): number {
    return this.put(this.stage(key), value, flags);
  }

  protected sysDelete(key: Uint8Array): number {
    return this.delete(this.stage(key));
  }

  /** trie_get_next_key: postorder, so longer prefixes before the shorter ones that contain them. */
  protected sysNextKey(key: Uint8Array | undefined): Uint8Array | number {
    const { memory } = this;
    const root = memory.load32(this.trie + rootAt);
    if (root === 0) return -errno.ENOENT;
    if (key === undefined) return this.keyOf(this.leftmost(root));
    const at = this.stage(key);
    const prefix = memory.load32(at);
    if (prefix > this.maxPrefix) return this.keyOf(this.leftmost(root));
    const path: number[] = [];
    let link = root;
    let matched = 0;
    while (link !== 0) {
      const node = this.node(link);
      const length = memory.load32(node + prefixAt);
      path.push(link);
      matched = this.commonPrefix(node, at, prefix);
      if (length !== matched || length === prefix) break;
      link = memory.load32(node + childAt + 4 * this.bit(at + 4, length));
    }
    const found = link !== 0 && memory.load32(this.node(link) + prefixAt) === matched;
    if (!found || this.isIntermediate(this.node(link))) return this.keyOf(this.leftmost(root));
    for (let i = path.length - 1; i > 0; i--) {
      const parent = this.node(path[i - 1] as number);
      if (memory.load32(parent + childAt) === path[i]) {
        const right = memory.load32(parent + childAt + 4);
        if (right !== 0) return this.keyOf(this.leftmost(right));
      }
      if (!this.isIntermediate(parent)) return this.keyOf(path[i - 1] as number);
    }
    return -errno.ENOENT;
  }

  /** trie_lookup_elem: link of the longest prefix that contains the key, or 0. */
  private match(key: number): number {
    const { memory } = this;
    const prefix = memory.load32(key);
    if (prefix > this.maxPrefix) return 0;
    let found = 0;
    let link = memory.load32(this.trie + rootAt);
    while (link !== 0) {
      const node = this.node(link);
      const length = memory.load32(node + prefixAt);
      const matched = this.commonPrefix(node, key, prefix);
      if (matched === this.maxPrefix) return link;
      if (matched < length) break;
      if (!this.isIntermediate(node)) found = link;
      link = memory.load32(node + childAt + 4 * this.bit(key + 4, length));
    }
    return found;
  }

  /** trie_update_elem. */
  private put(key: number, value: ValueSource, flags: bigint): number {
    const { memory } = this;
    if (flags > BPF_EXIST) return -errno.EINVAL;
    const prefix = memory.load32(key);
    if (prefix > this.maxPrefix) return -errno.EINVAL;
    let slot = this.trie + rootAt;
    let link = memory.load32(slot);
    let matched = 0;
    while (link !== 0) {
      const node = this.node(link);
      const length = memory.load32(node + prefixAt);
      matched = this.commonPrefix(node, key, prefix);
      if (length !== matched || length === prefix) break;
      slot = node + childAt + 4 * this.bit(key + 4, length);
      link = memory.load32(slot);
    }
    const node = link === 0 ? 0 : this.node(link);
    const same = link !== 0 && memory.load32(node + prefixAt) === matched;
    const exists = same && !this.isIntermediate(node);
    if (exists && flags === BPF_NOEXIST) return -errno.EEXIST;
    if (!exists) {
      if (flags === BPF_EXIST) return -errno.ENOENT;
      if (memory.load32(this.trie + entriesAt) === this.spec.maxEntries) return -errno.ENOSPC;
      this.countEntries(1);
    }
    const added = this.take();
    const fresh = this.node(added);
    memory.store32(fresh + childAt, same ? memory.load32(node + childAt) : 0);
    memory.store32(fresh + childAt + 4, same ? memory.load32(node + childAt + 4) : 0);
    memory.store32(fresh + prefixAt, prefix);
    memory.store32(fresh + flagsAt, 0);
    for (let at = 0; at < this.dataSize; at += 4) memory.store32(fresh + dataAt + at, this.word(key + 4, at));
    this.values.write(this.values.address(added - 1), value);
    if (link === 0 || same) {
      memory.store32(slot, added);
      if (same) this.release(link);
    } else if (matched === prefix) {
      // The new prefix contains the node.
      memory.store32(fresh + childAt + 4 * this.nodeBit(node, matched), link);
      memory.store32(slot, added);
    } else {
      memory.store32(slot, this.fork(link, added, key, matched));
    }
    this.refresh(key, link === 0 ? prefix : Math.min(prefix, matched));
    return 0;
  }

  /** An intermediate node of `length` bits above two nodes that differ in the next one; `key` is the added node's. */
  private fork(link: number, added: number, key: number, length: number): number {
    const { memory } = this;
    const above = this.take();
    const node = this.node(above);
    const side = this.bit(key + 4, length);
    memory.store32(node + childAt + 4 * side, added);
    memory.store32(node + childAt + 4 * (1 - side), link);
    memory.store32(node + prefixAt, length);
    memory.store32(node + flagsAt, intermediate);
    memory.copy(node + dataAt, this.node(link) + dataAt, this.stride - dataAt);
    return above;
  }

  /** Writes the entries of `top` for all keys that have the first `bits` bits in common with this one. */
  private refresh(key: number, bits: number): void {
    const { memory } = this;
    const free = Math.max(0, 8 - bits);
    const first = memory.load8(key + 4) & (0xff << free);
    for (let byte = first; byte < first + (1 << free); byte++) {
      let found = 0;
      let link = memory.load32(this.trie + rootAt);
      while (link !== 0) {
        const node = this.node(link);
        const length = memory.load32(node + prefixAt);
        if (length >= 8) break;
        if (((memory.load32(node + dataAt) >>> 24) ^ byte) >>> (8 - length) !== 0) {
          link = 0;
          break;
        }
        if (!this.isIntermediate(node)) found = link;
        link = memory.load32(node + childAt + 4 * ((byte >>> (7 - length)) & 1));
      }
      memory.store32(this.top + 8 * byte, link);
      memory.store32(this.top + 8 * byte + 4, found);
    }
  }

  /** The first node in postorder below `link` that has a value. */
  private leftmost(link: number): number {
    const { memory } = this;
    let found = link;
    let next = link;
    while (next !== 0) {
      const node = this.node(next);
      const left = memory.load32(node + childAt);
      if (this.isIntermediate(node)) {
        next = left;
      } else {
        found = next;
        next = left !== 0 ? left : memory.load32(node + childAt + 4);
      }
    }
    return found;
  }

  private keyOf(link: number): Uint8Array {
    const node = this.node(link);
    const key = new Uint8Array(this.spec.keySize);
    key.set(this.memory.read(node + prefixAt, 4));
    for (let i = 0; i < this.dataSize; i++) {
      key[4 + i] = this.memory.load32(node + dataAt + (i & ~3)) >>> (24 - 8 * (i & 3));
    }
    return key;
  }

  private node(link: number): number {
    return this.trie + headerSize + (link - 1) * this.stride;
  }

  private isIntermediate(node: number): boolean {
    return (this.memory.load32(node + flagsAt) & intermediate) !== 0;
  }

  /** Bit `index` of `data`, counted from the most significant bit of its first byte. */
  private bit(data: number, index: number): number {
    return (this.memory.load8(data + (index >>> 3)) >>> (7 - (index & 7))) & 1;
  }

  /** Bit `index` of a node's data. */
  private nodeBit(node: number, index: number): number {
    return (this.memory.load32(node + dataAt + 4 * (index >>> 5)) >>> (31 - (index & 31))) & 1;
  }

  /** The word at byte `at` of a key's data, first byte on top; bytes past the data are 0. */
  private word(data: number, at: number): number {
    const left = this.dataSize - at;
    if (left >= 4) return this.memory.view.getUint32(data + at);
    let word = 0;
    for (let i = 0; i < left; i++) word |= this.memory.load8(data + at + i) << (24 - 8 * i);
    return word >>> 0;
  }

  /**
   * Leading bits that a node's prefix and a key of `prefix` bits have in common.
   */
  private commonPrefix(node: number, key: number, prefix: number): number {
    const { view } = this.memory;
    const limit = Math.min(view.getUint32(node + prefixAt, true), prefix);
    for (let common = 0; common < limit; common += 32) {
      const at = common >>> 3;
      const difference = view.getInt32(node + dataAt + at, true) ^ this.word(key + 4, at);
      if (difference !== 0) return Math.min(common + Math.clz32(difference), limit);
    }
    return limit;
  }

  override takeRoom(): boolean {
    this.memory.store32(this.trie + entriesAt, this.spec.maxEntries);
    return true;
  }

  private countEntries(by: number): void {
    const at = this.trie + entriesAt;
    this.memory.store32(at, this.memory.load32(at) + by);
  }

  private take(): number {
    const { memory, trie } = this;
    const link = memory.load32(trie + freeAt);
    if (link !== 0) {
      memory.store32(trie + freeAt, memory.load32(this.node(link) + childAt));
      return link;
    }
    const fresh = memory.load32(trie + freshAt) + 1;
    memory.store32(trie + freshAt, fresh);
    return fresh;
  }

  private release(link: number): void {
    const { memory, trie } = this;
    memory.store32(this.node(link) + childAt, memory.load32(trie + freeAt));
    memory.store32(trie + freeAt, link);
  }
}
