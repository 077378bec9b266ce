/**
 * Inlined files tried: of the static functions that could be inlined those are taken with which the whole object comes
 * out better by the goal, is accepted as before and, where a solver is asked, as surely the same. All of them first;
 * where that is no better one by one.
 */
import { fileFunctions, type ObjectSpec, readObject } from '../object/index.js';
import type { FindUnproved } from './hot.js';
import type { ImproveOptions } from './improve.js';
import { type InlineCandidate, type InlinedFile, Inliner } from './inline.js';
import { type FunctionOutcome, type OptimizedObject, optimizeObject, sizedObject } from './optimize-object.js';
import { inlinePass } from './passes/passes.js';

/** The file that further tiers begin with, and what the passes made of it. */
export interface InlineResult {
  readonly source: Uint8Array;
  readonly result: OptimizedObject;
  /** Functions that are not there any more. */
  readonly gone: ReadonlySet<string>;
}

/** How many functions are tried by themselves, and in objects of how many slots. */
const maxSingle = 8;
const maxSlots = 1500;

/** `base` is what the passes made of the file as it is; outcomes are those of the file that is taken. */
export async function inlineFunctions(
  bytes: Uint8Array,
  base: OptimizedObject,
  options: ImproveOptions,
  unprovedOf: FindUnproved | undefined,
): Promise<InlineResult> {
  const { goal = 'size', passes } = options;
  const none = { source: bytes, result: base, gone: new Set<string>() };
  if (passes?.has(inlinePass.name) === false) return none;
  const inliner = new Inliner(bytes, sizedObject(readObject(bytes, { name: options.name })));
  const candidates = inliner.candidates(goal).filter(isAskedFor(bytes, options));
  if (candidates.length === 0) return none;
  const trial = new Trial(bytes, base, options, unprovedOf);
  const all = inliner.inlined(candidates);
  if (all === undefined) return none;
  const found = await trial.better(all, base);
  if (found !== undefined) return { source: all.bytes, result: found, gone: all.gone };
  const slots = base.functions.reduce((sum, { before }) => sum + before, 0);
  if (candidates.length === 1 || slots > maxSlots) return none;
  let chosen: InlineCandidate[] = [];
  let best: { readonly file: InlinedFile; readonly result: OptimizedObject } | undefined;
  for (const candidate of candidates.slice(0, maxSingle)) {
    const file = inliner.inlined([...chosen, candidate]);
    const result = file && (await trial.better(file, best?.result ?? base));
    if (file === undefined || result === undefined) continue;
    chosen = [...chosen, candidate];
    best = { file, result };
  }
  return best === undefined ? none : { source: best.file.bytes, result: best.result, gone: best.file.gone };
}

/** Of functions that are in programs which nobody asked for nothing is to change. */
function isAskedFor(bytes: Uint8Array, { name, programs }: ImproveOptions): (candidate: InlineCandidate) => boolean {
  if (programs === undefined) return () => true;
  const object = readObject(bytes, { name });
  return ({ key }) =>
    object.programs
      .filter(({ functions }) => functions.some(({ origin }) => origin && `${origin.section}:${origin.slot}` === key))
      .every((program) => programs.includes(program.name));
}

/** One file's inlined versions against the file as it is. */
class Trial {
  private readonly bytes: Uint8Array;
  private readonly base: OptimizedObject;
  private readonly options: ImproveOptions;
  private readonly unprovedOf: FindUnproved | undefined;

  constructor(bytes: Uint8Array, base: OptimizedObject, options: ImproveOptions, unprovedOf?: FindUnproved) {
    this.bytes = bytes;
    this.base = base;
    this.options = options;
    this.unprovedOf = unprovedOf;
  }

  /** What the passes make of it, if that is better than the best so far, accepted, and as sure. */
  async better(file: InlinedFile, best: OptimizedObject): Promise<OptimizedObject | undefined> {
    const { base, options, unprovedOf } = this;
    const { watch } = options;
    for (const fn of watch === undefined ? [] : fileFunctions(file.bytes))
      if (file.callers.has(fn.name))
        watch?.({ function: fn.name, pass: inlinePass.name, changed: true, insns: () => fn.insns });
    const result = optimizeObject(file.bytes, { ...options, profile: undefined });
    if (!this.isCheaper(result, best) || !this.isAccepted(file, result)) return undefined;
    if (unprovedOf === undefined) return result;
    const names = new Set([...file.callers, ...file.gone]);
    const unproved = await unprovedOf(result.bytes, names);
    if (unproved.length === 0) return result;
    const before = new Set(await unprovedOf(base.bytes, names));
    return unproved.every((name) => before.has(name)) ? result : undefined;
  }

  /** By what packets cost where that is told and counts, then by slots. */
  private isCheaper(result: OptimizedObject, best: OptimizedObject): boolean {
    const { goal, cost } = this.options;
    if (goal === 'speed' && cost !== undefined) {
      const [old, now] = [best, result].map(({ bytes }) => cost(this.read(bytes)));
      let gain = 0;
      for (const [name, before] of old ?? []) {
        const after = now?.get(name) ?? before;
        if (after > before) return false;
        gain += before - after;
      }
      if (gain > 0) return true;
    }
    const slots = ({ functions }: OptimizedObject): number => functions.reduce((sum, { after }) => sum + after, 0);
    return slots(result) < slots(best);
  }

  /** By all who took the file as it is, before the passes and after: further tiers begin with either. */
  private isAccepted(file: InlinedFile, { bytes, programs }: OptimizedObject): boolean {
    const { refuses } = this.options;
    const isSound = programs.every(({ processedBefore, processedAfter }, i) => {
      const isTaken = processedBefore !== undefined && processedAfter !== undefined;
      return isTaken || this.base.programs[i]?.processedBefore === undefined;
    });
    if (!isSound || refuses === undefined) return isSound;
    const before = new Set(refuses(this.bytes).map(({ program }) => program));
    return [file.bytes, bytes].every((each) => refuses(each).every(({ program }) => before.has(program)));
  }

  private read(bytes: Uint8Array): ObjectSpec {
    return readObject(bytes, { name: this.options.name });
  }
}

/** The outcome of an inlined file as seen from the file as it is: what inlining alone changed is a row of its own. */
export function seenFrom<T extends OptimizedObject>(base: OptimizedObject, made: T, gone: ReadonlySet<string>): T {
  const madeRest = [...made.functions];
  const functions = base.functions.map((old): FunctionOutcome => {
    const { name, section, before } = old;
    if (gone.has(name))
      return { ...old, after: 0, saved: [{ pass: inlinePass.name, slots: before }], takenBack: [], kept: undefined };
    const at = madeRest.findIndex((fn) => fn.name === name && fn.section === section);
    const [fn] = at < 0 ? [] : madeRest.splice(at, 1);
    if (fn === undefined || fn.before === before) return fn ?? old;
    const own = { pass: inlinePass.name, slots: before - fn.before };
    return { ...fn, before, saved: [own, ...fn.saved].sort((a, b) => b.slots - a.slots) };
  });
  const programs = made.programs.map((program, i) => {
    const old = base.programs[i];
    return old === undefined ? program : { ...program, before: old.before, processedBefore: old.processedBefore };
  });
  const dropped = [...new Set([...base.dropped, ...made.dropped])];
  return { ...made, functions, programs, dropped };
}
