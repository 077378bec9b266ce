/** A program through the pipeline: how large it is after each pass, and how long that took. */
import { countFunction, type FunctionCode, type Program, type World } from '../ir/index.js';
import type { Verdicts } from '../verifier/index.js';
import type { Settings } from './settings.js';
import { translate } from './translate.js';

/** A step of the pipeline. */
export interface PassReport {
  /** `build` for the translation. */
  readonly name: string;
  /** IR instructions after it. */
  readonly insns: number;
  /** Milliseconds, by the clock that was given. */
  readonly ms: number;
}

/** The optimized function, and its steps in order. */
export interface OptReport {
  readonly code: FunctionCode;
  readonly steps: readonly PassReport[];
}

/** What the program is verified by, and which passes run. */
export interface ReportOptions {
  readonly verdicts: Verdicts;
  readonly settings: Settings;
  readonly check?: boolean;
  /** Milliseconds since whenever. Without it times are 0. */
  readonly now?: () => number;
  /** Sees the code after each step. */
  readonly watch?: (step: PassReport, code: FunctionCode) => void;
}

/** Throws Unsupported for what is not translated, and what the checker throws. */
export function reportPasses(world: World, program: Program, options: ReportOptions): OptReport {
  const { verdicts, settings, check = false, now = () => 0, watch } = options;
  const steps: PassReport[] = [];
  let last = now();
  const note = (name: string, code: FunctionCode): void => {
    // Counting is no part of the pass.
    const ms = now() - last;
    const step = { name, insns: countFunction(code), ms };
    steps.push(step);
    watch?.(step, code);
    last = now();
  };
  const code = translate(world, program, {
    verdicts,
    settings,
    check,
    watch: (current, pass) => note(pass?.name ?? 'build', current),
  });
  return { code, steps };
}
