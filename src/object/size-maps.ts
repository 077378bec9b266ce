/**
 * Maps whose size the object file leaves open (`max_entries` 0): the program's own loader sets it at run time, to the
 * number of CPUs or of interfaces. Linux refuses to create them as they are, so who runs such an object without its
 * loader has to choose.
 */
import type { MapSpec, ObjectSpec } from './spec.js';

/** The object with every map creatable, and what had to be chosen for that. */
export interface SizedObject {
  readonly object: ObjectSpec;
  /** Names of the maps that were given a size. */
  readonly sized: readonly string[];
}

/** Bytes of a ring buffer: a power of two and whole pages. */
const ringbufBytes = 1 << 18;

/**
 * Gives maps without a size `sizes` by name, else `fallback` entries. A perf event array sizes itself, by the CPUs.
 */
export function sizeMaps(
  object: ObjectSpec,
  fallback: number,
  sizes: ReadonlyMap<string, number> = new Map(),
): SizedObject {
  const sized: string[] = [];
  const size = (map: MapSpec): MapSpec => {
    const given = sizes.get(map.name);
    if (given !== undefined) return { ...map, maxEntries: given };
    const open = map.maxEntries === 0 && map.type !== 'perf_event_array' && map.type !== 'sk_storage';
    if (!open) return map;
    sized.push(map.name);
    return { ...map, maxEntries: map.type === 'ringbuf' ? ringbufBytes : fallback };
  };
  const maps = object.maps.map(size);
  return { object: sized.length === 0 && sizes.size === 0 ? object : { ...object, maps }, sized };
}
