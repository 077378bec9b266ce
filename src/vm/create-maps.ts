/**
 * Makes the maps of an object and fills in what the object file says they hold: data sections, inner maps and
 * tail-call targets.
 */
import { InputError } from '../base/index.js';
import { isConstantSection, type MapSpec, mapFacts, type ObjectSpec } from '../object/index.js';
import { errnoName } from '../platform/index.js';
import type { BpfMap } from './map.js';
import { createMap } from './maps/index.js';
import type { GuestMemory } from './memory.js';

/**
 * The object's maps by index. Throws InputError for a map that Linux would refuse, BudgetError when they do not fit.
 */
export function createMaps(object: ObjectSpec, memory: GuestMemory, cpus: number): BpfMap[] {
  const maps: BpfMap[] = [];
  const context = { cpus, programs: object.programs, mapById: (id: number) => maps[id - 1] };
  for (const [index, spec] of object.maps.entries()) {
    maps.push(createMap(spec, index, memory, { ...context, facts: mapFacts(object.btf, spec) }));
  }
  for (const map of maps) initialise(map, maps, object);
  return maps;
}

function initialise(map: BpfMap, maps: readonly BpfMap[], object: ObjectSpec): void {
  const { init, name } = map.spec;
  const place = { file: object.name, section: map.spec.section };
  switch (init?.kind) {
    case 'data': {
      const value = new Uint8Array(map.spec.valueSize);
      value.set(init.bytes.subarray(0, value.length));
      put(map, 0, value, object);
      if (isConstantSection(map.spec.section)) map.freeze();
      return;
    }
    case 'maps':
      for (const [slot, index] of init.slots) {
        const inner = maps[index];
        if (inner === undefined)
          throw new InputError(`map ${name}: slot ${slot} names map ${index}, which is not there`, place);
        put(map, slot, word(inner.id), object);
      }
      return;
    case 'programs':
      for (const [slot, program] of init.slots) {
        const index = object.programs.findIndex((candidate) => candidate.name === program);
        if (index < 0)
          throw new InputError(`map ${name}: slot ${slot} names program ${program}, which is not there`, place);
        put(map, slot, word(index + 1), object);
      }
      return;
    default:
      return;
  }
}

function put(map: BpfMap, slot: number, value: Uint8Array, object: ObjectSpec): void {
  const result = map.updateElem(word(slot), value);
  if (result === 0) return;
  const { name, section } = map.spec;
  throw new InputError(`map ${name}: slot ${slot} cannot be initialised: ${errnoName(result)}`, {
    file: object.name,
    section,
  });
}

function word(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

/** Map types that jitnic models; programs that refer to others are refused. */
const modelled: ReadonlySet<MapSpec['type']> = new Set([
  'hash',
  'array',
  'prog_array',
  'perf_event_array',
  'percpu_hash',
  'percpu_array',
  'lru_hash',
  'lru_percpu_hash',
  'lpm_trie',
  'array_of_maps',
  'hash_of_maps',
  'devmap',
  'cpumap',
  'xskmap',
  'queue',
  'stack',
  'devmap_hash',
  'ringbuf',
  'bloom_filter',
]);

/** Why a program may not use this map, or undefined. */
export function mapRefusal(spec: MapSpec): string | undefined {
  return modelled.has(spec.type)
    ? undefined
    : `map ${spec.name}: map type ${spec.type} (${spec.typeNumber}) is not supported`;
}
