/**
 * Differential testing of whole objects: every XDP program of an object on the kernel and on an engine, over the same
 * packets and map contents. Both run the same hermetic form of the object (see hermetic.ts), so nothing but the
 * differences that docs/fidelity.md lists may remain.
 */
import { UnsupportedError, UserError } from '../base/index.js';
import { type Bpf, fitsTestRun, lastWords, possibleCpus } from '../linux/index.js';
import { needsDevice, type ObjectSpec, type ProgramSpec, sizeMaps, xdpFitness } from '../object/index.js';
import { Prng } from '../packet/index.js';
import { asksForConnections, type VerdictName, verdictName } from '../platform/index.js';
import type { MapHolder, MapsFile } from '../vm/index.js';
import { comparePackets, type Difference } from './compare.js';
import { type Hermetic, inputValue, isHermetic, makeHermetic } from './hermetic.js';
import { KernelRefusal, KernelSubject } from './kernel-subject.js';
import { type EngineFactory, MachineSubject } from './machine-subject.js';
import { fillFromMapFile } from './map-file.js';
import { populate } from './populate.js';
import { isReproducible } from './reproducible.js';
import { seedMaps } from './seed-maps.js';
import type { Packet, Subject } from './subject.js';

/** Elements of a map whose size the object leaves to its loader. */
const openMapEntries = 64;

/** What is compared with the kernel, and on what. */
export interface DifferentialOptions {
  readonly engine: EngineFactory;
  readonly seed: number;
  /** Contents of maps, e.g. of `NAME.maps.json`; the seed fills the others. */
  readonly contents?: MapsFile | undefined;
  /** The seed fills nothing. */
  readonly unseeded?: boolean;
}

/** How a program did. */
export type RowStatus =
  /** Every packet the same. */
  | 'equal'
  | 'differs'
  /** The kernel does not take the program. */
  | 'refused'
  /** It is no XDP program. */
  | 'not XDP'
  /** No packet has a length that a test run takes, or the outcome depends on addresses or the kernel's clock. */
  | 'incomparable'
  /** The kernel runs it and jitnic cannot. */
  | 'unsupported'
  /** The object or what lies beside it cannot be read. */
  | 'unreadable';

/** A program of the object and how it did. */
export interface DifferentialRow {
  readonly object: string;
  readonly program: string;
  readonly insns: number;
  readonly status: RowStatus;
  readonly packets: number;
  readonly verdicts: Readonly<Partial<Record<VerdictName, number>>>;
  /** Packets that a test run does not take. */
  readonly leftOut: number;
  /** The engine is a compiler, and ran the program in the interpreter. */
  readonly notCompiled?: string | undefined;
  /** Why not equal, or what was special. */
  readonly why?: string | undefined;
}

/** A row for each XDP program of the object, in order. */
export function differentialObject(
  bpf: Bpf,
  object: ObjectSpec,
  packets: readonly Packet[],
  options: DifferentialOptions,
): DifferentialRow[] {
  return object.programs.map((program) => {
    const usable = packets.filter((packet) => fitsTestRun(packet.data.length, program));
    const row = {
      object: object.name,
      program: program.name,
      insns: program.insns.length,
      packets: 0,
      leftOut: packets.length - usable.length,
      verdicts: {},
    };
    try {
      return { ...row, ...differentialProgram(bpf, object, program, usable, options) };
    } catch (error) {
      if (error instanceof UnsupportedError) return { ...row, status: 'unsupported', why: error.format() };
      if (error instanceof UserError) return { ...row, status: 'unreadable', why: error.format() };
      // A mistake of ours is a difference too, and the other programs are to be run all the same.
      return { ...row, status: 'differs', why: `jitnic fails: ${error instanceof Error ? error.message : error}` };
    }
  });
}

/** A row without what is known of every program. */
type ProgramResult = Pick<DifferentialRow, 'status' | 'why'> & Partial<DifferentialRow>;

/** One program: made hermetic, loaded in the kernel, run on both sides. What cannot be compared says why. */
function differentialProgram(
  bpf: Bpf,
  object: ObjectSpec,
  program: ProgramSpec,
  packets: readonly Packet[],
  options: DifferentialOptions,
): ProgramResult {
  if (xdpFitness(program) === 'other') {
    const { type, section } = program;
    return { status: 'not XDP', why: type === 'unspec' ? `section ${section}` : `a program of type ${type}` };
  }
  if (packets.length === 0) return { status: 'incomparable', why: 'no packet has a length that a test run takes' };
  const sized = sizeMaps(asPlainXdp(object, program), openMapEntries).object;
  const plain = makeHermetic(sized);
  const filled = options.unseeded === true ? plain : makeHermetic(populate(sized, program, namesIn(options.contents)));
  const first = loadInKernel(bpf, filled.object, program.name);
  // A program array may not take all of the object's programs.
  const again =
    first instanceof KernelSubject || filled === plain ? first : loadInKernel(bpf, plain.object, program.name);
  if (!(again instanceof KernelSubject)) {
    const as = asWhat(program);
    return as === undefined ? again : { ...again, why: `${as}: ${again.why}` };
  }
  const hermetic = again === first ? filled : plain;
  try {
    if (needsDevice(program)) return { status: 'incomparable', why: 'the kernel runs it on its device alone' };
    return compareOn(again, hermetic, program, packets, options);
  } finally {
    again.close();
  }
}

/**
 * The kernel does not test-run programs of devmap and cpumap entries, but takes the same instructions as those of an
 * ordinary XDP program, unless they read `egress_ifindex`.
 */
function asPlainXdp(object: ObjectSpec, program: ProgramSpec): ObjectSpec {
  if (program.attach === 'xdp') return object;
  return {
    ...object,
    programs: object.programs.map((each) => (each.name === program.name ? { ...each, attach: 'xdp' } : each)),
  };
}

/** The kernel's side, or its refusal with the last words of its log. */
function loadInKernel(bpf: Bpf, object: ObjectSpec, name: string): KernelSubject | ProgramResult {
  try {
    return new KernelSubject(bpf, object, name);
  } catch (error) {
    if (error instanceof KernelRefusal) return { status: 'refused', why: lastWords(error.log) || error.message };
    if (error instanceof UserError) return { status: 'refused', why: error.message };
    throw error;
  }
}

/**
 * Fills the maps of both sides and compares packet by packet. A program whose outcome changes in machines that lie
 * elsewhere looks at addresses: it has no one outcome, and is not comparable.
 */
function compareOn(
  kernel: KernelSubject,
  hermetic: Hermetic,
  program: ProgramSpec,
  packets: readonly Packet[],
  options: DifferentialOptions,
): ProgramResult {
  const { object } = hermetic;
  let engine: MachineSubject;
  try {
    engine = new MachineSubject(object, program.name, options.engine, { cpus: possibleCpus() });
  } catch (error) {
    if (error instanceof UserError) return { status: 'unsupported', why: error.format() };
    throw error;
  }
  const subjects: readonly Subject[] = [kernel, engine];
  const complaint = fillMaps(object, subjects, engine.holder, packets, options);
  if (complaint !== undefined) return { status: 'differs', why: complaint };
  const before = setInputs(hermetic, subjects, packets, options.seed);
  const result = comparePackets(object, kernel, engine, packets, { before });
  const verdicts: Partial<Record<VerdictName, number>> = {};
  for (const [verdict, count] of result.verdicts) {
    verdicts[verdictName(verdict)] = (verdicts[verdictName(verdict)] ?? 0) + count;
  }
  const done = { packets: result.packets, verdicts, notCompiled: engine.notCompiled };
  if (result.difference === undefined) return { ...done, status: 'equal', why: asWhat(program) };
  const why = describeDifference(result.difference, packets);
  if (readsTwoClocks(program))
    return {
      ...done,
      status: 'incomparable',
      why: `connections have the kernel's time, and its clock is ours: ${why}`,
    };
  const reproducible = isReproducible(object, program.name, packets, (machines) => {
    fillMaps(object, machines, machines[0].holder, packets, options);
    return setInputs(hermetic, machines, packets, options.seed);
  });
  if (reproducible) return { ...done, status: 'differs', why };
  return { ...done, status: 'incomparable', why: `it depends on addresses or on stack it never wrote: ${why}` };
}

/**
 * Connections end by the kernel's clock, which cannot be set, while the program asks for one that both sides are given
 * (hermetic.ts): what it makes of the two is no function of the packet. Answers of these kfuncs are compared by
 * themselves, in test/differential/kfuncs.test.ts.
 */
function readsTwoClocks(program: ProgramSpec): boolean {
  return !isHermetic(program) && program.kfuncs.some(({ name }) => asksForConnections(name));
}

/** Fills the maps of all subjects alike; says what one takes and another refuses. */
function fillMaps(
  object: ObjectSpec,
  subjects: readonly Subject[],
  holder: MapHolder,
  packets: readonly Packet[],
  options: DifferentialOptions,
): string | undefined {
  const complaints: string[] = [];
  if (options.unseeded !== true) {
    const samples = packets.slice(0, 64).map((packet) => packet.data);
    complaints.push(...seedMaps(object, subjects, options.seed, possibleCpus(), samples, namesIn(options.contents)));
  }
  if (options.contents !== undefined) complaints.push(...fillFromMapFile(object, options.contents, subjects, holder));
  return complaints[0];
}

/** Maps that a map file fills; the seed leaves those alone. */
function namesIn(contents: MapsFile | undefined): ReadonlySet<string> {
  return new Set(Object.keys(contents?.maps ?? {}));
}

/** What is done before each packet: time and a random number into the hidden map. */
function setInputs(
  { inputMap }: Hermetic,
  subjects: readonly Subject[],
  packets: readonly Packet[],
  seed: number,
): (index: number) => void {
  if (inputMap === undefined) return () => {};
  const random = new Prng(seed);
  const clock = packetClock(packets, random);
  return (index) => {
    const value = inputValue(clock(index), random.u32());
    for (const subject of subjects) subject.update(inputMap, new Uint8Array(4), value);
  };
}

/** Said of a program that is not run as what it says it is. */
function asWhat({ attach }: ProgramSpec): string | undefined {
  return attach === undefined || attach === 'xdp' ? undefined : `${attach} program, run as xdp`;
}

/**
 * Nanoseconds since boot at each packet: those of the capture, counted from its first packet; without a capture a
 * tenth of a second, and then some, from one packet to the next, so that timeouts expire and buckets fill.
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
