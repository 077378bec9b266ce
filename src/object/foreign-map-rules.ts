/**
 * What bpf(2) checks when a map is created of a type that no XDP program uses, or jitnic does not run: such a map
 * beside a program decides whether the object loads. Rows as in `map-rules.ts`.
 */

import { type MapTypeName, mapFlags } from '../platform/index.js';
import {
  access,
  count,
  indexKey,
  oneAccess,
  onlyFlags,
  percpuMax,
  type Rule,
  rule,
  someEntries,
  someKey,
  someValue,
  syscallAccess,
  valueSizes,
  valueUpTo,
} from './map-rule.js';
import { arrayRules, referenceRules, ringbufRules } from './map-rules.js';

/** sysctl_perf_event_max_stack, as kernels come. */
const maxStackDepth = 127;
/** sizeof(struct bpf_stack_build_id). */
const buildIdSize = 32;
/** MAX_BPF_STACK. */
const maxSockKey = 512;
/** BPF_LOCAL_STORAGE_MAX_VALUE_SIZE: U16_MAX - sizeof(struct bpf_local_storage_elem). */
const maxStorage = 0xffff - 128;
/** SZ_4G, and pages of 4 KiB. */
const maxArena = 2 ** 32;
const pageSize = 4096;
/** BPF_F_SEGV_ON_FAULT and BPF_F_NO_USER_CONV. */
const arenaFlags = (1 << 17) | (1 << 18);

const { clone, mmapable, noPrealloc, numaNode, stackBuildId } = mapFlags;

const noEntries = rule(
  ({ maxEntries }) => maxEntries !== 0,
  'EINVAL',
  ({ type }) => `a map of type ${type} has no size: max_entries must be 0`,
);

/** bpf_local_storage_map_alloc_check. */
const storageRules: readonly Rule[] = [
  onlyFlags(noPrealloc | clone),
  rule(
    ({ flags }) => (flags & noPrealloc) === 0,
    'EINVAL',
    ({ type }) => `a map of type ${type} needs BPF_F_NO_PREALLOC: __uint(map_flags, BPF_F_NO_PREALLOC)`,
  ),
  noEntries,
  rule(
    ({ keySize }) => keySize !== 4,
    'EINVAL',
    ({ type, keySize }) => `the key of a map of type ${type} is a 4-byte descriptor, not ${keySize} bytes`,
  ),
  someValue,
  rule(
    ({ btfKeyId, btfValueId }) => btfKeyId === 0 || btfValueId === 0,
    'EINVAL',
    ({ type }) => `a map of type ${type} says its types: __type(key, int) and __type(value, ...)`,
  ),
  valueUpTo(maxStorage, 'E2BIG'),
];

/** cgroup_storage_map_alloc. */
const cgroupStorageRules = (most: number): readonly Rule[] => [
  rule(
    ({ keySize }) => keySize !== 16 && keySize !== 8,
    'EINVAL',
    ({ keySize }) => `the key of a cgroup storage is a struct bpf_cgroup_storage_key or a u64, not ${keySize} bytes`,
  ),
  someValue,
  valueUpTo(most, 'E2BIG'),
  onlyFlags(numaNode | access),
  oneAccess,
  noEntries,
];

const sockFlags = onlyFlags(numaNode | syscallAccess);

/** By type, in the order of the type's map_alloc_check and map_alloc. */
export const foreignMapRules: { readonly [type in MapTypeName]?: readonly Rule[] } = {
  /** stack_map_alloc. */
  stack_trace: [
    onlyFlags(numaNode | syscallAccess | stackBuildId),
    someEntries,
    indexKey,
    rule(
      ({ valueSize, flags }) => {
        const entry = (flags & stackBuildId) === 0 ? 8 : buildIdSize;
        return valueSize < 8 || valueSize % entry !== 0 || valueSize / entry > maxStackDepth;
      },
      'EINVAL',
      ({ valueSize }) =>
        `values of type stack_trace are 1 to ${maxStackDepth} addresses of 8 bytes, or build ids of ${buildIdSize}, not ${count(valueSize)} bytes`,
    ),
  ],
  cgroup_array: referenceRules,
  /** sock_map_alloc. */
  sockmap: [someEntries, indexKey, valueSizes(4, 8), sockFlags],
  /** sock_hash_alloc. */
  sockhash: [
    someEntries,
    someKey,
    valueSizes(4, 8),
    sockFlags,
    rule(
      ({ keySize }) => keySize > maxSockKey,
      'E2BIG',
      ({ keySize }) => `keys of type sockhash have up to ${maxSockKey} bytes, not ${count(keySize)}`,
    ),
  ],
  /** reuseport_array_alloc_check. */
  reuseport_sockarray: [valueSizes(4, 8), ...arrayRules],
  cgroup_storage: cgroupStorageRules(maxStorage),
  percpu_cgroup_storage: cgroupStorageRules(percpuMax),
  sk_storage: storageRules,
  inode_storage: storageRules,
  task_storage: storageRules,
  cgrp_storage: storageRules,
  user_ringbuf: ringbufRules,
  /** arena_map_alloc. */
  arena: [
    rule(
      ({ keySize, valueSize }) => keySize !== 0 || valueSize !== 0,
      'EINVAL',
      'an arena has neither keys nor values: their sizes must be 0',
    ),
    someEntries,
    rule(
      ({ flags }) => (flags & mmapable) === 0,
      'EINVAL',
      'an arena needs BPF_F_MMAPABLE: __uint(map_flags, BPF_F_MMAPABLE)',
    ),
    onlyFlags(mmapable | arenaFlags),
    rule(
      ({ extra }) => extra % BigInt(pageSize) !== 0n,
      'EINVAL',
      'map_extra of an arena is the address of its first page',
    ),
    rule(
      ({ maxEntries }) => maxEntries * pageSize > maxArena,
      'E2BIG',
      ({ maxEntries }) => `an arena of ${count(maxEntries)} pages is larger than 4 GiB`,
    ),
    rule(
      ({ extra, maxEntries }) => extra >> 32n !== (extra + BigInt(maxEntries * pageSize - 1)) >> 32n,
      'ERANGE',
      'an arena lies within 4 GiB: the upper half of its addresses is one',
    ),
  ],
  /** map_create wants the kernel's type that it stands for, which only libbpf's own section gives. */
  struct_ops: [rule(() => true, 'EINVAL', 'a map of type struct_ops comes from a section .struct_ops')],
};
