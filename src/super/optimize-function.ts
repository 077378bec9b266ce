/** Runs the passes over one function until nothing changes. */
import { codeSize } from './emit.js';
import type { FunctionCode } from './function-code.js';
import type { Goal } from './passes/pass.js';
import { passes } from './passes/passes.js';

/** What may be done to one function, and who is asked. */
export interface FunctionOptions {
  readonly goal: Goal;
  /** Names of the passes that run. */
  readonly enabled: ReadonlySet<string>;
  /** May load, change and store be fused? */
  readonly atomics: boolean;
  /** Asked before each change: the pass, and the slot of the section that it is about. */
  readonly allow: (pass: string, slot: number) => boolean;
  /** Told after each run of a pass. */
  readonly watch?: ((pass: string, code: FunctionCode, changed: boolean) => void) | undefined;
}

/** Most times that the list of passes runs. */
const maxRounds = 20;

/** Changes the code in place. Slots that each pass took away, by name. */
export function optimizeFunction(code: FunctionCode, options: FunctionOptions): ReadonlyMap<string, number> {
  const saved = new Map<string, number>();
  let size = codeSize(code);
  for (let round = 0; round < maxRounds; round++) {
    let changed = false;
    for (const { name, goal, run } of passes) {
      if (!options.enabled.has(name) || (goal !== undefined && goal !== options.goal)) continue;
      const allow = (about: { readonly line: number }): boolean => options.allow(name, about.line);
      const hasChanged = run(code, { goal: options.goal, atomics: options.atomics, allow });
      options.watch?.(name, code, hasChanged);
      if (!hasChanged) continue;
      changed = true;
      const now = codeSize(code);
      saved.set(name, (saved.get(name) ?? 0) + size - now);
      size = now;
    }
    if (!changed) break;
  }
  return saved;
}
