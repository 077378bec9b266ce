/**
 * Functions as sample packets run them (passes split, lengths, order, same): code that is faster for those and larger.
 * Each way to do it is tried and run on the samples; what is fastest is taken, function by function, if the solver
 * says that it is the same.
 */
import { type ObjectSpec, readObject } from '../object/index.js';
import type { Solver } from '../solve/index.js';
import type { ImproveOptions } from './improve.js';
import { type OptimizedObject, optimizeWithRules } from './optimize-object.js';
import { hotPasses } from './passes/passes.js';
import { wholeBudget } from './proof/path.js';
import { validateObject } from './proof/validate-object.js';
import type { RuleSet } from './search/rules.js';

/** What became of it. */
export interface HotResult {
  readonly result: OptimizedObject;
  /** Functions that were better and not proved. */
  readonly unproved: readonly string[];
  /** Passes that stayed out, by function. */
  readonly without: ReadonlyMap<string, ReadonlySet<string>>;
}

const none: ReadonlySet<string> = new Set(hotPasses.map(({ name }) => name));
/** Passes that stay out: of each function the set is taken with which it is fastest. */
const ways: readonly ReadonlySet<string>[] = [
  new Set(),
  new Set(['lengths']),
  new Set(['split']),
  new Set(['split', 'lengths']),
];

/** Most slots of a function: what larger ones become is too much to prove. */
const maxSlots = 400;

/** Does nothing where the goal is not speed, or no one counts. */
export async function hotFunctions(
  bytes: Uint8Array,
  base: OptimizedObject,
  rules: RuleSet | undefined,
  options: ImproveOptions,
  solver: Solver,
): Promise<HotResult> {
  const { goal, cost, profile, name } = options;
  const names = base.functions.map((fn) => fn.name);
  const small = new Set(base.functions.filter(({ before }) => before <= maxSlots).map((fn) => fn.name));
  const cold = (functions: readonly string[]): Map<string, ReadonlySet<string>> =>
    new Map(functions.map((each) => [each, none]));
  if (goal !== 'speed' || cost === undefined || profile === undefined)
    return { result: base, unproved: [], without: cold(names) };
  const read = (file: Uint8Array): ObjectSpec => readObject(file, { name });
  const best = new Map<string, { readonly cost: number; readonly without: ReadonlySet<string> }>();
  for (const [fn, ns] of cost(read(base.bytes))) best.set(fn, { cost: ns, without: none });
  for (const without of small.size === 0 ? [] : ways) {
    const all = new Map(names.map((each) => [each, small.has(each) ? without : none]));
    const made = optimizeWithRules(bytes, { ...options, without: all }, rules);
    for (const [fn, ns] of cost(read(made.bytes)))
      if (small.has(fn) && ns < (best.get(fn)?.cost ?? 0)) best.set(fn, { cost: ns, without });
  }
  const chosen = cold(names);
  for (const [fn, { without }] of best) if (chosen.has(fn)) chosen.set(fn, without);
  const unproved: string[] = [];
  for (;;) {
    const hot = new Set([...chosen].filter(([, without]) => without !== none).map(([fn]) => fn));
    if (hot.size === 0) return { result: base, unproved, without: chosen };
    const result = optimizeWithRules(bytes, { ...options, without: chosen }, rules);
    const verdicts = await validateObject(read(bytes), read(result.bytes), hot, solver, wholeBudget);
    const failed = [...hot].filter((fn) => verdicts.get(fn)?.verdict !== 'proved');
    if (failed.length === 0) return { result, unproved, without: chosen };
    unproved.push(...failed);
    for (const fn of failed) chosen.set(fn, none);
  }
}
