/**
 * Which maps the programs of an object may write: the rest change by the hand of the control plane alone, so what a
 * trace has seen of them stays true until that hand moves.
 */
import type { ObjectSpec } from '../object/index.js';
import { noAdditions } from './additions.js';
import { mapUses } from './map-uses.js';

/** What is known already: runtimes come and go, the object stays. */
const known = new WeakMap<ObjectSpec, bigint>();

/**
 * Whether a program of the object may write the map at this position; all maps that the object does not name count as
 * one. For programs that the verifier accepts.
 */
export function mayBeWritten(object: ObjectSpec, map: number): boolean {
  let written = known.get(object);
  if (written === undefined) {
    written = 0n;
    for (const program of object.programs)
      if (program.type === 'xdp') written |= mapUses(program, object.maps, noAdditions).written;
    known.set(object, written);
  }
  return ((written >> BigInt(Math.min(map, object.maps.length))) & 1n) !== 0n;
}
