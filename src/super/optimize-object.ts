/**
 * A smaller or faster object file that Linux still accepts: every function of the programs that are wanted goes
 * through the passes over its bytecode (passes/), the file is edited in place, and what comes out is shown to the
 * verifier and to whoever else has a say. What is refused is taken back change by change.
 */

import { UnsupportedError } from '../base/index.js';
import type { BpfVersion } from '../bpf/index.js';
import type { Insn } from '../isa/index.js';
import {
  editElf,
  type FileFunction,
  type FunctionEdit,
  fileFunctions,
  type MapSpec,
  type ObjectSpec,
  type ProgramSpec,
  readObject,
  sizeMaps,
  xdpFitness,
} from '../object/index.js';
import { isArrayMap } from '../platform/index.js';
import { verify } from '../verifier/index.js';
import { emitCode } from './emit.js';
import { type FunctionCode, type FunctionKind, functionCode, type Profile } from './function-code.js';
import { FunctionFacts } from './function-facts.js';
import { optimizeFunction } from './optimize-function.js';
import type { Goal } from './passes/pass.js';
import { passes } from './passes/passes.js';
import type { RuleSet } from './search/rules.js';
import { versionOf } from './version.js';

/** A program that a verifier does not take. */
export interface Refusal {
  readonly program: string;
  readonly why: string;
}

/** How {@link optimizeObject} goes about it. */
export interface OptimizeObjectOptions {
  /** File name, for messages and for names of maps. Default `prog.o`. */
  readonly name?: string | undefined;
  /** What is worth more: slots, or instructions a packet. Default `size`. */
  readonly goal?: Goal | undefined;
  /** Names of programs that are optimized, with all that they call; default all. */
  readonly programs?: readonly string[] | undefined;
  /** Names of passes that run; default all of the goal's. */
  readonly passes?: ReadonlySet<string> | undefined;
  /** Passes that stay out in functions of these names. */
  readonly without?: ReadonlyMap<string, ReadonlySet<string>> | undefined;
  /** Instructions that may be used; default: those of the version that the file's code needs. */
  readonly mcpu?: BpfVersion | undefined;
  /** Accesses stay aligned, for loaders that ask Linux to insist on it. */
  readonly aligned?: boolean | undefined;
  /** May load, change and store become one atomic instruction (smaller, slower)? Default: where the goal is size. */
  readonly atomics?: boolean | undefined;
  /**
   * Somebody else's say, as the running kernel's, about a whole file: programs that are refused, and why. Asked about
   * the input once, and about each candidate; only programs that pass in the input count.
   */
  readonly refuses?: ((bytes: Uint8Array) => readonly Refusal[]) | undefined;
  /** What sample packets do in a file's programs, by name: for the goal `speed`, which lays out code by it. */
  readonly profile?: ((object: ObjectSpec) => ReadonlyMap<string, ProgramProfile>) | undefined;
  /** Told after each run of a pass over a function; runs are more than one where changes are taken back. */
  readonly watch?: ((step: PassStep) => void) | undefined;
}

/** What sample packets did in one program. */
export interface ProgramProfile {
  /** By slot of the program: how often it ran, and how often its jump was taken. */
  readonly ran: readonly number[];
  readonly taken: readonly number[];
  /** Bytes of each packet. */
  readonly lengths: readonly number[];
}

/** A pass has run over a function. */
export interface PassStep {
  readonly function: string;
  readonly pass: string;
  readonly changed: boolean;
  /** The function's code now; jumps are within it, references as the file has them. */
  readonly insns: () => readonly Insn[];
}

/** What became of one function of the file. */
export interface FunctionOutcome {
  readonly name: string;
  readonly section: string;
  /** Slots before and after. */
  readonly before: number;
  readonly after: number;
  /** Slots that each pass took away, most first. */
  readonly saved: readonly { readonly pass: string; readonly slots: number }[];
  /** Changes that were taken back since a verifier refused them. */
  readonly takenBack: readonly {
    readonly pass: string;
    readonly slot: number;
    readonly program: string;
    readonly why: string;
  }[];
  /** Why it stayed as it was, where it had to. */
  readonly kept: string | undefined;
}

/** Verifier's work on one program. */
export interface ProgramWork {
  readonly name: string;
  readonly section: string;
  /** Slots with all functions that it calls. */
  readonly before: number;
  readonly after: number;
  /** Instructions that our verifier processed; undefined for types that it does not know. */
  readonly processedBefore: number | undefined;
  readonly processedAfter: number | undefined;
}

/** The outcome of {@link optimizeObject}. */
export interface OptimizedObject {
  readonly bytes: Uint8Array;
  readonly functions: readonly FunctionOutcome[];
  readonly programs: readonly ProgramWork[];
  /** Sections that could not follow (DWARF). */
  readonly dropped: readonly string[];
}

/** Program types of which only the low half of r0 at the end counts. */
const narrowTypes: readonly string[] = [
  'xdp',
  'sched_cls',
  'sched_act',
  'socket_filter',
  'kprobe',
  'tracepoint',
  'perf_event',
];

/**
 * Program types whose context is a `struct __sk_buff` that they may write to, and its field `cb` for their own use.
 */
const skbTypes: readonly string[] = ['sched_cls', 'sched_act'];
const skbControl: readonly [number, number] = [48, 68];

/** How much larger a function may become that is made faster for sample packets: so many times, and slots. */
const maxGrowth = 3;
const smallGrowth = 64;

/** Most changes of one object that are taken back before it is left alone. */
const maxTakenBack = 200;

/**
 * A better object file, a pure function of bytes and options (and of what `refuses` says). Throws InputError and
 * UnsupportedError for files that can't be read or edited.
 */
export function optimizeObject(bytes: Uint8Array, options: OptimizeObjectOptions = {}): OptimizedObject {
  return optimizeWithRules(bytes, options, undefined);
}

/** The same with rules over windows that a search found, beside those of the repository. */
export function optimizeWithRules(
  bytes: Uint8Array,
  options: OptimizeObjectOptions,
  rules: RuleSet | undefined,
): OptimizedObject {
  return new ObjectOptimizer(bytes, options, rules).run();
}

/** The edits as of one try. */
interface Candidate {
  readonly edits: readonly FunctionEdit[];
  readonly outcomes: readonly FunctionOutcome[];
  /** Changes in the order in which they were made. */
  readonly changes: readonly Change[];
}

/** What our verifier says of a program. */
interface Judged {
  /** Instructions that it went through; undefined: it refuses it. */
  readonly processed: number | undefined;
  readonly why: string;
}

/** What passes made of one function. */
interface FunctionResult {
  readonly edit: FunctionEdit | undefined;
  readonly outcome: FunctionOutcome;
  readonly changes: readonly Change[];
}

/** One change of a pass, which can be taken back by itself. */
interface Change {
  readonly key: string;
  readonly fn: FileFunction;
  readonly pass: string;
  readonly slot: number;
}

/** Tries all changes first; what a refusal is blamed on is taken back, and the rest is tried again. */
class ObjectOptimizer {
  private readonly bytes: Uint8Array;
  private readonly options: OptimizeObjectOptions;
  private readonly rules: RuleSet | undefined;
  private readonly object: ObjectSpec;
  private readonly functions: readonly FileFunction[];
  private readonly facts: FunctionFacts;
  private readonly version: BpfVersion;
  private readonly banned = new Map<string, Refusal>();
  private readonly results = new Map<string, FunctionResult>();
  private readonly verdicts = new Map<string, Judged | undefined>();
  private profile: ReadonlyMap<string, ProgramProfile> | undefined;
  private readonly goodHere: ReadonlySet<string>;
  private readonly goodThere: ReadonlySet<string>;

  constructor(bytes: Uint8Array, options: OptimizeObjectOptions, rules: RuleSet | undefined) {
    this.bytes = bytes;
    this.options = options;
    this.rules = rules;
    this.object = sizedObject(readObject(bytes, { name: options.name }));
    this.functions = fileFunctions(bytes);
    this.version = options.mcpu ?? versionOf(this.functions.flatMap(({ insns }) => insns));
    const accepted = this.object.programs.filter((each) => this.judged(this.object, each)?.processed !== undefined);
    this.goodHere = new Set(accepted.map(({ name }) => name));
    const refused = new Set(options.refuses?.(bytes).map(({ program }) => program));
    this.goodThere = new Set(this.object.programs.map(({ name }) => name).filter((name) => !refused.has(name)));
    this.facts = new FunctionFacts(this.object, (program) => this.goodHere.has(program.name));
  }

  /** Ends with a file that nobody refuses, which may be the old one. */
  run(): OptimizedObject {
    let candidate = this.candidate(Number.POSITIVE_INFINITY);
    for (let tries = 0; ; tries++) {
      const { bytes, dropped } = editElf(this.bytes, candidate.edits);
      const refusal = candidate.edits.length === 0 ? undefined : this.refusal(bytes);
      if (refusal === undefined) return this.outcome(bytes, dropped, candidate);
      if (tries >= maxTakenBack)
        return this.outcome(this.bytes, [], { edits: [], changes: [], outcomes: this.untouched(refusal) });
      this.ban(candidate, refusal);
      candidate = this.candidate(Number.POSITIVE_INFINITY);
    }
  }

  /** Everything that the passes find, but for what is banned, up to a number of changes. */
  private candidate(fuel: number): Candidate {
    const changes: Change[] = [];
    const edits: FunctionEdit[] = [];
    const outcomes: FunctionOutcome[] = [];
    for (const fn of this.functions) {
      const left = fuel - changes.length;
      const whole = this.result(fn, Number.POSITIVE_INFINITY);
      const result = whole.changes.length <= left ? whole : this.result(fn, left);
      changes.push(...result.changes);
      outcomes.push(result.outcome);
      if (result.edit !== undefined) edits.push(result.edit);
    }
    return { edits, outcomes, changes };
  }

  /** What becomes of one function; the same question has the answer that it had. */
  private result(fn: FileFunction, fuel: number): FunctionResult {
    const own = [...this.banned].filter(([key]) => isWithin(key, fn));
    const key = `${fn.section} ${fn.start} ${fuel} ${own.map(([banned]) => banned).join(',')}`;
    const known = this.results.get(key);
    if (known !== undefined) return known;
    const takenBack = own.map(([banned, refusal]) => {
      const [, slot = '', pass = ''] = banned.split(' ');
      return { pass, slot: Number(slot) - fn.start, ...refusal };
    });
    const result = this.optimized(fn, fuel, takenBack);
    this.results.set(key, result);
    return result;
  }

  private optimized(fn: FileFunction, fuel: number, takenBack: FunctionOutcome['takenBack']): FunctionResult {
    const base = { name: fn.name, section: fn.sectionName, before: fn.end - fn.start };
    const same = { ...base, after: base.before, saved: [], takenBack };
    const why = this.reasonToKeep(fn);
    if (why !== undefined) return { edit: undefined, outcome: { ...same, kept: why }, changes: [] };
    const changes: Change[] = [];
    const allow = (pass: string, slot: number): boolean => {
      const key = `${fn.section} ${slot} ${pass}`;
      if (this.banned.has(key) || changes.length >= fuel) return false;
      changes.push({ key, fn, pass, slot });
      return true;
    };
    const { goal = 'size', atomics = goal === 'size', passes: wanted = allPasses, watch, without } = this.options;
    const left = without?.get(fn.name);
    const enabled = left === undefined ? wanted : new Set([...wanted].filter((name) => !left.has(name)));
    const code = functionCode(fn, this.kindOf(fn), this.facts.of(fn));
    const told = (pass: string, now: FunctionCode, changed: boolean): void =>
      watch?.({ function: fn.name, pass, changed, insns: () => emitCode(now)?.insns.map(({ insn }) => insn) ?? [] });
    const saved = optimizeFunction(code, {
      goal,
      enabled,
      atomics,
      isAsked: this.options.mcpu !== undefined,
      aligned: this.options.aligned,
      rules: this.rules,
      allow,
      watch: watch === undefined ? undefined : told,
    });
    const emitted = emitCode(code);
    const limit = code.profile === undefined ? base.before : maxGrowth * base.before + smallGrowth;
    const isWorse = emitted === undefined || emitted.insns.length > limit;
    if (isWorse) return { edit: undefined, outcome: { ...same, kept: undefined }, changes };
    const edit = { section: fn.section, start: fn.start, end: fn.end, ...emitted };
    const list = [...saved].map(([pass, slots]) => ({ pass, slots })).sort((a, b) => b.slots - a.slots);
    const outcome = { ...base, after: emitted.insns.length, saved: list, takenBack, kept: undefined };
    return { edit, outcome, changes };
  }

  /** Why a function is left as it is; undefined: it is not. */
  private reasonToKeep(fn: FileFunction): string | undefined {
    const users = this.object.programs.filter(({ functions }) => functions.some((each) => isAt(each.origin, fn)));
    const { programs } = this.options;
    if (programs !== undefined && !users.some(({ name }) => programs.includes(name))) return 'not asked for';
    if (users.length === 0) return 'no program has it';
    return undefined;
  }

  /** Whether it is a program's entry, and whether its result has 32 bits that anyone looks at. */
  private kindOf(fn: FileFunction): FunctionKind {
    const users = this.object.programs.filter(({ functions }) => functions.some((each) => isAt(each.origin, fn)));
    const isEntry = users.every(({ functions }) => isAt(functions[0]?.origin, fn));
    const narrowResult = isEntry && users.every(({ type }) => narrowTypes.includes(type));
    const isXdp = isEntry && users.every(({ type }) => type === 'xdp');
    const { version } = this;
    const plainContext = isEntry && users.every(({ type }) => skbTypes.includes(type)) ? skbControl : undefined;
    return {
      isEntry,
      narrowResult,
      isXdp,
      plainContext,
      version,
      arrays: arraysOf(this.object),
      profile: this.profileOf(fn, users),
    };
  }

  /** What sample packets did in the function, over all programs that have it. */
  private profileOf(fn: FileFunction, users: readonly ProgramSpec[]): Profile | undefined {
    const { goal, profile: counted } = this.options;
    if (goal !== 'speed' || counted === undefined) return undefined;
    this.profile ??= counted(this.object);
    const { profile } = this;
    const all = users.flatMap((program) => {
      const own = program.functions.find((each) => isAt(each.origin, fn));
      const counts = profile.get(program.name);
      return own === undefined || counts === undefined ? [] : [{ counts, shift: own.start - fn.start }];
    });
    if (all.length === 0) return undefined;
    const sum = (of: (counts: ProgramProfile) => readonly number[], slot: number): number =>
      all.reduce((total, { counts, shift }) => total + (of(counts)[slot + shift] ?? 0), 0);
    return {
      ran: (slot) => sum(({ ran }) => ran, slot),
      taken: (slot) => sum(({ taken }) => taken, slot),
      lengths: all[0]?.counts.lengths ?? [],
    };
  }

  /** The first program that was accepted and is not any more. */
  private refusal(bytes: Uint8Array): Refusal | undefined {
    const object = sizedObject(readObject(bytes, { name: this.options.name }));
    for (const program of object.programs) {
      if (!this.goodHere.has(program.name)) continue;
      const judged = this.judged(object, program);
      if (judged?.processed === undefined) return { program: program.name, why: judged?.why ?? 'refused' };
    }
    return this.options.refuses?.(bytes).find(({ program }) => this.goodThere.has(program));
  }

  /** What our verifier says of a program; of the same one it says the same. Undefined for what it does not know. */
  private judged({ maps, btf, kernelBtf, license }: ObjectSpec, program: ProgramSpec): Judged | undefined {
    const { name, insns } = program;
    const key = `${name} ${insns.map(({ code, dst, src, off, imm }) => `${code},${dst},${src},${off},${imm}`).join(' ')}`;
    if (!this.verdicts.has(key)) {
      // What only attach points know is asked of the kernel.
      const isKnown = xdpFitness(program) !== 'other';
      const result = isKnown ? ask(program, maps, { btf, kernelBtf, license, logLevel: 0 }) : undefined;
      const processed = result?.accepted === true ? result.stats.insns : undefined;
      this.verdicts.set(key, result && { processed, why: result.message ?? 'refused' });
    }
    return this.verdicts.get(key);
  }

  /** Bans the change without which the first refused prefix would be accepted. */
  private ban(candidate: Candidate, refusal: Refusal): void {
    let good = 0;
    let bad = candidate.changes.length;
    let last = refusal;
    while (bad - good > 1) {
      const middle = (good + bad) >> 1;
      const found = this.refusalOf(this.candidate(middle));
      if (found === undefined) good = middle;
      else {
        bad = middle;
        last = found;
      }
    }
    const change = candidate.changes[bad - 1];
    if (change !== undefined) this.banned.set(change.key, last);
  }

  private refusalOf(candidate: Candidate): Refusal | undefined {
    return candidate.edits.length === 0 ? undefined : this.refusal(editElf(this.bytes, candidate.edits).bytes);
  }

  /** All functions as they were, with the last reason. */
  private untouched(refusal: Refusal): FunctionOutcome[] {
    const kept = `more than ${maxTakenBack} changes were refused, last: ${refusal.why}`;
    return this.functions.map((fn) => {
      const before = fn.end - fn.start;
      return { name: fn.name, section: fn.sectionName, before, after: before, saved: [], takenBack: [], kept };
    });
  }

  /** What was gained, read off the file that was made. */
  private outcome(bytes: Uint8Array, dropped: readonly string[], { outcomes }: Candidate): OptimizedObject {
    const after = sizedObject(readObject(bytes, { name: this.options.name }));
    const programs = this.object.programs.map((program, i): ProgramWork => {
      const other = after.programs[i] ?? program;
      return {
        name: program.name,
        section: program.section,
        before: program.insns.length,
        after: other.insns.length,
        processedBefore: this.judged(this.object, program)?.processed,
        processedAfter: this.judged(after, other)?.processed,
      };
    });
    return { bytes, functions: outcomes, programs, dropped };
  }
}

/** Undefined for what our verifier does not know (a kernel function, a helper of another type). */
function ask(...args: Parameters<typeof verify>): ReturnType<typeof verify> | undefined {
  try {
    return verify(...args);
  } catch (error) {
    if (error instanceof UnsupportedError) return undefined;
    throw error;
  }
}

/** Maps whose size the file leaves to its loader have some: what programs do does not hang on it. */
export function sizedObject(object: ObjectSpec): ObjectSpec {
  return sizeMaps(object, openMapEntries).object;
}

const openMapEntries = 64;

/** Names of arrays whose values are what look-ups find. */
function arraysOf({ maps }: ObjectSpec): ReadonlySet<string> {
  const isPlain = ({ type, inner }: MapSpec): boolean => isArrayMap(type) && inner === undefined;
  return new Set(maps.filter(isPlain).map(({ name }) => name));
}

const allPasses: ReadonlySet<string> = new Set(passes.map(({ name }) => name));

/** Is a change, by its key, one of this function? */
function isWithin(key: string, { section, start, end }: FileFunction): boolean {
  const [own, slot] = key.split(' ').map(Number);
  return own === section && slot !== undefined && slot >= start && slot < end;
}

/** Does a function of a program come from this one of the file? */
function isAt(origin: { readonly section: number; readonly slot: number } | undefined, fn: FileFunction): boolean {
  return origin?.section === fn.section && origin.slot === fn.start;
}
