/**
 * All tiers over one file: passes and rules first (optimize-object.ts), then what has to be proved case by case. That
 * is rules that a search finds for this file's own windows, and functions made anew as a whole (whole.ts), of which
 * each is taken only if it is better by the goal and the solver says that it is the same. Without a solver nothing of
 * this happens: what the passes do is correct by construction.
 */
import { editElf, fileFunctions, type ObjectSpec, readObject } from '../object/index.js';
import type { Solver } from '../solve/index.js';
import { type FindUnproved, hotFunctions } from './hot.js';
import { type InlineResult, inlineFunctions, seenFrom } from './inline-tier.js';
import {
  type FunctionOutcome,
  type OptimizedObject,
  type OptimizeObjectOptions,
  optimizeObject,
  optimizeWithRules,
  sizedObject,
} from './optimize-object.js';
import { wholeBudget } from './proof/path.js';
import { validateObject } from './proof/validate-object.js';
import { RuleFinder } from './search/find-rules.js';
import { RuleSet } from './search/rules.js';
import { versionOf } from './version.js';
import { WholeFunctions, wholeAttempts } from './whole.js';

/** How much is tried: 0 passes and rules; 1 whole functions too; 2 and 3 a search in windows. */
export type Effort = 0 | 1 | 2 | 3;

/** What {@link improveObject} is told beside what {@link optimizeObject} is. */
export interface ImproveOptions extends OptimizeObjectOptions {
  /** Default 1. */
  readonly effort?: Effort | undefined;
  /** Proves what is not correct by construction. */
  readonly solver?: Solver | undefined;
  /**
   * What programs of a file cost to run, by name, in any unit; asked where the goal is speed. Programs that it does
   * not name are told apart by size.
   */
  readonly cost?: ((object: ObjectSpec) => ReadonlyMap<string, number>) | undefined;
}

/** The outcome of {@link improveObject}. */
export interface ImprovedObject extends OptimizedObject {
  /** What was asked of the solver on the way. */
  readonly search: {
    readonly windows: number;
    readonly questions: number;
    readonly rules: number;
    /** Functions in whole new code, and those whose new code was better but not proved. */
    readonly whole: readonly string[];
    readonly unproved: readonly string[];
  };
}

/** Steps of a search in one window, by effort. */
const searchSteps: Readonly<Record<Effort, number>> = { 0: 0, 1: 0, 2: 20_000, 3: 300_000 };

/** Most slots of a function that is made anew. */
const maxWhole = 2000;

/** A better object file; depends on bytes, options and the answers of those it asks only, never on time. */
export async function improveObject(bytes: Uint8Array, options: ImproveOptions = {}): Promise<ImprovedObject> {
  const { effort = 1, solver, ...rest } = options;
  const first = optimizeObject(bytes, { ...rest, profile: undefined });
  const unprovedOf: FindUnproved | undefined =
    solver === undefined
      ? undefined
      : async (after, names) => {
          const [old, made] = [bytes, after].map((each) => readObject(each, { name: options.name })) as [
            ObjectSpec,
            ObjectSpec,
          ];
          const verdicts = await validateObject(old, made, names, solver, wholeBudget);
          return [...names].filter((name) => verdicts.get(name)?.verdict !== 'proved');
        };
  const inlined = await inlineFunctions(bytes, first, rest, unprovedOf);
  const none = { windows: 0, questions: 0, rules: 0, whole: [], unproved: [] };
  const made =
    solver === undefined || unprovedOf === undefined || effort === 0
      ? { ...inlined.result, search: none }
      : await improveWith(inlined, { ...options, effort, solver }, unprovedOf);
  return inlined.source === bytes ? made : seenFrom(first, made, inlined.gone);
}

/** What a solver is needed for: a search in windows, code laid out by packets, whole functions anew. */
async function improveWith(
  { source, result: first }: InlineResult,
  options: ImproveOptions & { readonly effort: Effort; readonly solver: Solver },
  unprovedOf: FindUnproved,
): Promise<ImprovedObject> {
  const { effort, solver, ...rest } = options;
  let found: RuleSet | undefined;
  let best = first;
  let search: ImprovedObject['search'] = { windows: 0, questions: 0, rules: 0, whole: [], unproved: [] };
  if (effort >= 2) {
    const finder = new RuleFinder(solver, searchSteps[effort]);
    const rules = await finder.find(first.bytes, options.mcpu);
    search = { ...search, windows: finder.searched, questions: finder.questions, rules: rules.length };
    if (rules.length > 0) {
      found = new RuleSet(rules);
      best = optimizeWithRules(source, { ...rest, profile: undefined }, found);
    }
  }
  const hot = await hotFunctions(source, best, found, options, unprovedOf);
  const whole = await new WholeTier(source, hot.result, found, { ...options, without: hot.without }, unprovedOf).run();
  const unproved = [...new Set([...hot.unproved, ...whole.unproved])];
  return { ...whole.result, search: { ...search, whole: whole.names, unproved } };
}

/** Tries whole functions and keeps those that are better, proved and accepted. */
class WholeTier {
  private readonly bytes: Uint8Array;
  private readonly base: OptimizedObject;
  private readonly rules: RuleSet | undefined;
  private readonly options: ImproveOptions;
  private readonly unprovedOf: FindUnproved;

  constructor(
    bytes: Uint8Array,
    base: OptimizedObject,
    rules: RuleSet | undefined,
    options: ImproveOptions,
    unprovedOf: FindUnproved,
  ) {
    this.bytes = bytes;
    this.base = base;
    this.rules = rules;
    this.options = options;
    this.unprovedOf = unprovedOf;
  }

  async run(): Promise<{
    readonly result: OptimizedObject;
    readonly names: readonly string[];
    readonly unproved: readonly string[];
  }> {
    const { base } = this;
    const unproved: string[] = [];
    let chosen = this.better();
    while (chosen.size > 0) {
      const made = this.withWhole(chosen);
      if (made === undefined) break;
      const names = new Set([...chosen.keys()]);
      const failed = await this.unprovedOf(made.bytes, names);
      if (failed.length === 0) return { result: this.told(made, names), names: [...names], unproved };
      unproved.push(...failed);
      chosen = new Map([...chosen].filter(([name]) => !failed.includes(name)));
    }
    return { result: base, names: [], unproved };
  }

  /** Functions whose whole new code is better, and which of the ways to make it is the best. */
  private better(): ReadonlyMap<string, number> {
    const { base, options } = this;
    const best = new Map<string, { readonly attempt: number; readonly cost: number }>();
    const costs = this.costs(base);
    for (let attempt = 0; attempt < wholeAttempts; attempt++) {
      const all = new Map(this.candidates().map((name) => [name, attempt]));
      const made = this.withWhole(all);
      if (made === undefined) continue;
      const now = this.costs(made);
      for (const name of all.keys()) {
        const [old, fresh] = [costs.get(name), now.get(name)];
        if (old === undefined || fresh === undefined || fresh >= (best.get(name)?.cost ?? old)) continue;
        best.set(name, { attempt, cost: fresh });
      }
    }
    const wanted = options.programs;
    const isWanted = (name: string): boolean => wanted === undefined || wanted.includes(name);
    return new Map([...best].filter(([name]) => isWanted(name)).map(([name, { attempt }]) => [name, attempt]));
  }

  /** Names that one function alone has. */
  private candidates(): string[] {
    const names = this.base.functions.filter(({ kept, before }) => kept === undefined && before <= maxWhole);
    const all = names.map(({ name }) => name);
    return all.filter((name) => all.indexOf(name) === all.lastIndexOf(name));
  }

  /** By function: slots, or what the program that it is costs to run, then slots. */
  private costs({ bytes, functions }: OptimizedObject): ReadonlyMap<string, number> {
    const { goal, cost } = this.options;
    const run = goal === 'speed' && cost !== undefined ? cost(this.read(bytes)) : undefined;
    return new Map(functions.map(({ name, after }) => [name, (run?.get(name) ?? 0) * 1e6 + after]));
  }

  /** The file with these functions made anew and everything optimized; undefined where a verifier refuses it. */
  private withWhole(attempts: ReadonlyMap<string, number>): OptimizedObject | undefined {
    const { bytes, options, rules } = this;
    const functions = fileFunctions(bytes);
    const version = options.mcpu ?? versionOf(functions.flatMap(({ insns }) => insns));
    const { refuses } = options;
    const before = refuses && new Set(refuses(bytes).map(({ program }) => program));
    const makers = new WholeFunctions(
      sizedObject(this.read(bytes)),
      version,
      (program) => before !== undefined && !before.has(program),
    );
    const edits = functions.flatMap((fn) => {
      const attempt = attempts.get(fn.name);
      return attempt === undefined ? [] : (makers.edit(fn, attempt) ?? []);
    });
    if (edits.length === 0) return undefined;
    const rebuilt = editElf(bytes, edits).bytes;
    const result = optimizeWithRules(rebuilt, options, rules);
    const isSound = result.programs.every(({ processedAfter }, i) => {
      return processedAfter !== undefined || this.base.programs[i]?.processedBefore === undefined;
    });
    if (!isSound) return undefined;
    if (refuses === undefined || before === undefined) return result;
    return refuses(result.bytes).every(({ program }) => before.has(program)) ? result : undefined;
  }

  private read(bytes: Uint8Array): ObjectSpec {
    return readObject(bytes, { name: this.options.name });
  }

  /** The outcome as seen from the input: what the new code alone saved is a row of its own. */
  private told(made: OptimizedObject, names: ReadonlySet<string>): OptimizedObject {
    const { functions, programs } = this.base;
    const outcomes = made.functions.map((fn, i): FunctionOutcome => {
      const old = functions[i];
      if (old === undefined || !names.has(fn.name)) return old === undefined ? fn : { ...fn, before: old.before };
      const whole = { pass: 'whole', slots: old.before - fn.before };
      return { ...fn, before: old.before, saved: [whole, ...fn.saved].sort((a, b) => b.slots - a.slots) };
    });
    const work = made.programs.map((program, i) => {
      const old = programs[i];
      return old === undefined ? program : { ...program, before: old.before, processedBefore: old.processedBefore };
    });
    return { ...made, functions: outcomes, programs: work, dropped: this.base.dropped };
  }
}
