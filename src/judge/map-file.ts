/**
 * Puts the contents of a map file (docs/maps.md) into the kernel's maps and a machine's. What stands for a program or a map is a number of
 * ours there and a file descriptor here. Interfaces that this host does not have become its loopback, on both sides: where a packet would
 * have gone is not compared, that the map has an entry is.
 */
import { InputError } from '../base/index.js';
import type { MapSpec, ObjectSpec } from '../object/index.js';
import { errno, errnoName } from '../platform/index.js';
import { encodeEntry, findMap, type MapsFile } from '../vm/index.js';
import type { KernelSubject } from './kernel-subject.js';
import type { MachineSubject } from './machine-subject.js';
import { hex } from './subject.js';

const loopback = 1;

/** Returns a complaint for each entry that one side takes and the other refuses. Throws InputError for one that both refuse. */
export function fillFromMapFile(
  object: ObjectSpec,
  contents: MapsFile,
  kernel: KernelSubject,
  machine: MachineSubject,
): string[] {
  const complaints: string[] = [];
  for (const [name, entries] of Object.entries(contents.maps)) {
    const map = findMap(machine.holder, name);
    const index = object.maps.findIndex((spec) => spec.name === name);
    for (const entry of entries) {
      const { key, value } = encodeEntry(machine.holder, map, entry);
      let theirs = kernel.update(index, key, kernel.translate(map.spec, value));
      let ours = machine.update(index, key, value);
      if (theirs !== ours && isDevmap(map.spec)) {
        const there = value.slice();
        new DataView(there.buffer).setUint32(0, loopback, true);
        theirs = kernel.update(index, key, kernel.translate(map.spec, there));
        ours = machine.update(index, key, there);
      }
      const place = `map \`${name}\`, key ${hex(key)}`;
      if (theirs !== ours) complaints.push(`${place}: kernel ${theirs}, ${machine.name} ${ours}`);
      // Dumps have the program's constants too, which are frozen.
      else if (ours < 0 && ours !== -errno.EPERM) throw new InputError(`${place} is refused with ${errnoName(ours)}`);
    }
  }
  return complaints;
}

function isDevmap(spec: MapSpec): boolean {
  return spec.type === 'devmap' || spec.type === 'devmap_hash';
}
