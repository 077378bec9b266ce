/**
 * Other maps in place of a program's own: every type with every helper, read-only and write-only ones, tiny and large
 * values.
 */
import type { MapSpec, ObjectSpec } from '../../object/index.js';
import type { Prng } from '../../packet/index.js';
import { type MapTypeName, mapFlags, mapTypeNumber } from '../../platform/index.js';

/** Types that the kernel creates from sizes alone, with the sizes that it insists on; undefined: any. */
const types: readonly (readonly [
  type: MapTypeName,
  key: number | undefined,
  value: number | undefined,
  flags?: number,
])[] = [
  ['hash', undefined, undefined],
  ['array', 4, undefined],
  ['percpu_hash', undefined, undefined],
  ['percpu_array', 4, undefined],
  ['lru_hash', undefined, undefined],
  ['lru_percpu_hash', undefined, undefined],
  ['lpm_trie', 8, undefined, mapFlags.noPrealloc],
  ['queue', 0, undefined],
  ['stack', 0, undefined],
  ['bloom_filter', 0, undefined],
  ['devmap', 4, 8],
  ['devmap_hash', 4, 8],
  ['cpumap', 4, 8],
  ['xskmap', 4, 4],
  ['sockmap', 4, 4],
  ['sockhash', undefined, 4],
  ['prog_array', 4, 4],
  ['perf_event_array', 4, 4],
  ['cgroup_array', 4, 4],
  ['stack_trace', 4, 8],
  ['ringbuf', 0, 0],
  ['array_of_maps', 4, 4],
  ['hash_of_maps', undefined, 4],
];
const keySizes = [1, 2, 4, 8, 12, 16, 40];
const valueSizes = [1, 4, 8, 11, 16, 48, 64, 512];
const accessFlags = [mapFlags.rdonlyProg, mapFlags.wronlyProg];

/** A map of another type under the old name; sizes stay half of the time, so that some accesses still fit. */
function otherMap(map: MapSpec, random: Prng): MapSpec {
  const [type, key, value, flags = 0] = random.pick(types);
  const access = random.chance(0.15) && value === undefined ? random.pick(accessFlags) : 0;
  const inner = type === 'array_of_maps' || type === 'hash_of_maps';
  const { name, section, extra } = map;
  return {
    name,
    section,
    extra: type === 'bloom_filter' ? 0n : extra,
    pinning: false,
    type,
    typeNumber: mapTypeNumber(type),
    keySize: key ?? (random.chance(0.5) && map.keySize > 0 ? map.keySize : random.pick(keySizes)),
    valueSize: value ?? (random.chance(0.5) && map.valueSize > 0 ? map.valueSize : random.pick(valueSizes)),
    maxEntries: type === 'ringbuf' ? 4096 : random.pick([1, 1, 4, 64]),
    flags: flags | access,
    inner: inner ? plainArray(map) : undefined,
    btfKeyId: 0,
    btfValueId: 0,
  };
}

/** What a map of maps holds. */
function plainArray(map: MapSpec): MapSpec {
  const sizes = {
    type: 'array',
    typeNumber: mapTypeNumber('array'),
    keySize: 4,
    valueSize: 16,
    maxEntries: 2,
  } as const;
  return {
    name: `${map.name}_in`,
    section: map.section,
    extra: 0n,
    pinning: false,
    flags: 0,
    inner: undefined,
    btfKeyId: 0,
    btfValueId: 0,
    ...sizes,
  };
}

/** The object with about half of its maps replaced. */
export function mutateMaps(object: ObjectSpec, random: Prng): ObjectSpec {
  return { ...object, maps: object.maps.map((map) => (random.chance(0.5) ? otherMap(map, random) : map)) };
}
