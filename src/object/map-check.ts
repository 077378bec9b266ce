/**
 * Would bpf(2) create this map: the rows of its type (`map-rules.ts`, `foreign-map-rules.ts`) between what Linux asks
 * of any map and what it asks of maps with locks. Each refusal says why in words, which Linux does not; checks of
 * privilege are left out.
 */

import { errno, type MapTypeName } from '../platform/index.js';
import { foreignMapRules } from './foreign-map-rules.js';
import type { MapFacts } from './map-facts.js';
import { has, programAccess, type Rule, rule, syscallAccess } from './map-rule.js';
import { usableMapRules } from './map-rules.js';
import type { MapSpec } from './spec.js';

/** Why Linux would not create a map. */
export interface MapRefusal {
  /** The negated error number that bpf(2) returns. */
  readonly errno: number;
  /** What is wrong and what would be right, in our words: Linux gives the number only. */
  readonly reason: string;
}

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
    ({ type, extra }) => extra !== 0n && type !== 'bloom_filter' && type !== 'arena',
    'EINVAL',
    'map_extra has a meaning for bloom filters and arenas only',
  ),
  rule(
    (spec) => (spec.flags & syscallAccess) === syscallAccess,
    'EINVAL',
    'BPF_F_RDONLY and BPF_F_WRONLY exclude each other',
  ),
];

/**
 * Why Linux 6.18 refuses to create such a map; undefined where it does not. `spec` as given to the kernel: a loader
 * may have rounded it before (see {@link creationOf}). A type that this table does not know is not refused.
 */
export function refuseMap(spec: MapSpec, facts?: MapFacts): MapRefusal | undefined {
  const ofType = usableMapRules[spec.type] ?? foreignMapRules[spec.type];
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
