/**
 * Functions as sample packets run them (passes split, lengths, order, same): code that is faster for those and larger.
 * Each way to do it is tried and run on the samples; the fastest is taken, function by function, of which the
 * solver says that it is the same.
 */
import { type ObjectSpec, readObject } from '../object/index.js';
import type { ImproveOptions } from './improve.js';
import { type OptimizedObject, optimizeWithRules } from './optimize-object.js';
import { hotPasses } from './passes/passes.js';
import type { RuleSet } from './search/rules.js';

/** Of the functions named, those that are not proved to be the same in the new file. */
export type FindUnproved = (after: Uint8Array, names: ReadonlySet<string>) => Promise<readonly string[]>;

/** What became of it. */
export interface HotResult {
  readonly result: OptimizedObject;
  /** Functions that were better and not proved. */
  readonly unproved: readonly string[];
  /** Passes that stayed out, by function. */
  readonly without: ReadonlyMap<string, ReadonlySet<string>>;
}

const none: ReadonlySet<string> = new Set(hotPasses.map(({ name }) => name));
/** Passes that stay out; the first ones are tried first where two are as fast. */
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
  unprovedOf: FindUnproved,
): Promise<HotResult> {
  const { goal, cost, profile, name } = options;
  const names = base.functions.map((fn) => fn.name);
  const small = new Set(base.functions.filter(({ before }) => before <= maxSlots).map((fn) => fn.name));
  const cold = (functions: readonly string[]): Map<string, ReadonlySet<string>> =>
    new Map(functions.map((each) => [each, none]));
  if (goal !== 'speed' || cost === undefined || profile === undefined)
    return { result: base, unproved: [], without: cold(names) };
  const read = (file: Uint8Array): ObjectSpec => readObject(file, { name });
  const floor = cost(read(base.bytes));
  const tried: { readonly without: ReadonlySet<string>; readonly costs: ReadonlyMap<string, number> }[] = [];
  for (const without of small.size === 0 ? [] : ways) {
    const all = new Map(names.map((each) => [each, small.has(each) ? without : none]));
    const made = optimizeWithRules(bytes, { ...options, without: all }, rules);
    tried.push({ without, costs: cost(read(made.bytes)) });
  }
  /** The ways that are faster, the fastest first: the next one is taken where one can't be proved. */
  const better = (fn: string): ReadonlySet<string>[] => {
    const of = (costs: ReadonlyMap<string, number>): number => costs.get(fn) ?? Number.POSITIVE_INFINITY;
    const before = floor.get(fn) ?? 0;
    const faster = small.has(fn) ? tried.filter(({ costs }) => of(costs) < before) : [];
    return faster.sort((a, b) => of(a.costs) - of(b.costs)).map(({ without }) => without);
  };
  const open = new Map([...floor.keys()].map((fn) => [fn, better(fn)]));
  const chosen = cold(names);
  const next = (fn: string): unknown => chosen.set(fn, open.get(fn)?.shift() ?? none);
  for (const fn of names) next(fn);
  const unproved = new Set<string>();
  for (;;) {
    const hot = new Set([...chosen].filter(([, without]) => without !== none).map(([fn]) => fn));
    if (hot.size === 0) return { result: base, unproved: [...unproved], without: chosen };
    const result = optimizeWithRules(bytes, { ...options, without: chosen }, rules);
    const failed = await unprovedOf(result.bytes, hot);
    if (failed.length === 0) return { result, unproved: [...unproved], without: chosen };
    for (const fn of failed) {
      unproved.add(fn);
      next(fn);
    }
  }
}
