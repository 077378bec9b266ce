/** From what a core counted to where maps stand. */
import { mayBeWritten } from '../../code/index.js';
import type { MapSpec, ObjectSpec } from '../../object/index.js';
import type { CardDescription } from '../description.js';
import { mapMemories, type PlacedMap, placeMaps } from './placement.js';
import type { Placed } from './rates.js';
import type { Work } from './work.js';

/** Bytes of an element as the card keeps it: there are no CPUs to have values of their own. */
export function elementBytes({ type, keySize, valueSize }: MapSpec): number {
  const isKeyed = type.includes('hash') || type.includes('trie');
  return Math.ceil(valueSize / 8) * 8 + (isKeyed ? Math.ceil(keySize / 8) * 8 + 8 : 0);
}

/** All maps in the memory furthest away, as the driver of Linux places them. */
export function placedFar(object: ObjectSpec): Placed {
  return { places: [], near: [], isWritten: (map) => isWritten(object, map) };
}

/**
 * Where maps stand for the least waiting, by what packets did. `elements`: how often each element was used, by map.
 * Undefined: they do not fit into the card's memories.
 */
export function placedByCounts(
  card: CardDescription,
  object: ObjectSpec,
  work: Work,
  elements: readonly ReadonlyMap<number, number>[] = [],
): Placed | undefined {
  const memories = mapMemories(card);
  const packets = Math.max(1, work.packets);
  const maps = object.maps.map((spec, map): PlacedMap => {
    const counts = [...(elements[map]?.values() ?? [])].sort((x, y) => y - x);
    const all = counts.reduce((sum, count) => sum + count, 0);
    const each = elementBytes(spec);
    return {
      name: spec.name,
      bytes: each * spec.maxEntries,
      accesses: (work.maps[map] ?? 0) / packets,
      isWritten: isWritten(object, map),
      elements: counts.map((count) => count / all),
      elementBytes: each,
    };
  });
  const placement = placeMaps(maps, memories);
  if (placement === undefined) return undefined;
  const near = placement.places.map(({ hot }, map) =>
    (maps[map]?.elements ?? []).slice(0, hot?.elements ?? 0).reduce((sum, share) => sum + share, 0),
  );
  return { places: placement.places, near, isWritten: (map) => isWritten(object, map) };
}

/** Maps that a program got from another map are not told apart by the text. */
function isWritten(object: ObjectSpec, map: number): boolean {
  return map >= object.maps.length || mayBeWritten(object, map);
}
