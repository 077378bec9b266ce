/**
 * Makes the maps of an object and fills in what the object file says they hold: data sections, inner maps and
 * tail-call targets.
 */
import { InputError, UnsupportedError } from '../base/index.js';
import type { MapSpec, ObjectSpec } from '../object/index.js';
import { errno, errnoName } from '../platform/index.js';
import { BpfMap, type MapEntry } from './map.js';
import { createMap, type MapEnvironment } from './maps/index.js';
import type { GuestMemory } from './memory.js';

/** Stands for a map that cannot be made here: only a program that refers to it is refused. */
export class MissingMap extends BpfMap {
  readonly reason: UnsupportedError;

  constructor(spec: MapSpec, index: number, memory: GuestMemory, reason: UnsupportedError) {
    super(spec, index, memory);
    this.reason = reason;
  }

  lookup(): number {
    return 0;
  }

  update(): number {
    return -errno.EINVAL;
  }

  delete(): number {
    return -errno.EINVAL;
  }

  lookupElem(): undefined {
    return undefined;
  }

  updateElem(): number {
    return -errno.EINVAL;
  }

  deleteElem(): number {
    return -errno.EINVAL;
  }

  *entries(): IterableIterator<MapEntry> {}
}

/** The object's maps by index. Throws BudgetError when they do not fit. */
export function createMaps(object: ObjectSpec, environment: MapEnvironment): BpfMap[] {
  const maps = object.maps.map((spec, index) => create(spec, index, environment));
  for (const map of maps) initialise(map, maps, object);
  return maps;
}

function create(spec: MapSpec, index: number, environment: MapEnvironment): BpfMap {
  try {
    return createMap(spec, index, environment);
  } catch (error) {
    if (error instanceof UnsupportedError) return new MissingMap(spec, index, environment.memory, error);
    throw error;
  }
}

function initialise(map: BpfMap, maps: readonly BpfMap[], object: ObjectSpec): void {
  const { init } = map.spec;
  if (init === undefined || map instanceof MissingMap) return;
  switch (init.kind) {
    case 'data': {
      const value = new Uint8Array(map.spec.valueSize);
      value.set(init.bytes.subarray(0, value.length));
      put(map.spec, map.updateElem(word(0), value, 0n), object);
      return;
    }
    case 'maps':
      for (const [slot, index] of init.slots) {
        const inner = maps[index];
        if (inner === undefined)
          throw new InputError(`map ${map.spec.name}: slot ${slot} names map ${index}, which is not there`);
        put(map.spec, map.updateElem(word(slot), word(inner.index), 0n), object);
      }
      return;
    case 'programs':
      for (const [slot, name] of init.slots) {
        const program = object.programs.findIndex((candidate) => candidate.name === name);
        if (program < 0)
          throw new InputError(`map ${map.spec.name}: slot ${slot} names program ${name}, which is not there`);
        put(map.spec, map.updateElem(word(slot), word(program + 1), 0n), object);
      }
      return;
  }
}

function put(spec: MapSpec, result: number, object: ObjectSpec): void {
  if (result === 0) return;
  const reason = result === -errno.E2BIG ? 'the slot is past max_entries' : errnoName(result);
  throw new InputError(`map ${spec.name}: its initial values do not fit: ${reason}`, {
    file: object.name,
    section: spec.section,
  });
}

function word(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}
