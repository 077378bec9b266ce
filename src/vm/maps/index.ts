// Stand-in until the map types are here.
import { UnsupportedError } from '../../base/index.js';
import type { MapSpec } from '../../object/index.js';
import type { BpfMap } from '../map.js';
import type { GuestMemory } from '../memory.js';

export interface MapEnvironment {
  readonly memory: GuestMemory;
  readonly cpus: number;
}

export function createMap(spec: MapSpec, _index: number, _environment: MapEnvironment): BpfMap {
  throw new UnsupportedError(`map ${spec.name}: type ${spec.type} is not supported`);
}
