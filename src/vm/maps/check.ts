/**
 * What bpf(2) checks when a map is created: a row a type, in Linux's order, so that the first wrong thing names the
 * error. Numbers were compared with a running Linux 6.18 (test/differential); checks of privilege are left out.
 */
import type { MapSpec } from '../../object/spec.js';
import { errno, type MapTypeName, mapFlags, maxCpus } from '../../platform/index.js';
import type { MapFacts } from './context.js';
import { checkTemplate } from './map-in-map.js';

const access = mapFlags.rdonly | mapFlags.wronly | mapFlags.rdonlyProg | mapFlags.wronlyProg;
const programAccess = mapFlags.rdonlyProg | mapFlags.wronlyProg;
const syscallAccess = mapFlags.rdonly | mapFlags.wronly;

/** KMALLOC_MAX_SIZE with pages of 4 KiB. */
const kmallocMax = 1 << 22;
/** sizeof(struct htab_elem) and sizeof(struct lpm_trie_node), without key and value. */
const hashElementSize = 48;
const trieNodeSize = 24;
/** PCPU_MIN_UNIT_SIZE. */
const percpuMax = 1 << 15;
const maxHashEntries = 2 ** 31;
const intMax = 2 ** 31 - 1;
const maxTrieData = 256;

type Check = (spec: MapSpec) => number;

function has(spec: MapSpec, flags: number): boolean {
  return (spec.flags & flags) !== 0;
}

/** Flags outside `allowed`, or read-only and write-only for programs at once (bpf_map_flags_access_ok). */
function badFlags(spec: MapSpec, allowed: number): boolean {
  return (spec.flags & ~allowed) !== 0 || (spec.flags & programAccess) === programAccess;
}

/** array_map_alloc_check. */
function checkArray(spec: MapSpec): number {
  const percpu = spec.type === 'percpu_array';
  const { numaNode, mmapable, preserveElems, innerMap } = mapFlags;
  if (spec.maxEntries === 0 || spec.keySize !== 4 || spec.valueSize === 0) return -errno.EINVAL;
  if (badFlags(spec, numaNode | mmapable | access | preserveElems | innerMap)) return -errno.EINVAL;
  if (percpu && has(spec, numaNode)) return -errno.EINVAL;
  if (spec.type !== 'array' && has(spec, mmapable | innerMap)) return -errno.EINVAL;
  if (spec.type !== 'perf_event_array' && has(spec, preserveElems)) return -errno.EINVAL;
  if (spec.valueSize > intMax) return -errno.E2BIG;
  return percpu && spec.valueSize > percpuMax ? -errno.E2BIG : 0;
}

/** fd_array_map_alloc_check. */
function checkReferences(spec: MapSpec): number {
  if (spec.valueSize !== 4 || has(spec, programAccess)) return -errno.EINVAL;
  return checkArray(spec);
}

/** htab_map_alloc_check, and htab_map_alloc as far as it looks at sizes. */
function checkHash(spec: MapSpec): number {
  const percpu = spec.type === 'percpu_hash' || spec.type === 'lru_percpu_hash';
  const lru = spec.type === 'lru_hash' || spec.type === 'lru_percpu_hash';
  const { noPrealloc, noCommonLru, numaNode, zeroSeed } = mapFlags;
  if (badFlags(spec, noPrealloc | noCommonLru | numaNode | access | zeroSeed)) return -errno.EINVAL;
  if (!lru && has(spec, noCommonLru)) return -errno.EINVAL;
  if (lru && has(spec, noPrealloc)) return -errno.ENOTSUPP;
  if (has(spec, numaNode) && (percpu || has(spec, noCommonLru))) return -errno.EINVAL;
  if (spec.maxEntries === 0 || spec.keySize === 0 || spec.valueSize === 0) return -errno.EINVAL;
  if (spec.keySize + spec.valueSize >= kmallocMax - hashElementSize) return -errno.E2BIG;
  if (percpu && spec.valueSize > percpuMax) return -errno.E2BIG;
  return spec.maxEntries > maxHashEntries ? -errno.E2BIG : 0;
}

/** trie_alloc. */
function checkTrie(spec: MapSpec): number {
  const { noPrealloc, numaNode } = mapFlags;
  if (spec.maxEntries === 0 || !has(spec, noPrealloc) || badFlags(spec, noPrealloc | numaNode | access))
    return -errno.EINVAL;
  const data = spec.keySize - 4;
  if (data < 1 || data > maxTrieData) return -errno.EINVAL;
  const maxValue = kmallocMax - maxTrieData - trieNodeSize;
  return spec.valueSize < 1 || spec.valueSize > maxValue ? -errno.EINVAL : 0;
}

/** dev_map_init_map. */
function checkDevmap(spec: MapSpec): number {
  const sized = spec.maxEntries > 0 && spec.keySize === 4 && (spec.valueSize === 4 || spec.valueSize === 8);
  if (!sized || (spec.flags & ~(mapFlags.numaNode | syscallAccess)) !== 0) return -errno.EINVAL;
  return spec.type === 'devmap_hash' && spec.maxEntries > maxHashEntries ? -errno.EINVAL : 0;
}

const checks: { readonly [type in MapTypeName]?: Check } = {
  array: checkArray,
  percpu_array: checkArray,
  prog_array: checkReferences,
  perf_event_array: checkReferences,
  array_of_maps: (spec) => checkReferences(spec) || checkTemplate(spec.inner),
  hash: checkHash,
  percpu_hash: checkHash,
  lru_hash: checkHash,
  lru_percpu_hash: checkHash,
  hash_of_maps: (spec) => (spec.valueSize !== 4 ? -errno.EINVAL : checkHash(spec) || checkTemplate(spec.inner)),
  lpm_trie: checkTrie,
  devmap: checkDevmap,
  devmap_hash: checkDevmap,
  /** cpu_map_alloc. */
  cpumap: (spec) => {
    const sized = spec.maxEntries > 0 && spec.keySize === 4 && (spec.valueSize === 4 || spec.valueSize === 8);
    if (!sized || (spec.flags & ~mapFlags.numaNode) !== 0) return -errno.EINVAL;
    return spec.maxEntries > maxCpus ? -errno.E2BIG : 0;
  },
  /** xsk_map_alloc. */
  xskmap: (spec) => {
    const sized = spec.maxEntries > 0 && spec.keySize === 4 && spec.valueSize === 4;
    return !sized || (spec.flags & ~(mapFlags.numaNode | syscallAccess)) !== 0 ? -errno.EINVAL : 0;
  },
  queue: checkQueue,
  stack: checkQueue,
  /** bloom_map_alloc_check, then bloom_map_alloc. */
  bloom_filter: (spec) => {
    if (spec.valueSize > kmallocMax) return -errno.E2BIG;
    const sized = spec.keySize === 0 && spec.valueSize > 0 && spec.maxEntries > 0;
    const flags = mapFlags.numaNode | mapFlags.zeroSeed | access;
    return !sized || badFlags(spec, flags) || spec.extra > 0xfn ? -errno.EINVAL : 0;
  },
  /** ringbuf_map_alloc. */
  ringbuf: (spec) => {
    const { maxEntries } = spec;
    const pages = maxEntries >= 4096 && Number.isInteger(Math.log2(maxEntries));
    const sized = spec.keySize === 0 && spec.valueSize === 0 && pages;
    return !sized || (spec.flags & ~mapFlags.numaNode) !== 0 ? -errno.EINVAL : 0;
  },
};

/** queue_stack_map_alloc_check. */
function checkQueue(spec: MapSpec): number {
  const sized = spec.maxEntries > 0 && spec.keySize === 0 && spec.valueSize > 0;
  if (!sized || badFlags(spec, mapFlags.numaNode | access)) return -errno.EINVAL;
  return spec.valueSize > kmallocMax ? -errno.E2BIG : 0;
}

/** Map types whose values may hold a bpf_spin_lock and that XDP programs can use (map_check_btf). */
const lockable: ReadonlySet<MapTypeName> = new Set(['array', 'hash']);

/**
 * 0, or the negated error number with which Linux 6.18 refuses to create such a map. `spec` as given to the kernel: a
 * loader may have rounded it before (see {@link createMap}). Types that jitnic does not model give 0.
 */
export function checkMapSpec(spec: MapSpec, facts?: MapFacts): number {
  const check = checks[spec.type];
  if (check === undefined) return 0;
  if (spec.extra !== 0n && spec.type !== 'bloom_filter') return -errno.EINVAL;
  if ((spec.flags & syscallAccess) === syscallAccess) return -errno.EINVAL;
  const refusal = check(spec);
  if (refusal !== 0 || facts?.spinLockOffset === undefined) return refusal;
  if (has(spec, programAccess)) return -errno.EACCES;
  return lockable.has(spec.type) ? 0 : -errno.EOPNOTSUPP;
}
