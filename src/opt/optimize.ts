/** The pipeline: every pass that is on, in the order of the table. */
import { checkFunction, checkValues, type FunctionCode, type World } from '../ir/index.js';
import type { Modes, Pass } from './pass.js';
import { passes } from './passes.js';
import { defaultSettings, type Settings } from './settings.js';

/** How the pipeline runs; by default with all passes of the highest level and unwatched. */
export interface OptimizeOptions {
  readonly settings?: Settings | undefined;
  /** Run the checker after each pass. Default false. */
  readonly check?: boolean | undefined;
  /** Sees the code before the first pass (`pass` undefined) and after each. */
  readonly watch?: ((code: FunctionCode, pass: Pass | undefined) => void) | undefined;
}

/** `code` stays as it is. Throws InternalError, naming the pass, when the checker finds something. */
export function optimize(code: FunctionCode, world: World, options: OptimizeOptions = {}): FunctionCode {
  const { settings = defaultSettings, check = false, watch } = options;
  let result = code;
  if (check) checkAll(result, 'build');
  watch?.(result, undefined);
  for (const { pass, modes } of stepsOf(code, settings)) {
    result = pass.run(result, { world, params: settings.params, modes });
    if (check) checkAll(result, pass.name);
    watch?.(result, pass);
  }
  return result;
}

/** A pass, and the habits with which it runs. */
export interface Step {
  readonly pass: Pass;
  readonly modes: Modes;
}

/** What {@link optimize} does to a function, in order. */
export function stepsOf({ graph, checked }: FunctionCode, { enabled }: Settings): readonly Step[] {
  let modes: Modes = { fold: graph.fold, share: graph.share, prune: false };
  const steps: Step[] = [];
  for (const pass of passes) {
    if (!enabled.has(pass.name) || (checked && pass.needsVerified)) continue;
    modes = { ...modes, ...pass.brings };
    steps.push({ pass, modes });
  }
  return steps;
}

/** The checker finds a pass's mistake right behind it; `phase` is the pass's name in the error. */
function checkAll(code: FunctionCode, phase: string): void {
  checkFunction(code, phase);
  checkValues(code, phase);
}
