/** Runs the passes over one function until nothing changes. */
import { codeSize } from './emit.js';
import { copyCode, type FunctionCode } from './function-code.js';
import type { Goal, Pass } from './passes/pass.js';
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
  const wanted = passes.filter(
    ({ name, goal }) => options.enabled.has(name) && (goal === undefined || goal === options.goal),
  );
  const settle = (): void => {
    for (let round = 0; round < maxRounds; round++) {
      const changes = wanted.filter(({ once }) => once !== true).map((pass) => runPass(pass, code, options, saved));
      if (!changes.includes(true)) return;
    }
  };
  settle();
  for (const pass of wanted.filter(({ once }) => once === true)) {
    const before = copyCode(code);
    const savedBefore = new Map(saved);
    if (!runPass(pass, code, options, saved)) continue;
    settle();
    if (codeSize(code) <= codeSize(before)) continue;
    code.blocks = before.blocks;
    saved.clear();
    for (const [name, slots] of savedBefore) saved.set(name, slots);
  }
  return saved;
}

function runPass(
  { name, run }: Pass,
  code: FunctionCode,
  { goal, atomics, allow, watch }: FunctionOptions,
  saved: Map<string, number>,
): boolean {
  const size = codeSize(code);
  const hasChanged = run(code, { goal, atomics, allow: (about) => allow(name, about.line) });
  watch?.(name, code, hasChanged);
  if (hasChanged) saved.set(name, (saved.get(name) ?? 0) + size - codeSize(code));
  return hasChanged;
}
