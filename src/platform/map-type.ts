/** Map types by number (enum bpf_map_type, include/uapi/linux/bpf.h), in order. */
export const mapTypeNames = [
  'unspec',
  'hash',
  'array',
  'prog_array',
  'perf_event_array',
  'percpu_hash',
  'percpu_array',
  'stack_trace',
  'cgroup_array',
  'lru_hash',
  'lru_percpu_hash',
  'lpm_trie',
  'array_of_maps',
  'hash_of_maps',
  'devmap',
  'sockmap',
  'cpumap',
  'xskmap',
  'sockhash',
  'cgroup_storage',
  'reuseport_sockarray',
  'percpu_cgroup_storage',
  'queue',
  'stack',
  'sk_storage',
  'devmap_hash',
  'struct_ops',
  'ringbuf',
  'inode_storage',
  'task_storage',
  'bloom_filter',
  'user_ringbuf',
  'cgrp_storage',
  'arena',
] as const;

/** Types of maps in words, as bpftool has them. */
export type MapTypeName = (typeof mapTypeNames)[number];

/** Number of a map type. */
export function mapTypeNumber(name: MapTypeName): number {
  return mapTypeNames.indexOf(name);
}

/** Are all elements there from the start, and found by arithmetic? */
export function isArrayMap(type: MapTypeName): boolean {
  return type === 'array' || type === 'percpu_array';
}

/** Does the type have a value for each CPU? */
export function isPercpuMap(type: MapTypeName): boolean {
  return type === 'percpu_array' || type === 'percpu_hash' || type === 'lru_percpu_hash';
}

/** Arrays and hash maps: a program finds an element by its key and reads and writes its bytes in place. */
export const elementMaps: ReadonlySet<MapTypeName> = new Set<MapTypeName>([
  'array',
  'percpu_array',
  'hash',
  'percpu_hash',
  'lru_hash',
  'lru_percpu_hash',
]);

/** Maps whose elements are bytes that both a program and user space find by a key. */
export const keyedMaps: ReadonlySet<MapTypeName> = new Set<MapTypeName>([...elementMaps, 'lpm_trie']);

/**
 * Maps whose entries user space reads as the bytes that it wrote: those of others are references that read back as
 * something else, or go by being read.
 */
export const readableMaps: ReadonlySet<MapTypeName> = new Set<MapTypeName>([
  ...keyedMaps,
  'devmap',
  'devmap_hash',
  'cpumap',
]);

/**
 * Types that only those helpers take whose rows name them (the first switch of check_map_func_compatibility in
 * kernel/bpf/verifier.c).
 */
export const restrictedMaps: ReadonlySet<MapTypeName> = new Set<MapTypeName>([
  'prog_array',
  'perf_event_array',
  'ringbuf',
  'user_ringbuf',
  'stack_trace',
  'cgroup_array',
  'cgroup_storage',
  'percpu_cgroup_storage',
  'devmap',
  'devmap_hash',
  'cpumap',
  'xskmap',
  'array_of_maps',
  'hash_of_maps',
  'sockmap',
  'sockhash',
  'reuseport_sockarray',
  'queue',
  'stack',
  'sk_storage',
  'inode_storage',
  'task_storage',
  'cgrp_storage',
  'bloom_filter',
]);

/** `map_flags` (include/uapi/linux/bpf.h). */
export const mapFlags = {
  noPrealloc: 0x1,
  noCommonLru: 0x2,
  numaNode: 0x4,
  rdonly: 0x8,
  wronly: 0x10,
  stackBuildId: 0x20,
  zeroSeed: 0x40,
  rdonlyProg: 0x80,
  wronlyProg: 0x100,
  clone: 0x200,
  mmapable: 0x400,
  preserveElems: 0x800,
  innerMap: 0x1000,
} as const;
