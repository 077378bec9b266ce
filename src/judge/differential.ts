/**
 * Differential testing of whole objects: every XDP program of an object on the kernel and on an engine, over the same packets and map
 * contents. Both run the same hermetic form of the object (see hermetic.ts), so nothing but the differences that
 * docs/fidelity.md lists may remain.
 */
import { UserError } from '../base/index.js';
import { type Bpf, lastWords, possibleCpus } from '../linux/index.js';
import { type ObjectSpec, type ProgramSpec, sizeMaps, xdpFitness } from '../object/index.js';
import { Prng } from '../packet/index.js';
import { type VerdictName, verdictName } from '../platform/index.js';
import type { MapsFile } from '../vm/index.js';
import { comparePackets, type Difference } from './compare.js';
import { inputValue, makeHermetic } from './hermetic.js';
import { KernelRefusal, KernelSubject } from './kernel-subject.js';
import { type EngineFactory, MachineSubject } from './machine-subject.js';
import { fillFromMapFile } from './map-file.js';
import { seedMaps } from './seed-maps.js';
import type { Packet, Subject } from './subject.js';

/** Elements of a map whose size the object leaves to its loader. */
const openMapEntries = 64;

export interface DifferentialOptions {
  readonly engine: EngineFactory;
  readonly seed: number;
  /** Contents of maps, e.g. of `NAME.maps.json`; the seed fills the others. */
  readonly contents?: MapsFile | undefined;
  /** The seed fills nothing. */
  readonly unseeded?: boolean;
}

export type RowStatus =
  /** Every packet the same. */
  | 'equal'
  | 'differs'
  /** The kernel does not take the program. */
  | 'refused'
  /** The kernel cannot test-run it, or it is no XDP program. */
  | 'skipped'
  /** jitnic cannot run it. */
  | 'unsupported';

export interface DifferentialRow {
  readonly object: string;
  readonly program: string;
  readonly insns: number;
  readonly status: RowStatus;
  readonly packets: number;
  readonly verdicts: Readonly<Partial<Record<VerdictName, number>>>;
  /** Why not equal. */
  readonly why?: string;
}

/** Length that BPF_PROG_TEST_RUN takes: at least an Ethernet header, at most a page less its reserves, or 17 pages more with fragments. */
export function fitsTestRun(packet: Uint8Array, program: ProgramSpec): boolean {
  return packet.length >= 14 && packet.length <= (program.frags ? 3520 + 17 * 4096 : 3520);
}

export function differentialObject(
  bpf: Bpf,
  object: ObjectSpec,
  packets: readonly Packet[],
  options: DifferentialOptions,
): DifferentialRow[] {
  return object.programs.map((program) => differentialProgram(bpf, object, program, packets, options));
}

function differentialProgram(
  bpf: Bpf,
  object: ObjectSpec,
  program: ProgramSpec,
  packets: readonly Packet[],
  options: DifferentialOptions,
): DifferentialRow {
  const row = { object: object.name, program: program.name, insns: program.insns.length, packets: 0, verdicts: {} };
  if (xdpFitness(program) === 'other') {
    const why =
      program.type === 'unspec'
        ? `section ${program.section} is not one of XDP's`
        : `a program of type ${program.type}`;
    return { ...row, status: 'skipped', why };
  }
  if (program.attach === 'xdp_cpumap' || program.attach === 'xdp_devmap') {
    return { ...row, status: 'skipped', why: `the kernel cannot test-run ${program.attach} programs` };
  }
  const hermetic = makeHermetic(sizeMaps(object, openMapEntries).object);
  const cpus = possibleCpus();
  let kernel: KernelSubject;
  try {
    kernel = new KernelSubject(bpf, hermetic.object, program.name);
  } catch (error) {
    if (error instanceof KernelRefusal)
      return { ...row, status: 'refused', why: lastWords(error.log) || error.message };
    if (error instanceof UserError) return { ...row, status: 'refused', why: error.message };
    throw error;
  }
  try {
    const engine = new MachineSubject(hermetic.object, program.name, options.engine, { cpus });
    const subjects: readonly Subject[] = [kernel, engine];
    const usable = packets.filter((packet) => fitsTestRun(packet.data, program));
    if (options.unseeded !== true) {
      const inFile = new Set(Object.keys(options.contents?.maps ?? {}));
      const samples = usable.slice(0, 64).map((packet) => packet.data);
      const complaint = seedMaps(hermetic.object, subjects, options.seed, cpus, samples, inFile)[0];
      if (complaint !== undefined) return { ...row, status: 'differs', why: complaint };
    }
    if (options.contents !== undefined) {
      const complaint = fillFromMapFile(hermetic.object, options.contents, kernel, engine)[0];
      if (complaint !== undefined) return { ...row, status: 'differs', why: complaint };
    }
    const random = new Prng(options.seed);
    const clock = packetClock(usable, random);
    const before = (index: number): void => {
      if (hermetic.inputMap === undefined) return;
      const value = inputValue(clock(index), random.u32());
      for (const subject of subjects) subject.update(hermetic.inputMap, new Uint8Array(4), value);
    };
    const result = comparePackets(hermetic.object, kernel, engine, usable, { before });
    const verdicts: Partial<Record<VerdictName, number>> = {};
    for (const [verdict, count] of result.verdicts) {
      verdicts[verdictName(verdict)] = (verdicts[verdictName(verdict)] ?? 0) + count;
    }
    const done = { ...row, packets: result.packets, verdicts };
    if (result.difference === undefined) return { ...done, status: 'equal' };
    return { ...done, status: 'differs', why: describeDifference(result.difference, usable) };
  } catch (error) {
    if (error instanceof UserError) return { ...row, status: 'unsupported', why: error.format() };
    throw error;
  } finally {
    kernel.close();
  }
}

/**
 * Nanoseconds since boot at each packet: those of the capture, counted from its first packet; without a capture a tenth of a second, and then
 * some, from one packet to the next, so that timeouts expire and buckets fill.
 */
function packetClock(packets: readonly Packet[], random: Prng): (index: number) => bigint {
  const boot = 1_000_000_000n;
  const first = packets[0]?.time;
  return (index) => {
    const time = packets[index]?.time;
    if (time !== undefined && first !== undefined) return time > first ? boot + time - first : boot;
    return BigInt(index + 1) * 100_000_000n + BigInt(random.below(1000));
  };
}

function describeDifference(difference: Difference, packets: readonly Packet[]): string {
  const packet = packets[difference.packet];
  const size = packet === undefined ? '' : ` (${packet.data.length} B)`;
  return `packet ${difference.packet}${size}: ${difference.what}`;
}
