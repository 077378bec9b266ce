/**
 * What bpf(2) checks when a map is created that programs can use here: rows of rules by type, in Linux's order, so
 * that the first one broken names the error. Numbers were compared with a running Linux 6.18 (test/differential).
 */

import { isPercpuMap, type MapTypeName, mapFlags, maxCpus } from '../platform/index.js';
import {
  access,
  count,
  entriesUpTo,
  has,
  indexKey,
  kmallocMax,
  noKey,
  oneAccess,
  onlyFlags,
  onlyIf,
  percpuMax,
  programAccess,
  type Rule,
  rule,
  someEntries,
  someKey,
  someValue,
  syscallAccess,
  valueSizes,
  valueUpTo,
  without,
} from './map-rule.js';
import type { MapSpec } from './spec.js';

/** sizeof(struct htab_elem) and sizeof(struct lpm_trie_node), without key and value. */
const hashElementSize = 48;
const trieNodeSize = 24;
const maxHashEntries = 2 ** 31;
const intMax = 2 ** 31 - 1;
const maxTrieData = 256;

const { innerMap, mmapable, noCommonLru, noPrealloc, numaNode, preserveElems, zeroSeed } = mapFlags;

/** Per-CPU values have an area of their own, whose size is bounded (PCPU_MIN_UNIT_SIZE). */
const isPercpu = ({ type }: MapSpec): boolean => isPercpuMap(type);
const isLru = ({ type }: MapSpec): boolean => type === 'lru_hash' || type === 'lru_percpu_hash';

/** array_map_alloc_check. */
export const arrayRules: readonly Rule[] = [
  someEntries,
  indexKey,
  someValue,
  onlyFlags(numaNode | mmapable | access | preserveElems | innerMap),
  oneAccess,
  onlyIf(numaNode, 'BPF_F_NUMA_NODE', (spec) => !isPercpu(spec)),
  onlyIf(mmapable, 'BPF_F_MMAPABLE', ({ type }) => type === 'array'),
  onlyIf(innerMap, 'BPF_F_INNER_MAP', ({ type }) => type === 'array'),
  onlyIf(preserveElems, 'BPF_F_PRESERVE_ELEMS', ({ type }) => type === 'perf_event_array'),
  valueUpTo(intMax, 'E2BIG'),
  valueUpTo(percpuMax, 'E2BIG', isPercpu),
];

/** fd_array_map_alloc_check. */
export const referenceRules: readonly Rule[] = [
  valueSizes(4),
  without(programAccess, 'BPF_F_RDONLY_PROG or BPF_F_WRONLY_PROG'),
  ...arrayRules,
];

/** htab_map_alloc_check, and htab_map_alloc as far as it looks at sizes. */
const hashRules: readonly Rule[] = [
  onlyFlags(noPrealloc | noCommonLru | numaNode | access | zeroSeed),
  oneAccess,
  onlyIf(noCommonLru, 'BPF_F_NO_COMMON_LRU', isLru),
  onlyIf(noPrealloc, 'BPF_F_NO_PREALLOC', (spec) => !isLru(spec), 'ENOTSUPP'),
  onlyIf(numaNode, 'BPF_F_NUMA_NODE', (spec) => !isPercpu(spec) && !has(spec, noCommonLru)),
  someEntries,
  someKey,
  someValue,
  rule(
    ({ keySize, valueSize }) => keySize + valueSize >= kmallocMax - hashElementSize,
    'E2BIG',
    ({ keySize, valueSize }) =>
      `key and value of ${count(keySize + valueSize)} bytes are too large: together they take less than ${count(kmallocMax - hashElementSize)}`,
  ),
  valueUpTo(percpuMax, 'E2BIG', isPercpu),
  entriesUpTo(maxHashEntries, 'E2BIG'),
];

/** trie_alloc. */
const trieRules: readonly Rule[] = [
  someEntries,
  rule(
    (spec) => !has(spec, noPrealloc),
    'EINVAL',
    'an LPM trie needs BPF_F_NO_PREALLOC: __uint(map_flags, BPF_F_NO_PREALLOC)',
  ),
  onlyFlags(noPrealloc | numaNode | access),
  oneAccess,
  rule(
    ({ keySize }) => keySize - 4 < 1 || keySize - 4 > maxTrieData,
    'EINVAL',
    ({ keySize }) => `the key of an LPM trie is a 4-byte prefix length and 1 to ${maxTrieData} bytes, not ${keySize}`,
  ),
  someValue,
  valueUpTo(kmallocMax - maxTrieData - trieNodeSize, 'EINVAL'),
];

/** dev_map_init_map. */
const devmapRules: readonly Rule[] = [someEntries, indexKey, valueSizes(4, 8), onlyFlags(numaNode | syscallAccess)];

/** queue_stack_map_alloc_check. */
const queueRules: readonly Rule[] = [
  someEntries,
  noKey,
  someValue,
  onlyFlags(numaNode | access),
  oneAccess,
  valueUpTo(kmallocMax, 'E2BIG'),
];

/** ringbuf_map_alloc. */
export const ringbufRules: readonly Rule[] = [
  noKey,
  rule(({ valueSize }) => valueSize !== 0, 'EINVAL', 'a ring buffer has no value: its value size must be 0'),
  rule(
    ({ maxEntries }) => maxEntries < 4096 || !Number.isInteger(Math.log2(maxEntries)),
    'EINVAL',
    ({ maxEntries }) => `a ring buffer of ${count(maxEntries)} bytes: its size is a power of two of whole pages`,
  ),
  onlyFlags(numaNode),
];

/** By type, in the order of the type's map_alloc_check and map_alloc. */
export const usableMapRules: { readonly [type in MapTypeName]?: readonly Rule[] } = {
  array: arrayRules,
  percpu_array: arrayRules,
  prog_array: referenceRules,
  perf_event_array: referenceRules,
  array_of_maps: referenceRules,
  hash: hashRules,
  percpu_hash: hashRules,
  lru_hash: hashRules,
  lru_percpu_hash: hashRules,
  hash_of_maps: [valueSizes(4), ...hashRules],
  lpm_trie: trieRules,
  devmap: devmapRules,
  devmap_hash: [...devmapRules, entriesUpTo(maxHashEntries, 'EINVAL')],
  /** cpu_map_alloc. */
  cpumap: [someEntries, indexKey, valueSizes(4, 8), onlyFlags(numaNode), entriesUpTo(maxCpus, 'E2BIG')],
  /** xsk_map_alloc. */
  xskmap: [someEntries, indexKey, valueSizes(4), onlyFlags(numaNode | syscallAccess)],
  queue: queueRules,
  stack: queueRules,
  /** bloom_map_alloc_check, then bloom_map_alloc. */
  bloom_filter: [
    valueUpTo(kmallocMax, 'E2BIG'),
    noKey,
    someValue,
    someEntries,
    onlyFlags(numaNode | zeroSeed | access),
    oneAccess,
    rule(
      ({ extra }) => extra > 0xfn,
      'EINVAL',
      'map_extra of a bloom filter is the number of hash functions, up to 15',
    ),
  ],
  ringbuf: ringbufRules,
};
