/**
 * Bytecode to IR and back: every program of an object is made anew (super/rebuild.ts), shown to the verifier, and run
 * beside the old one on the same packets and map contents.
 */

import { UserError } from '../base/index.js';
import type { BpfVersion } from '../bpf/index.js';
import { Interpreter } from '../interp/index.js';
import { worldOf } from '../ir/index.js';
import { type ObjectSpec, type ProgramSpec, sizeMaps } from '../object/index.js';
import { rebuildProgram } from '../super/rebuild.js';
import { type ProgramFacts, verify } from '../verifier/index.js';
import { comparePackets } from './compare.js';
import { MachineSubject } from './machine-subject.js';
import { populate } from './populate.js';
import { seedMaps } from './seed-maps.js';
import type { Packet } from './subject.js';

/** How a program came back. */
export interface RoundTripRow {
  readonly object: string;
  readonly program: string;
  readonly status:
    | 'equal'
    | 'differs'
    /** No new code that the verifier accepts. */
    | 'refused'
    /** Accepted, but not run here. */
    | 'not run';
  /** Slots before and after. */
  readonly before: number;
  readonly after: number;
  /** Functions that stay as they were, and why. */
  readonly kept: readonly { readonly name: string; readonly why: string }[];
  readonly why?: string | undefined;
}

/** Elements of a map whose size the object leaves to its loader. */
const openMapEntries = 64;

/** Packets whose bytes serve as keys of maps. */
const sampled = 64;

/** A row for each XDP program that the verifier accepts as it is. */
export function roundTrips(
  read: ObjectSpec,
  packets: readonly Packet[],
  version: BpfVersion,
  seed: number,
): RoundTripRow[] {
  const { object } = sizeMaps(read, openMapEntries);
  const world = worldOf(object);
  const rows: RoundTripRow[] = [];
  for (const program of object.programs) {
    if (program.type !== 'xdp') continue;
    const { maps, btf, kernelBtf, license } = object;
    const old = factsOf(object, program);
    if (old === undefined) continue;
    const made = rebuildProgram(world, program, old, version, (next) => {
      return verify(next, maps, { btf, kernelBtf, license, logLevel: 0 }).accepted;
    });
    const base = { object: object.name, program: program.name, before: program.insns.length };
    if (made === undefined) rows.push({ ...base, status: 'refused', after: program.insns.length, kept: [] });
    else {
      const after = made.program.insns.length;
      rows.push({ ...base, after, kept: made.kept, ...runBoth(object, program, made.program, packets, seed) });
    }
  }
  return rows;
}

/** Undefined for a program that is refused, or that asks for what the verifier does not know. */
function factsOf({ maps, btf, kernelBtf, license }: ObjectSpec, program: ProgramSpec): ProgramFacts | undefined {
  try {
    return verify(program, maps, { btf, kernelBtf, license, facts: true, logLevel: 0 }).facts;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return undefined;
  }
}

function runBoth(
  object: ObjectSpec,
  before: ProgramSpec,
  after: ProgramSpec,
  packets: readonly Packet[],
  seed: number,
): Pick<RoundTripRow, 'status' | 'why'> {
  const filled = populate(object, before, new Set());
  const changed = { ...filled, programs: filled.programs.map((each) => (each.name === before.name ? after : each)) };
  try {
    const subjectOf = (each: ObjectSpec): MachineSubject =>
      new MachineSubject(each, before.name, (machine) => new Interpreter(machine), {});
    const [a, b] = [subjectOf(filled), subjectOf(changed)];
    const samples = packets.slice(0, sampled).map(({ data }) => data);
    seedMaps(filled, [a, b], seed, 1, samples);
    const { difference } = comparePackets(filled, a, b, packets);
    return difference === undefined ? { status: 'equal' } : { status: 'differs', why: difference.what };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { status: 'not run', why: error.message };
  }
}
