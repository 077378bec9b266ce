/** What a runtime can be asked for, and what that means for the card's cache. */
import { type ResultStore, UsageError } from '../base/index.js';
import {
  type AdaptiveSizeOptions,
  admissions,
  findAdmission,
  findPolicy,
  onlinePolicies,
  type RegionLimits,
  type ReplacementOptions,
} from '../cache/index.js';
import type { Settings } from '../opt/index.js';
import type { RecorderLimits } from '../trace/index.js';
import type { Verdicts } from '../verifier/index.js';
import type { Engine, Machine, MachineOptions } from '../vm/index.js';
import type { HostKind } from './host.js';
import type { CardMaker } from './make-offload.js';

/** Card, cache and host; every option has a default. */
export interface RuntimeOptions extends MachineOptions {
  /** Places that the card has, for a trace each or a region; default 64. */
  readonly cacheSize?: number | undefined;
  /**
   * Traces that part on what maps hold share a place of the card, as sides of a region; where it is full, others do as
   * well. A number: sides that a region may have (default {@link defaultSides}); false: each trace has its own place.
   * Default true, unless `cacheBits` says what fits: those of a region are not counted.
   */
  readonly regions?: boolean | number | undefined;
  /** Match bits that the card holds (`matchBits`); default: any number of them. */
  readonly cacheBits?: number | undefined;
  /** Lets the number of traces move between bounds, in place of `cacheSize`. */
  readonly adaptive?: AdaptiveSizeOptions | undefined;
  /** Default `lru`. */
  readonly policy?: string | undefined;
  /** Which recorded traces get a place; default `always`. */
  readonly admission?: string | undefined;
  /** False: no card, every packet goes to the host. Default true. */
  readonly card?: boolean | undefined;
  /** False: traces run in the JavaScript executor alone, as they do where threads share the memory. Default true. */
  readonly compiled?: boolean | undefined;
  /**
   * Let the card rest while it does not pay (worth.ts), if the host compiles. Default false: hits are those that
   * traces and cache give.
   */
  readonly bypass?: boolean | undefined;
  /**
   * Packets that the executor decides before traces are compiled anew; default: more the larger the traces are, 256 at
   * least.
   */
  readonly patience?: number | undefined;
  /** Misses at one place before it is recorded; default 1. */
  readonly hotloop?: number | undefined;
  /**
   * False: every miss at a hot place is recorded, whatever became of earlier recordings; for measuring caches. Default
   * true.
   */
  readonly penalties?: boolean | undefined;
  readonly limits?: Partial<RecorderLimits> | undefined;
  /**
   * False: every recording begins at the program's start, not at the snapshot of a trace that the packet followed.
   * Default true; for tests.
   */
  readonly sideTraces?: boolean | undefined;
  /**
   * Take values of maps that no program writes for constants once they have been the same often enough. Default true.
   */
  readonly assume?: boolean | undefined;
  /**
   * Join branches on state once packets have been seen to take both of their sides (`limits.joins`); false: at once,
   * so that which path a packet takes does not hang on the packets before it. Default true.
   */
  readonly countSides?: boolean | undefined;
  /** Keep the recordings of evicted traces, to show them. Default false: memory stays flat. */
  readonly keepRecordings?: boolean | undefined;
  /**
   * Put the conditions of evicted traces into words before their recordings go, which takes longer than recording.
   * Default true; false where nobody is going to read them; a number where only those of that many traces that decide
   * most will be read.
   */
  readonly keepConditions?: boolean | number | undefined;
  /** Instructions that a packet may take on the host. Compiled code does not count them. */
  readonly maxSteps?: number | undefined;
  /**
   * What the host runs programs on; default `interp`. `wasm` is for programs that the verifier accepts, others are
   * interpreted.
   */
  readonly host?: HostKind | undefined;
  /** Passes of the compiled host; default: those that pay for as many packets as there have been (tiers.ts). */
  readonly settings?: Settings | undefined;
  /**
   * Compile after a few packets, whether it pays or not; default false. Where engines are compared, all of them are to
   * run.
   */
  readonly isEager?: boolean | undefined;
  /**
   * Compiled code counts what it runs (`Host.countsOf`), which takes it up to twice as long. Default false. @internal
   */
  readonly counts?: boolean | undefined;
  /** Another kind of card than the software card. @internal */
  readonly makeCard?: CardMaker | undefined;
  /** What the host runs packets on in place of the interpreter; `host` is to be `interp`. @internal */
  readonly core?: ((machine: Machine) => Engine) | undefined;
  /** Keeps compiled code from run to run. */
  readonly store?: ResultStore | undefined;
  /** What the verifier says of the object's programs, asked before one is compiled. Default: it is asked here. */
  readonly verdicts?: Verdicts | undefined;
}

/** Sides of a region, and values of all of them, if nothing else is asked for. */
export const defaultSides = 16;
const mostValues = 16_384;

/** Undefined: each trace has a place of its own. */
export function regionLimitsOf({ cacheBits, regions = true }: RuntimeOptions): RegionLimits | undefined {
  // In bits each trace has its own place (trace-cache.ts), whatever is asked for.
  if (cacheBits !== undefined) return undefined;
  if (regions === false) return undefined;
  return { sides: regions === true ? defaultSides : regions, values: mostValues };
}

/** Throws UsageError for a policy or an admission that no card has. */
export function replacementOf(options: RuntimeOptions, most: number = Number.POSITIVE_INFINITY): ReplacementOptions {
  const policy = findPolicy(options.policy ?? 'lru');
  if (policy === undefined || policy.offline) {
    const names = onlinePolicies.map(({ name }) => name).join(', ');
    throw new UsageError(`no policy \`${options.policy}\` for a card`, {}, `policies: ${names}`);
  }
  const admission = findAdmission(options.admission ?? 'always');
  if (admission === undefined) {
    const names = admissions.map(({ name }) => name).join(', ');
    throw new UsageError(`no admission \`${options.admission}\``, {}, `admissions: ${names}`);
  }
  const wanted = options.cacheSize ?? (options.cacheBits === undefined ? 64 : undefined);
  const traces = most === Number.POSITIVE_INFINITY ? wanted : Math.min(wanted ?? most, most);
  return { capacity: { traces, bits: options.cacheBits }, policy, admission, adaptive: options.adaptive };
}
