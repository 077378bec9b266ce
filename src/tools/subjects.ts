/** Object files with what lies beside them: contents of maps (`NAME.maps.json`) and, for the examples, a capture (`traffic.pcap`). */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { hostBtf } from '../linux/index.js';
import { type ObjectSpec, readObject, sizeMaps } from '../object/index.js';
import type { Arrival, SessionOptions } from '../runtime/index.js';
import { parseMapsFile } from '../vm/map-json.js';
import type { ObjectFile } from './objects.js';
import { readPackets } from './traffic.js';

/** Entries of maps whose size the object leaves to its loader, as on a machine of 8 CPUs. */
const openMapEntries = 8;

/** ELF machine number of BPF, and where the header says it. */
const machineAt = 18;
const machineBpf = 247;

export interface Subject {
  readonly object: ObjectSpec;
  readonly maps: SessionOptions['maps'];
}

/** Reads an object file and the contents of its maps; undefined if it holds machine code, as build trees do. Throws UserError. */
export function readSubject(file: ObjectFile): Subject | undefined {
  const bytes = readFileSync(file.path);
  if (bytes[machineAt] !== machineBpf) return undefined;
  const { object } = sizeMaps(readObject(bytes, { name: file.name, btf: hostBtf() }), openMapEntries);
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
