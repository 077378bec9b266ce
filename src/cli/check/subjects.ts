/**
 * Object files with what lies beside them: contents of maps (`NAME.maps.json`) and, for the examples, a capture
 * (`traffic.pcap`).
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { hostKernel } from '../../linux/index.js';
import { bindToDevice, type ObjectSpec, readObject, sizeMaps } from '../../object/index.js';
import type { Arrival, SessionOptions } from '../../runtime/index.js';
import { parseMapsFile } from '../../vm/map-json.js';
import type { ObjectFile } from './objects.js';
import { readPackets } from './traffic.js';

/** Entries of maps whose size the object leaves to its loader, as on a machine of 8 CPUs. */
const openMapEntries = 8;

/**
 * Where an ELF header says the machine, and what it is in objects for BPF: EM_BPF, or nothing from very old compilers.
 */
const machineAt = 18;
const machinesOfBpf: readonly number[] = [247, 0];

/** What is said of an object that {@link readSubject} has nothing to do with. */
export const notForBpf = 'machine code, not BPF';

/** An object, its open sizes set as on a machine of 8 CPUs, and what its maps hold before the first packet. */
export interface Subject {
  readonly object: ObjectSpec;
  readonly maps: SessionOptions['maps'];
}

/**
 * Reads an object file and the contents of its maps; undefined if it holds machine code, as those of build trees do.
 * Throws UserError. `devBound`: as a loader has it that binds programs to a device.
 */
export function readSubject(file: ObjectFile, devBound = false): Subject | undefined {
  const bytes = readFileSync(file.path);
  // An ELF header is 64 bytes and begins with 7f 45 4c 46; whatever is none the reader refuses with a reason.
  const isElf = bytes.length >= 64 && bytes.readUInt32BE(0) === 0x7f454c46;
  if (isElf && !machinesOfBpf.includes(bytes.readUInt16LE(machineAt))) return undefined;
  const read = readObject(bytes, { name: file.name, ...hostKernel() });
  const { object } = sizeMaps(devBound ? bindToDevice(read) : read, openMapEntries);
  const beside = `${file.path.replace(/\.o$/, '')}.maps.json`;
  if (!existsSync(beside)) return { object, maps: undefined };
  const name = `${file.name.replace(/\.o$/, '')}.maps.json`;
  return { object, maps: { contents: parseMapsFile(readFileSync(beside, 'utf8'), name), file: name } };
}

/** The packets of the capture beside an object file; undefined if there is none. */
export async function packetsBeside(file: ObjectFile, limit: number): Promise<Arrival[] | undefined> {
  const path = join(dirname(file.path), 'traffic.pcap');
  return existsSync(path) ? readPackets(path, limit) : undefined;
}
