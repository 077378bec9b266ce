import { BudgetError, InputError } from '../../base/index.js';
import { creationOf, type MapSpec } from '../../object/index.js';
import { errnoName } from '../../platform/index.js';
import type { BpfMap } from '../map.js';
import type { GuestMemory } from '../memory.js';
import { ArrayMap, PercpuArrayMap } from './array.js';
import { BloomFilterMap } from './bloom-filter.js';
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

/** `hash, key 4 B, value 8 B, 16 entries, flags 0x0`. */
function mapShape({ type, keySize, valueSize, maxEntries, flags }: MapSpec): string {
  return `${type}, key ${keySize} B, value ${valueSize} B, ${maxEntries} entries, flags 0x${flags.toString(16)}`;
}

/**
 * Makes an empty map. Throws InputError (with Linux's error number in the text) when Linux would refuse the spec,
 * BudgetError when guest memory is too small. A type that jitnic does not model becomes a map every use of which
 * throws UnsupportedError: an object may carry it for other programs than the one that runs.
 */
export function createMap(spec: MapSpec, index: number, memory: GuestMemory, context: MapContext): BpfMap {
  const Class = classes[spec.type];
  if (Class === undefined) return new OpaqueMap({ ...spec, keySize: 0 }, index, memory);
  const { spec: created, facts, refusal } = creationOf(spec, context.cpus, context.facts);
  const place = { section: spec.section };
  if (refusal !== undefined) {
    const what = `map \`${spec.name}\` (${mapShape(spec)}) is refused by Linux with ${errnoName(refusal.errno)}`;
    throw new InputError(`${what}: ${refusal.reason}`, place);
  }
  try {
    return new Class(created, index, memory, { ...context, facts });
  } catch (error) {
    if (error instanceof BudgetError)
      throw new BudgetError(`map \`${spec.name}\`: ${error.message}`, place, error.hint);
    throw error;
  }
}
