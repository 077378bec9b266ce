/**
 * Where a map keeps what a look-up reads, for compiled code: guest addresses and distances in bytes. The layouts
 * themselves are described in the files of the map types.
 */
import type { GuestAddress } from './guest-address.js';

/** Where elements are, by kind of map. */
export type MapLayout =
  /**
   * ARRAY, PERCPU_ARRAY: element i of CPU c at base + (i * cpus + c) * stride; a walk shows its callback the index at
   * `cursor`.
   */
  | {
      readonly kind: 'array';
      readonly base: GuestAddress;
      readonly stride: number;
      readonly cpus: number;
      readonly cursor: GuestAddress;
    }
  /** All hash maps. Element e of CPU c has its value at base + (e * cpus + c) * stride. */
  | {
      readonly kind: 'hash';
      readonly table: HashLayout;
      readonly base: GuestAddress;
      readonly stride: number;
      readonly cpus: number;
      /** LRU: address of element 0's reference bit, and the distance to the next one's. */
      readonly reference: { readonly at: GuestAddress; readonly stride: number } | undefined;
      /** The value is the handle of a map. */
      readonly holdsMaps: boolean;
      /** How elements come and go; undefined: only the map knows. */
      readonly change: HashChange | undefined;
    }
  | {
      readonly kind: 'trie';
      readonly root: GuestAddress;
      /** Where a walk stands after its first byte: see maps/lpm-trie.ts. */
      readonly top: GuestAddress;
      readonly nodes: GuestAddress;
      readonly nodeStride: number;
      readonly base: GuestAddress;
      readonly stride: number;
    }
  /** DEVMAP, CPUMAP, XSKMAP: slot i at base + 8 * i is empty if the word at `present` in it is 0. */
  | { readonly kind: 'redirect'; readonly base: GuestAddress; readonly present: number }
  /** ARRAY_OF_MAPS: u32 slots of handles, 0 if empty. */
  | { readonly kind: 'maps'; readonly slots: GuestAddress }
  /** RINGBUF of `size` bytes: see maps/ringbuf.ts. */
  | { readonly kind: 'ring'; readonly positions: GuestAddress; readonly data: GuestAddress; readonly size: number }
  /** PROG_ARRAY: u32 slots of index plus 1. */
  | { readonly kind: 'programs'; readonly slots: GuestAddress };

/** See maps/hash-table.ts. */
export interface HashLayout {
  /** Address of u32 count, fresh, free. */
  readonly header: GuestAddress;
  /** Elements that are given out. */
  readonly elements: number;
  /** Elements that there are, with those that an update takes the place of. */
  readonly slots: number;
  readonly buckets: number;
  readonly bucketsAt: GuestAddress;
  readonly nodesAt: GuestAddress;
  readonly nodeStride: number;
  readonly keys: GuestAddress;
  readonly keyStride: number;
}

/** How an update or deletion in a hash map can be done in place, by compiled code. */
export type HashChange =
  /**
   * HASH: a new element takes the old one's place. `spares`: u32 link a CPU; undefined: elements are allocated as
   * needed. See maps/hash.ts.
   */
  | { readonly kind: 'replace'; readonly spares: number | undefined }
  /** PERCPU_HASH: values are written in place. */
  | { readonly kind: 'in place' }
  /**
   * LRU: CPU c takes elements from the local free list with head `heads` + 2 * c; its pending list's head follows. See
   * maps/lru-lists.ts.
   */
  | {
      readonly kind: 'lru';
      /** Address of node 0. */
      readonly nodes: GuestAddress;
      /** Node of element 0. */
      readonly first: number;
      readonly heads: number;
    };
