import { BudgetError, InputError } from '../../base/index.js';
import type { MapSpec } from '../../object/spec.js';
import { errnoName, mapFlags } from '../../platform/index.js';
import type { BpfMap } from '../map.js';
import type { GuestMemory } from '../memory.js';
import { ArrayMap, PercpuArrayMap } from './array.js';
import { BloomFilterMap } from './bloom-filter.js';
import { checkMapSpec } from './check.js';
import type { MapContext } from './context.js';
import { DevmapHashMap } from './devmap-hash.js';
import { HashMap } from './hash.js';
import { LpmTrieMap } from './lpm-trie.js';
import { LruHashMap, LruPercpuHashMap } from './lru-hash.js';
import { ArrayOfMapsMap, HashOfMapsMap } from './map-in-map.js';
import { OpaqueMap } from './opaque.js';
import { PercpuHashMap } from './percpu-hash.js';
import { PerfEventArrayMap } from './perf-event-array.js';
import { ProgArrayMap } from './prog-array.js';
import { QueueMap, StackMap } from './queue-stack.js';
import { CpumapMap, DevmapMap, XskmapMap } from './redirect-slots.js';
import { RingbufMap } from './ringbuf.js';

type MapClass = new (spec: MapSpec, index: number, memory: GuestMemory, context: MapContext) => BpfMap;

const classes: { readonly [type in MapSpec['type']]?: MapClass } = {
  array: ArrayMap,
  percpu_array: PercpuArrayMap,
  hash: HashMap,
  percpu_hash: PercpuHashMap,
  lru_hash: LruHashMap,
  lru_percpu_hash: LruPercpuHashMap,
  lpm_trie: LpmTrieMap,
  prog_array: ProgArrayMap,
  perf_event_array: PerfEventArrayMap,
  array_of_maps: ArrayOfMapsMap,
  hash_of_maps: HashOfMapsMap,
  devmap: DevmapMap,
  devmap_hash: DevmapHashMap,
  cpumap: CpumapMap,
  xskmap: XskmapMap,
  queue: QueueMap,
  stack: StackMap,
  bloom_filter: BloomFilterMap,
  ringbuf: RingbufMap,
};

const pageSize = 4096;

/** What libbpf makes of a spec before it asks the kernel, and the kernel's own rounding. */
function adjustSpec(spec: MapSpec, cpus: number): MapSpec {
  const maxEntries = adjustMaxEntries(spec, cpus);
  const inner = spec.inner === undefined ? undefined : adjustSpec(spec.inner, cpus);
  return maxEntries === spec.maxEntries && inner === spec.inner ? spec : { ...spec, maxEntries, inner };
}

function adjustMaxEntries(spec: MapSpec, cpus: number): number {
  const { type, maxEntries } = spec;
  // libbpf: a perf event array of no declared size has a slot for each CPU.
  if (type === 'perf_event_array' && maxEntries === 0) return cpus;
  if (type === 'ringbuf' && maxEntries > 0) {
    // libbpf, adjust_ringbuf_sz: the next power of two of pages.
    let size = pageSize;
    while (size < maxEntries) size *= 2;
    return size;
  }
  if ((type === 'lru_hash' || type === 'lru_percpu_hash') && (spec.flags & mapFlags.noCommonLru) !== 0) {
    // htab_map_alloc: every CPU's list has the same number of elements, at least one.
    const rounded = Math.ceil(maxEntries / cpus) * cpus;
    return rounded > 0xffff_ffff ? Math.floor(maxEntries / cpus) * cpus : rounded;
  }
  return maxEntries;
}

/**
 * Makes an empty map. Throws InputError (with Linux's error number in the text) when Linux would refuse the spec,
 * BudgetError when guest memory is too small. A type that jitnic does not model becomes a map every use of which
 * throws UnsupportedError: an object may carry it for other programs than the one that runs.
 */
export function createMap(spec: MapSpec, index: number, memory: GuestMemory, context: MapContext): BpfMap {
  const Class = classes[spec.type];
  if (Class === undefined) return new OpaqueMap({ ...spec, keySize: 0 }, index, memory);
  const adjusted = adjustSpec(spec, context.cpus);
  const refusal = checkMapSpec(adjusted, context.facts);
  const place = { section: spec.section };
  if (refusal !== 0) {
    const shape = `${spec.type}, key ${spec.keySize} B, value ${spec.valueSize} B, ${spec.maxEntries} entries, flags 0x${spec.flags.toString(16)}`;
    throw new InputError(`map \`${spec.name}\` (${shape}) is refused by Linux with ${errnoName(refusal)}`, place);
  }
  try {
    return new Class(adjusted, index, memory, context);
  } catch (error) {
    if (error instanceof BudgetError)
      throw new BudgetError(`map \`${spec.name}\`: ${error.message}`, place, error.hint);
    throw error;
  }
}
