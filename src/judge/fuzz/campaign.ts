/**
 * A fuzz campaign: generate a program, let the kernel judge whether it is valid, run it on the kernel and on an engine
 * with random packets and maps, and report the first difference of each failing program, shrunk.
 */
import type { Bpf } from '../../linux/index.js';
import { Prng } from '../../packet/index.js';
import type { DumpedMaps } from '../../vm/index.js';
import type { Difference } from '../compare.js';
import { KernelRefusal } from '../kernel-subject.js';
import type { EngineFactory } from '../machine-subject.js';
import type { PlantedFault } from '../plant.js';
import type { FailingCase } from '../shrink/shrink-case.js';
import type { Packet } from '../subject.js';
import { CaseRunner } from './case-runner.js';
import { generatePrograms } from './generate.js';
import { programObject } from './program-object.js';

/** Size and subject of a campaign. Equal options give equal programs and packets. */
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

/** A program on which kernel and engine differ, and all it takes to see it again. */
export interface Failure {
  readonly seed: number;
  readonly difference: Difference;
  /** Its first program is the one that was run; shrunk if asked for. */
  readonly failing: FailingCase;
  /** Map contents at its start, if it has any. */
  readonly maps: DumpedMaps | undefined;
}

/** Counts of a campaign. */
export interface CampaignResult {
  generated: number;
  accepted: number;
  packets: number;
  /** Instructions of the accepted programs. */
  insns: number;
  /** Why the engine, a compiler, left programs to the interpreter -> count. */
  readonly notCompiled: Map<string, number>;
  /** Last words of the kernel -> count. */
  readonly refusals: Map<string, number>;
  readonly failures: Failure[];
}

/** Runs until all programs are done. Which programs count is the kernel's word: what it refuses is not run. */
export function runCampaign(bpf: Bpf, options: CampaignOptions): CampaignResult {
  const result: CampaignResult = {
    generated: 0,
    accepted: 0,
    packets: 0,
    insns: 0,
    notCompiled: new Map(),
    refusals: new Map(),
    failures: [],
  };
  for (let i = 0; i < options.programs; i++) {
    const seed = options.seed + i;
    const random = new Prng(seed);
    const object = programObject(generatePrograms(random), `fuzz-${seed}`);
    const packets = makePackets(random, options.packetsPerProgram, object.programs[0]?.frags === true);
    result.generated++;
    try {
      const runner = new CaseRunner(bpf, seed, packets, options);
      const difference = runner.compare({ object, packets, seeded: true });
      if (difference === undefined) continue;
      if (difference !== 'none') {
        result.failures.push(runner.describe({ object, packets, seeded: true }, difference));
        if (options.stopAtFirst === true) return result;
      }
      result.accepted++;
      if (runner.notCompiled !== undefined) count(result.notCompiled, runner.notCompiled);
      result.packets += packets.length;
      result.insns += object.programs[0]?.insns.length ?? 0;
    } catch (error) {
      if (!(error instanceof KernelRefusal)) throw error;
      const words = error.message.replace(/.*?: /, '').replace(/\d+/g, 'N');
      count(result.refusals, words);
    }
    options.progress?.(i + 1, result);
  }
  return result;
}

function count(counts: Map<string, number>, words: string): void {
  counts.set(words, (counts.get(words) ?? 0) + 1);
}

/**
 * Around the length of the part that is not in fragments, of one fragment, and of the longest that a test run takes.
 */
const longPackets = [3400, 3520, 3521, 4096, 7616, 9000, 40_000, 70_000];

/**
 * Random bytes of various lengths, some alike so that tables are hit. Metadata on some. With `frags` some are longer
 * than a page.
 */
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
