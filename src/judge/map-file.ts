/**
 * Puts the contents of a map file (docs/maps.md) into the maps of all subjects. What stands for a program or a map is
 * a number of ours in a machine and a file descriptor in the kernel. Interfaces that this host does not have become
 * its loopback, on all sides: where a packet would have gone is not compared, that the map has an entry is.
 */
import { InputError } from '../base/index.js';
import type { MapSpec, ObjectSpec } from '../object/index.js';
import { errno, errnoName } from '../platform/index.js';
import { encodeEntry, findMap, type MapHolder, type MapsFile } from '../vm/index.js';
import { hex, type Subject } from './subject.js';

const loopback = 1;

/**
 * Returns a complaint for each entry that one subject takes and another refuses. Throws InputError for one that all
 * refuse.
 */
export function fillFromMapFile(
  object: ObjectSpec,
  contents: MapsFile,
  subjects: readonly Subject[],
  holder: MapHolder,
): string[] {
  const complaints: string[] = [];
  for (const [name, entries] of Object.entries(contents.maps)) {
    const map = findMap(holder, name);
    const index = object.maps.findIndex((spec) => spec.name === name);
    for (const entry of entries) {
      const { key, value } = encodeEntry(holder, map, entry);
      const put = (what: Uint8Array): number[] =>
        subjects.map((subject) => subject.update(index, key, subject.translate(map.spec, what)));
      let results = put(value);
      if (differ(results) && isDevmap(map.spec)) {
        const there = value.slice();
        new DataView(there.buffer).setUint32(0, loopback, true);
        results = put(there);
      }
      const place = `map \`${name}\`, key ${hex(key)}`;
      const [first = 0] = results;
      if (differ(results)) complaints.push(`${place}: ${subjects.map((s, i) => `${s.name} ${results[i]}`).join(', ')}`);
      // Dumps have the program's constants too, which are frozen.
      else if (first < 0 && first !== -errno.EPERM)
        throw new InputError(`${place} is refused with ${errnoName(first)}`);
    }
  }
  return complaints;
}

/** Subjects that answer an update differently. */
function differ(results: readonly number[]): boolean {
  return results.some((result) => result !== results[0]);
}

function isDevmap(spec: MapSpec): boolean {
  return spec.type === 'devmap' || spec.type === 'devmap_hash';
}
