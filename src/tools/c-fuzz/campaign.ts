/**
 * A campaign over generated C: each program is compiled, loaded into the kernel, run there once, and what it came to,
 * packet by packet and map by map, is held against every engine and every way in which packets reach a card.
 */
import { UserError } from '../../base/index.js';
import type { Packet, Subject } from '../../judge/index.js';
import {
  comparePackets,
  type Difference,
  KernelRefusal,
  KernelSubject,
  MachineSubject,
  machineEngine,
  seedMaps,
} from '../../judge/index.js';
import type { Bpf } from '../../linux/index.js';
import { type ObjectSpec, type ProgramSpec, readObject } from '../../object/index.js';
import { Prng } from '../../packet/index.js';
import { ArenaSubject, type CardMode, CardSubject, cardModes } from './card-subject.js';
import { cPackets } from './packets.js';
import { type CSource, type CTarget, generateC, pickTarget } from './source.js';
import { Transcript } from './transcript.js';

/** The object file of a source; a text says why there is none. */
export type CCompiler = (source: CSource) => Uint8Array | string;

/** What a campaign runs over. Equal options, with the same compilers, find the same. */
export interface CCampaignOptions {
  readonly compile: CCompiler;
  /** Major versions of the clangs that `compile` has. */
  readonly clangs: readonly number[];
  /** Number of the first program; program n is made from seed n alone. */
  readonly seed: number;
  readonly programs: number;
  readonly packetsPerProgram: number;
  /** Possible CPUs: how many copies a per-CPU map has on either side. */
  readonly cpus: number;
  /** Engines and cards that are held against the kernel; default {@link modeNames}. */
  readonly modes?: readonly string[] | undefined;
  /** Stop at the first failure, and tell all modes that differ on that program; default false. */
  readonly stopAtFirst?: boolean | undefined;
  /** Make failing programs small; default true. */
  readonly shrink?: boolean | undefined;
  readonly progress?: ((done: number, result: CCampaignResult) => void) | undefined;
}

/**
 * A program that did not do what it does in the kernel; {@link CCampaignOptions.shrink} decides whether `source` is
 * the one that was generated or a smaller one that fails in the same mode.
 */
export interface CFailure {
  readonly seed: number;
  /** The engine or card that differs from the kernel, the first of {@link modes}. */
  readonly mode: string;
  /** With {@link CCampaignOptions.stopAtFirst}, every mode that differs; else the first. */
  readonly modes: readonly string[];
  readonly difference: Difference;
  readonly source: CSource;
  readonly packets: readonly Packet[];
}

/** Counts so far; the campaign adds to them as it goes, so `progress` sees them grow. */
export interface CCampaignResult {
  /** Programs that were made, and those that compiled and that both verifiers took. */
  generated: number;
  accepted: number;
  /** Over accepted programs: packets of the kernel's side, and instructions of the compiled code. */
  packets: number;
  insns: number;
  /** Packets that traces decided, over all cards. */
  hits: number;
  /** Accepted programs by target: `clang-16 -O2 v3`. */
  readonly targets: Map<string, number>;
  /** Last words of the kernel, or of ours, -> count. */
  readonly refusals: Map<string, number>;
  readonly failures: CFailure[];
}

/** Runs the campaign; throws only for what is wrong with the harness. */
export function runCCampaign(bpf: Bpf, options: CCampaignOptions): CCampaignResult {
  const result: CCampaignResult = {
    generated: 0,
    accepted: 0,
    packets: 0,
    insns: 0,
    hits: 0,
    targets: new Map(),
    refusals: new Map(),
    failures: [],
  };
  for (let i = 0; i < options.programs; i++) {
    const seed = options.seed + i;
    const random = new Prng(seed);
    const target = pickTarget(random, options.clangs);
    const source = generateC(random, target);
    const packets = cPackets(random, options.packetsPerProgram);
    const trial = new Trial(bpf, seed, options);
    result.generated++;
    const outcome = trial.run(source, packets);
    if (outcome.kind === 'refused') count(result.refusals, outcome.why);
    else {
      result.accepted++;
      result.packets += packets.length;
      result.insns += outcome.insns;
      result.hits += outcome.hits;
      count(result.targets, nameOf(target));
      if (outcome.failed !== undefined) {
        const small = options.shrink === false ? source : trial.shrink(source, packets, outcome.failed.mode);
        result.failures.push({ seed, ...outcome.failed, source: small, packets });
        if (options.stopAtFirst === true) return result;
      }
    }
    options.progress?.(i + 1, result);
  }
  return result;
}

/** `clang-16 -O2 v3`. */
export function nameOf({ clang, level, cpu }: CTarget): string {
  return `clang-${clang} ${level} ${cpu}`;
}

/**
 * `refused`: nothing was compared, because clang, Linux or jitnic did not take the program. It is counted, not failed:
 * generated C is only mostly valid.
 */
type TrialOutcome =
  | { readonly kind: 'refused'; readonly why: string }
  | {
      readonly kind: 'ran';
      readonly insns: number;
      readonly hits: number;
      readonly failed: Pick<CFailure, 'mode' | 'modes' | 'difference'> | undefined;
    };

/** Everything that one program goes through. */
class Trial {
  private readonly bpf: Bpf;
  private readonly seed: number;
  private readonly options: CCampaignOptions;

  constructor(bpf: Bpf, seed: number, options: CCampaignOptions) {
    this.bpf = bpf;
    this.seed = seed;
    this.options = options;
  }

  /** `only`: the mode that is looked at; default all, up to the first that differs. */
  run(source: CSource, packets: readonly Packet[], only?: string): TrialOutcome {
    const bytes = this.options.compile(source);
    if (typeof bytes === 'string') return { kind: 'refused', why: `clang: ${bytes}` };
    let transcript: Transcript;
    let object: ObjectSpec;
    try {
      object = readObject(bytes, { name: `c-${this.seed}` });
      // The kernel is asked in any case: it may refuse the program.
      transcript = this.runKernel(object, source.entry, packets);
      if (source.draws) transcript = this.runInterpreter(object, source.entry, packets);
    } catch (error) {
      if (error instanceof KernelRefusal) return { kind: 'refused', why: lastWords(error.message) };
      if (error instanceof UserError) return { kind: 'refused', why: `jitnic: ${error.message}` };
      throw error;
    }
    const program = object.programs.find(({ name }) => name === source.entry);
    if (program === undefined) return { kind: 'refused', why: 'no program' };
    const { insns } = program;
    let hits = 0;
    // The kernel ran once; each engine and card is held against its transcript. After the first difference the rest
    // would most often repeat it.
    const { modes: chosen = modeNames, stopAtFirst } = this.options;
    const modes: string[] = [];
    let difference: Difference | undefined;
    for (const name of only === undefined ? chosen : [only]) {
      const found = this.compare(object, program, name, transcript, packets);
      hits += found.hits;
      if (found.difference === undefined) continue;
      modes.push(name);
      difference ??= found.difference;
      if (stopAtFirst !== true) break;
    }
    const [mode] = modes;
    const failed = mode === undefined || difference === undefined ? undefined : { mode, modes, difference };
    return { kind: 'ran', insns: insns.length, hits, failed };
  }

  /** A smaller source that fails in the same mode: lines are left out as long as it does. */
  shrink(source: CSource, packets: readonly Packet[], mode: string): CSource {
    let lines = source.text.split('\n');
    const fails = (candidate: readonly string[]): boolean => {
      const outcome = this.run({ ...source, text: candidate.join('\n') }, packets, mode);
      return outcome.kind === 'ran' && outcome.failed !== undefined;
    };
    // Delta debugging (Zeller and Hildebrandt 2002), of which only the complements are tried: ever smaller runs of
    // lines are left out where the failure stays. Most candidates do not compile, which costs a clang and counts as no
    // failure.
    for (let size = lines.length >> 2; size >= 1; size >>= 1) {
      for (let at = 0; at + size <= lines.length; ) {
        const candidate = [...lines.slice(0, at), ...lines.slice(at + size)];
        if (fails(candidate)) lines = candidate;
        else at += size;
      }
    }
    return { ...source, text: lines.join('\n') };
  }

  /** The kernel's side: loaded, filled, run over all packets, and gone again before any engine starts. */
  private runKernel(object: ObjectSpec, entry: string, packets: readonly Packet[]): Transcript {
    const kernel = new KernelSubject(this.bpf, object, entry);
    try {
      this.fill(object, kernel, packets);
      return Transcript.of(object, kernel, packets);
    } finally {
      kernel.close();
    }
  }

  /** The same on the interpreter, for programs of which the kernel has no one outcome. */
  private runInterpreter(object: ObjectSpec, entry: string, packets: readonly Packet[]): Transcript {
    const { cpus } = this.options;
    const interpreter = new MachineSubject(object, entry, machineEngine('interp'), { cpus });
    this.fill(object, interpreter, packets);
    return Transcript.of(object, interpreter, packets);
  }

  /**
   * One engine or card over the packets. `hits` are the packets that traces decided: a campaign whose cards never hit
   * would prove nothing, so they are counted.
   */
  private compare(
    object: ObjectSpec,
    program: ProgramSpec,
    mode: string,
    transcript: Transcript,
    packets: readonly Packet[],
  ): { readonly difference: Difference | undefined; readonly hits: number } {
    try {
      const { cpus } = this.options;
      const card = cardModes.find(({ name }) => name === mode);
      if (card === undefined) {
        const engine = new MachineSubject(object, program.name, machineEngine(mode), { cpus });
        return { difference: this.hold(object, transcript, engine, packets, false), hits: 0 };
      }
      const subject = card.arena
        ? new ArenaSubject(object, program, card, cpus, packets)
        : new CardSubject(object, program, card, cpus);
      return { difference: this.hold(object, transcript, subject, packets, card.arena), hits: subject.hits };
    } catch (error) {
      // A mistake of ours is a difference too, and the campaign goes on.
      const what = error instanceof UserError ? error.format() : error instanceof Error ? (error.stack ?? '') : error;
      return { difference: { packet: -1, what: `fails: ${what}` }, hits: 0 };
    }
  }

  /**
   * Fills the subject's maps as the kernel's were and compares packet by packet. In an arena all packets run before
   * the first is looked at, so maps are compared only at the end and outputs not at all.
   */
  private hold(
    object: ObjectSpec,
    transcript: Transcript,
    subject: Subject,
    packets: readonly Packet[],
    arena: boolean,
  ): Difference | undefined {
    this.fill(object, subject, packets);
    // What is only looked at after the last packet has no state in between to compare.
    const options = arena ? { eachPacketLimit: 0 } : {};
    return comparePackets(object, transcript.replay(!arena), subject, packets, options).difference;
  }

  /**
   * Fills maps with keys that the packets hold somewhere, so that look-ups find something; the same for every subject.
   */
  private fill(object: ObjectSpec, subject: Subject, packets: readonly Packet[]): void {
    const samples = packets.map(({ data }) => data);
    seedMaps(object, [subject], this.seed, this.options.cpus, samples);
  }
}

/** Everything that is compared with the kernel, in order: engines first, since what they get wrong cards repeat. */
export const modeNames: readonly string[] = ['interp', 'wasm', 'ir', ...cardModes.map(({ name }: CardMode) => name)];

/** A refusal without what is special about it (paths, numbers), so that equal ones are counted together. */
function lastWords(message: string): string {
  return message.replace(/.*?: /, '').replace(/\d+/g, 'N').slice(0, 120);
}

function count(counts: Map<string, number>, words: string): void {
  counts.set(words, (counts.get(words) ?? 0) + 1);
}
