/**
 * A fuzz campaign: generate a program, let the kernel judge whether it is valid, run it on the kernel and on an engine with random
 * packets and maps, and report the first difference of each failing program, shrunk.
 */

import { UserError } from '../../base/index.js';
import { type Bpf, possibleCpus } from '../../linux/index.js';
import type { ObjectSpec, ProgramSpec } from '../../object/index.js';
import { Prng } from '../../packet/index.js';
import { comparePackets, type Difference } from '../compare.js';
import { KernelRefusal, KernelSubject } from '../kernel-subject.js';
import { type EngineFactory, MachineSubject } from '../machine-subject.js';
import { type PlantedFault, plant } from '../plant.js';
import { isReproducible } from '../reproducible.js';
import { seedMaps } from '../seed-maps.js';
import { shrinkProgram } from '../shrink.js';
import type { Packet } from '../subject.js';
import { generatePrograms } from './generate.js';
import { programObject } from './program-object.js';

export interface CampaignOptions {
  readonly engine: EngineFactory;
  /** Number of the first program; program n is made from seed n alone. */
  readonly seed: number;
  /** Programs to generate. */
  readonly programs: number;
  readonly packetsPerProgram: number;
  /** Stop at the first failure; default false. */
  readonly stopAtFirst?: boolean;
  /** Wrong semantics to give to the engine, to test the harness. */
  readonly fault?: PlantedFault;
  readonly shrink?: boolean;
  readonly progress?: (done: number, result: CampaignResult) => void;
}

export interface Failure {
  readonly seed: number;
  readonly difference: Difference;
  /** The packet at which it shows. */
  readonly packet: Packet | undefined;
  /** Its first program is the one that was run; shrunk if asked for. */
  readonly object: ObjectSpec;
}

export interface CampaignResult {
  generated: number;
  accepted: number;
  packets: number;
  /** Instructions of the accepted programs. */
  insns: number;
  /** Last words of the kernel -> count. */
  readonly refusals: Map<string, number>;
  readonly failures: Failure[];
}

export function runCampaign(bpf: Bpf, options: CampaignOptions): CampaignResult {
  const result: CampaignResult = { generated: 0, accepted: 0, packets: 0, insns: 0, refusals: new Map(), failures: [] };
  for (let i = 0; i < options.programs; i++) {
    const seed = options.seed + i;
    const random = new Prng(seed);
    const object = programObject(generatePrograms(random), `fuzz-${seed}`);
    const packets = makePackets(random, options.packetsPerProgram, object.programs[0]?.frags === true);
    result.generated++;
    try {
      const difference = compareOnce(bpf, object, packets, seed, options);
      if (difference === undefined) continue;
      if (difference !== 'none') {
        result.failures.push(describeFailure(bpf, object, packets, seed, difference, options));
        if (options.stopAtFirst === true) return result;
      }
      result.accepted++;
      result.packets += packets.length;
      result.insns += object.programs[0]?.insns.length ?? 0;
    } catch (error) {
      if (!(error instanceof KernelRefusal)) throw error;
      const words = error.message.replace(/.*?: /, '').replace(/\d+/g, 'N');
      result.refusals.set(words, (result.refusals.get(words) ?? 0) + 1);
    }
    options.progress?.(i + 1, result);
  }
  return result;
}

/** Undefined: nothing to compare (the fault does not concern the program). */
function compareOnce(
  bpf: Bpf,
  object: ObjectSpec,
  packets: readonly Packet[],
  seed: number,
  options: CampaignOptions,
): Difference | 'none' | undefined {
  const ours = options.fault === undefined ? object : plant(object, options.fault);
  if (ours === undefined) return undefined;
  const name = object.programs[0]?.name ?? '';
  const cpus = possibleCpus();
  const kernel = new KernelSubject(bpf, object, name);
  try {
    const engine = new MachineSubject(ours, name, options.engine, { cpus });
    const complaint = seedMaps(
      object,
      [kernel, engine],
      seed,
      cpus,
      packets.map((p) => p.data),
    )[0];
    if (complaint !== undefined) return { packet: -1, what: complaint };
    return comparePackets(object, kernel, engine, packets).difference ?? 'none';
  } catch (error) {
    if (error instanceof UserError) return { packet: -1, what: `the engine refuses the program: ${error.format()}` };
    throw error;
  } finally {
    kernel.close();
  }
}

function describeFailure(
  bpf: Bpf,
  object: ObjectSpec,
  packets: readonly Packet[],
  seed: number,
  difference: Difference,
  options: CampaignOptions,
): Failure {
  if (options.shrink !== true) return { seed, difference, packet: packets[difference.packet], object };
  let last = difference;
  // A candidate that returns or stores a pointer differs for no interesting reason.
  const fails = (smaller: ObjectSpec): boolean => {
    try {
      const found = compareOnce(bpf, smaller, packets, seed, options);
      if (found === undefined || found === 'none' || !isReproducibleFrom(smaller, packets, seed)) return false;
      last = found;
      return true;
    } catch (error) {
      if (error instanceof KernelRefusal || error instanceof UserError) return false;
      throw error;
    }
  };
  let small = object;
  // The programs that it calls first, so that a call to what has become trivial can go.
  for (let i = object.programs.length - 1; i >= 0; i--) {
    const put = (candidate: ProgramSpec): ObjectSpec => ({ ...small, programs: small.programs.with(i, candidate) });
    const shrunk = shrinkProgram(small.programs[i] as ProgramSpec, (candidate) => fails(put(candidate))); // i is in range
    small = put(shrunk);
  }
  fails(small);
  return { seed, difference: last, packet: packets[last.packet], object: small };
}

function isReproducibleFrom(object: ObjectSpec, packets: readonly Packet[], seed: number): boolean {
  const samples = packets.map((packet) => packet.data);
  return isReproducible(object, object.programs[0]?.name ?? '', packets, (subjects) => {
    seedMaps(object, subjects, seed, possibleCpus(), samples);
    return undefined;
  });
}

/** Around the length of the part that is not in fragments, of one fragment, and of the longest that a test run takes. */
const longPackets = [3400, 3520, 3521, 4096, 7616, 9000, 40_000, 70_000];

/** Random bytes of various lengths, some alike so that tables are hit. Metadata on some. With `frags` some are longer than a page. */
function makePackets(random: Prng, count: number, frags: boolean): Packet[] {
  const packets: Packet[] = [];
  for (let i = 0; i < count; i++) {
    const previous = packets[i - 1];
    if (previous !== undefined && random.chance(0.3)) {
      const data = previous.data.slice();
      data[random.below(data.length)] = random.below(256);
      packets.push({ data });
      continue;
    }
    const length = random.pick([
      14,
      20,
      33,
      34,
      60,
      64,
      64,
      100,
      128,
      256,
      1500,
      14 + random.below(200),
      ...(frags ? longPackets : []),
    ]);
    const data = new Uint8Array(length);
    const sample = random.bytes(Math.min(length, 1031));
    for (let at = 0; at < length; at += sample.length) data.set(sample.subarray(0, length - at), at);
    if (random.chance(0.3)) data.fill(0, 12);
    const meta = random.chance(0.2) ? random.bytes(4 * random.below(8)) : undefined;
    packets.push({ data, meta });
  }
  return packets;
}
