/**
 * What bpf(2) checks when a map is created: rows of rules, in Linux's order, so that the first one broken names the
 * error. Each says why in words, which Linux does not. Numbers were compared with a running Linux 6.18
 * (test/differential); checks of privilege are left out.
 */

import { errno, type MapTypeName, mapFlags, maxCpus } from '../platform/index.js';
import type { MapFacts } from './map-facts.js';
import type { MapSpec } from './spec.js';

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

/** Why Linux would not create a map. */
export interface MapRefusal {
  /** The negated error number that bpf(2) returns. */
  readonly errno: number;
  /** What is wrong and what would be right, in our words: Linux gives the number only. */
  readonly reason: string;
}

/** Errors that creating a map may end with, but for those of memory. */
type RuleErrno = 'EINVAL' | 'E2BIG' | 'ENOTSUPP' | 'EACCES' | 'EOPNOTSUPP';

/** One check: `breaks` says whether the spec fails it. */
interface Rule {
  readonly breaks: (spec: MapSpec) => boolean;
  readonly error: RuleErrno;
  readonly reason: (spec: MapSpec) => string;
}

/** A row: when it is broken, with which error, and in which words. */
function rule(breaks: Rule['breaks'], error: RuleErrno, reason: string | Rule['reason']): Rule {
  return { breaks, error, reason: typeof reason === 'string' ? (): string => reason : reason };
}

function has(spec: MapSpec, flags: number): boolean {
  return (spec.flags & flags) !== 0;
}

const count = (bytes: number): string => bytes.toLocaleString('en-US');
const hex = (flags: number): string => `0x${(flags >>> 0).toString(16)}`;

/** Flags outside of `allowed`. */
function onlyFlags(allowed: number): Rule {
  return rule(
    (spec) => (spec.flags & ~allowed) !== 0,
    'EINVAL',
    (spec) => `flags ${hex(spec.flags & ~allowed)} are not for maps of type ${spec.type}`,
  );
}

/** BPF_F_RDONLY_PROG and BPF_F_WRONLY_PROG (bpf_map_flags_access_ok). */
const oneAccess = rule(
  (spec) => (spec.flags & programAccess) === programAccess,
  'EINVAL',
  'BPF_F_RDONLY_PROG and BPF_F_WRONLY_PROG exclude each other',
);

/** A flag that the type cannot have. */
function without(flag: number, name: string, error: RuleErrno = 'EINVAL'): Rule {
  return rule(
    (spec) => has(spec, flag),
    error,
    (spec) => `maps of type ${spec.type} cannot have ${name}`,
  );
}

const someEntries = rule(
  ({ maxEntries }) => maxEntries === 0,
  'EINVAL',
  'max_entries is 0: give it a size, or have its loader set one',
);
const indexKey = rule(
  ({ keySize }) => keySize !== 4,
  'EINVAL',
  ({ type, keySize }) => `the key of a map of type ${type} is a 4-byte index, not ${keySize} bytes`,
);
const noKey = rule(
  ({ keySize }) => keySize !== 0,
  'EINVAL',
  ({ type }) => `a map of type ${type} has no key: its key size must be 0`,
);
const someKey = rule(({ keySize }) => keySize === 0, 'EINVAL', 'the key size is 0');
const someValue = rule(({ valueSize }) => valueSize === 0, 'EINVAL', 'the value size is 0');

function valueSizes(...sizes: readonly number[]): Rule {
  return rule(
    ({ valueSize }) => !sizes.includes(valueSize),
    'EINVAL',
    ({ type, valueSize }) => `values of type ${type} are ${sizes.join(' or ')} bytes, not ${valueSize}`,
  );
}

function valueUpTo(most: number, error: RuleErrno, applies: (spec: MapSpec) => boolean = (): boolean => true): Rule {
  return rule(
    (spec) => applies(spec) && spec.valueSize > most,
    error,
    (spec) =>
      `values of ${count(spec.valueSize)} bytes are too large: a map of type ${spec.type} holds up to ${count(most)}`,
  );
}

function entriesUpTo(most: number, error: RuleErrno): Rule {
  return rule(
    ({ maxEntries }) => maxEntries > most,
    error,
    ({ type, maxEntries }) =>
      `${count(maxEntries)} entries are too many: a map of type ${type} has up to ${count(most)}`,
  );
}

const { innerMap, mmapable, noCommonLru, noPrealloc, numaNode, preserveElems, zeroSeed } = mapFlags;

/** Per-CPU values have an area of their own, whose size is bounded (PCPU_MIN_UNIT_SIZE). */
const isPercpu = ({ type }: MapSpec): boolean =>
  type === 'percpu_array' || type === 'percpu_hash' || type === 'lru_percpu_hash';
const isLru = ({ type }: MapSpec): boolean => type === 'lru_hash' || type === 'lru_percpu_hash';

/** Flags that only some types of a family may have. */
function onlyIf(flag: number, name: string, applies: (spec: MapSpec) => boolean, error: RuleErrno = 'EINVAL'): Rule {
  const refusal = without(flag, name, error);
  return { ...refusal, breaks: (spec) => !applies(spec) && has(spec, flag) };
}

/** array_map_alloc_check. */
const arrayRules: readonly Rule[] = [
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
const referenceRules: readonly Rule[] = [
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

/** By type, in the order of the type's map_alloc_check and map_alloc. */
const rules: { readonly [type in MapTypeName]?: readonly Rule[] } = {
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
  /** ringbuf_map_alloc. */
  ringbuf: [
    noKey,
    rule(({ valueSize }) => valueSize !== 0, 'EINVAL', 'a ring buffer has no value: its value size must be 0'),
    rule(
      ({ maxEntries }) => maxEntries < 4096 || !Number.isInteger(Math.log2(maxEntries)),
      'EINVAL',
      ({ maxEntries }) => `a ring buffer of ${count(maxEntries)} bytes: its size is a power of two of whole pages`,
    ),
    onlyFlags(numaNode),
  ],
};

/** Map types whose values may hold a bpf_spin_lock and that XDP programs can use (map_check_btf). */
const lockable: ReadonlySet<MapTypeName> = new Set(['array', 'hash']);

/** What a map whose values hold a lock must be, once its type's own rules are kept. */
const lockRules: readonly Rule[] = [
  rule((spec) => has(spec, programAccess), 'EACCES', 'a map with a bpf_spin_lock must be readable and writable'),
  rule(
    ({ type }) => !lockable.has(type),
    'EOPNOTSUPP',
    ({ type }) => `values of type ${type} cannot hold a bpf_spin_lock`,
  ),
];

/** Checked before any type's own (kernel/bpf/syscall.c, map_create). */
const commonRules: readonly Rule[] = [
  rule(
    ({ type, extra }) => extra !== 0n && type !== 'bloom_filter',
    'EINVAL',
    'map_extra has a meaning for bloom filters only',
  ),
  rule(
    (spec) => (spec.flags & syscallAccess) === syscallAccess,
    'EINVAL',
    'BPF_F_RDONLY and BPF_F_WRONLY exclude each other',
  ),
];

/**
 * Why Linux 6.18 refuses to create such a map; undefined where it does not. `spec` as given to the kernel: a loader
 * may have rounded it before (see {@link creationOf}). Types that jitnic does not model are not refused.
 */
export function refuseMap(spec: MapSpec, facts?: MapFacts): MapRefusal | undefined {
  const ofType = rules[spec.type];
  if (ofType === undefined) return undefined;
  const broken = [...commonRules, ...ofType].find(({ breaks }) => breaks(spec));
  if (broken !== undefined) return refusalOf(broken, spec);
  const isOuter = spec.type === 'array_of_maps' || spec.type === 'hash_of_maps';
  const fault = isOuter ? templateFault(spec.inner) : undefined;
  if (fault !== undefined) return fault;
  if (facts?.spinLockOffset === undefined) return undefined;
  const brokenLock = lockRules.find(({ breaks }) => breaks(spec));
  return brokenLock === undefined ? undefined : refusalOf(brokenLock, spec);
}

/** The rule in words about this map; `errno` is negated. */
function refusalOf({ error, reason }: Rule, spec: MapSpec): MapRefusal {
  return { errno: -errno[error], reason: reason(spec) };
}

/** Why `inner` cannot be the template of a map of maps; undefined where it can (bpf_map_meta_alloc). */
function templateFault(inner: MapSpec | undefined): MapRefusal | undefined {
  if (inner === undefined) return { errno: -errno.EBADF, reason: 'it does not say what its inner maps are' };
  if (inner.type === 'array_of_maps' || inner.type === 'hash_of_maps')
    return { errno: -errno.EINVAL, reason: 'its inner maps are maps of maps themselves' };
  const isProgArray = inner.type === 'prog_array';
  return isProgArray ? { errno: -errno.ENOTSUPP, reason: 'its inner maps are of type prog_array' } : undefined;
}
