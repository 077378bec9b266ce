/** The pipeline: every pass that is on, in the order of the table. */
import { checkFunction, checkValues, type FunctionCode, type World } from '../ir/index.js';
import type { Pass } from './pass.js';
import { passes } from './passes.js';
import { defaultSettings, type Settings } from './settings.js';

export interface OptimizeOptions {
  readonly settings?: Settings | undefined;
  /** Run the checker after each pass. Default false. */
  readonly check?: boolean | undefined;
  /** Sees the code before the first pass (`pass` undefined) and after each. What it is given changes with the next pass. */
  readonly watch?: ((code: FunctionCode, pass: Pass | undefined) => void) | undefined;
}

/** Takes `code` over. Throws InternalError, naming the pass, when the checker finds something. */
export function optimize(code: FunctionCode, world: World, options: OptimizeOptions = {}): FunctionCode {
  const { settings = defaultSettings, check = false, watch } = options;
  let result = code;
  if (check) checkAll(result, 'build');
  watch?.(result, undefined);
  for (const pass of passes) {
    if (!settings.enabled.has(pass.name) || (code.checked && pass.needsVerified)) continue;
    result = pass.run(result, { world, params: settings.params });
    if (check) checkAll(result, pass.name);
    watch?.(result, pass);
  }
  return result;
}

function checkAll(code: FunctionCode, phase: string): void {
  checkFunction(code, phase);
  checkValues(code, phase);
}
