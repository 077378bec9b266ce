/**
 * Do two objects decide alike? Every program of one beside that of the same name of the other, on engines of ours,
 * over the same packets and several contents of maps. Both machines are told the same time and the same random
 * numbers, so whatever differs is the programs'.
 */

import { InputError, UserError } from '../base/index.js';
import { Interpreter } from '../interp/index.js';
import { type Bpf, fitsTestRun } from '../linux/index.js';
import { type ObjectSpec, type ProgramSpec, sizeMaps, xdpFitness } from '../object/index.js';
import type { Machine } from '../vm/index.js';
import { comparePackets, type Difference } from './compare.js';
import { KernelRefusal, KernelSubject, skbRunTypes } from './kernel-subject.js';
import { type EngineFactory, MachineSubject } from './machine-subject.js';
import { populate } from './populate.js';
import { seedMaps } from './seed-maps.js';
import type { Packet, Subject } from './subject.js';

/** Elements of a map whose size the object leaves to its loader. */
const openMapEntries = 64;

/** What is run, and how often. */
export interface ObjectDifferenceOptions {
  /** Default: the interpreter. */
  readonly engine?: EngineFactory | undefined;
  /** One for each content of the maps. */
  readonly seeds: readonly number[];
  /** Of these programs only. */
  readonly programs?: readonly string[] | undefined;
  /** Runs programs over socket buffers (TC, socket filters), which engines of ours do not. */
  readonly kernel?: Bpf | undefined;
}

/** How one program did. */
export interface ObjectDifferenceRow {
  readonly program: string;
  /** Packets that both ran, over all contents of maps; 0 for a program that can't be run here. */
  readonly packets: number;
  readonly difference:
    | (Difference & { readonly seed: number; readonly packetBytes: Uint8Array | undefined })
    | undefined;
  /** Why it was not run, or why a difference does not count. */
  readonly why: string | undefined;
}

/** A row for each program of `before` that `after` has too and that can be run as XDP, or by the kernel. */
export function compareObjects(
  before: ObjectSpec,
  after: ObjectSpec,
  packets: readonly Packet[],
  options: ObjectDifferenceOptions,
): ObjectDifferenceRow[] {
  return before.programs
    .filter(({ name }) => options.programs?.includes(name) ?? true)
    .map((program) => compareProgram(before, after, program, packets, options));
}

function compareProgram(
  before: ObjectSpec,
  after: ObjectSpec,
  program: ProgramSpec,
  packets: readonly Packet[],
  { engine = (machine: Machine) => new Interpreter(machine), seeds, kernel }: ObjectDifferenceOptions,
): ObjectDifferenceRow {
  const row = { program: program.name, packets: 0, difference: undefined, why: undefined };
  const isOurs = xdpFitness(program) !== 'other';
  if (!isOurs && (kernel === undefined || !skbRunTypes.includes(program.type)))
    return { ...row, why: `a program of type ${program.type}` };
  const compareOnce: CompareOnce = isOurs ? withEngine(engine) : withKernel(kernel as Bpf); // as just asked
  if (packets.length === 0) return { ...row, why: 'no packets' };
  let compared = 0;
  const share = Math.max(1, Math.ceil(packets.length / seeds.length));
  for (const [i, seed] of seeds.entries()) {
    const part = packets.slice(i * share, (i + 1) * share);
    try {
      const found = compareOnce(before, after, program.name, part, seed);
      compared += found.packets;
      const { difference } = found;
      if (difference === undefined) continue;
      const packetBytes = part[difference.packet]?.data;
      // Who differs from itself with other garbage on the stack, or elsewhere in memory, has no outcome to compare.
      const twin = compareOnce(before, before, program.name, part, seed, { slide: 0x54320, stackFill: 0x5a });
      if (twin.difference !== undefined) {
        return { ...row, packets: compared, why: 'it depends on addresses or on stack it never wrote' };
      }
      return { ...row, packets: compared, difference: { ...difference, seed, packetBytes } };
    } catch (error) {
      if (error instanceof UserError) return { ...row, why: error.format() };
      if (error instanceof KernelRefusal) return { ...row, why: error.message };
      throw error;
    }
  }
  return { ...row, packets: compared };
}

/** Two versions of a program over the same packets and one content of maps. */
type CompareOnce = (
  before: ObjectSpec,
  after: ObjectSpec,
  name: string,
  packets: readonly Packet[],
  seed: number,
  other?: { readonly slide?: number; readonly stackFill?: number },
) => { readonly packets: number; readonly difference: Difference | undefined };

function withEngine(engine: EngineFactory): CompareOnce {
  return (before, after, name, packets, seed, other = {}) => {
    const [first, second] = [before, after].map((object) => runnable(object, name)) as [ObjectSpec, ObjectSpec];
    const subjects = [
      new MachineSubject(first, name, engine, { cpus: 1 }),
      new MachineSubject(second, name, engine, { cpus: 1, ...other }),
    ] as const;
    return compareSeeded(first, subjects, packets, seed);
  };
}

/** What the kernel can't be told (the time, where memory lies) differs from run to run; so does who looks at it. */
function withKernel(bpf: Bpf): CompareOnce {
  return (before, after, name, packets, seed) => {
    const [first, second] = [before, after].map((object) => sizeMaps(object, openMapEntries).object) as [
      ObjectSpec,
      ObjectSpec,
    ];
    const fitting = packets.filter(({ data }) => fitsTestRun(data.length, { frags: false }));
    const old = new KernelSubject(bpf, first, name);
    try {
      const made = new KernelSubject(bpf, second, name);
      try {
        const { packets: all, difference } = compareSeeded(first, [old, made], fitting, seed);
        if (all > 0 && old.stops >= all) throw new InputError('the kernel runs none of the packets');
        return { packets: all - old.stops, difference };
      } finally {
        made.close();
      }
    } finally {
      old.close();
    }
  };
}

function compareSeeded(
  object: ObjectSpec,
  subjects: readonly [Subject, Subject],
  packets: readonly Packet[],
  seed: number,
): { readonly packets: number; readonly difference: Difference | undefined } {
  const keys = packets.slice(0, 64).map(({ data }) => data);
  seedMaps(object, subjects, seed, 1, keys);
  return comparePackets(object, subjects[0], subjects[1], packets, { eachPacketLimit: 0 });
}

/** The object with what its loader would add, and the program as one that runs on its own. */
function runnable(object: ObjectSpec, name: string): ObjectSpec {
  const programs = object.programs.map(
    (each): ProgramSpec =>
      each.name === name && each.attach !== 'xdp' ? { ...each, type: 'xdp', attach: 'xdp' } : each,
  );
  const sized = sizeMaps({ ...object, programs }, openMapEntries).object;
  const program = sized.programs.find((each) => each.name === name);
  return program === undefined ? sized : populate(sized, program, new Set());
}
