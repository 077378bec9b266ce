/** From bytecode to optimized IR: what every engine that runs IR begins with. */
import { encodingFault, planCounters } from '../code/index.js';
import { buildFunction, type FunctionCode, type Program, type World } from '../ir/index.js';
import type { Verdicts } from '../verifier/index.js';
import { type OptimizeOptions, optimize } from './optimize.js';

/** How a program is translated, and what is watched meanwhile. */
export interface TranslateOptions extends OptimizeOptions {
  /**
   * Accesses of an accepted program are not checked, and all passes optimize it; with facts, what they know is used.
   * Default: none is accepted, every access is checked as it happens.
   */
  readonly verdicts?: Verdicts | undefined;
  /** Count how often each part of a program runs: see code/counters.ts. */
  readonly counts?: boolean | undefined;
}

/**
 * `bare`: r1 and r2 come from outside, and there is no context. Throws `Unsupported` for what is left to the
 * interpreter.
 */
export function translate(world: World, program: Program, options: TranslateOptions, bare = false): FunctionCode {
  const verdict = options.verdicts?.of(program.spec);
  const trust = verdict?.accepted === true ? 'verified' : 'checked';
  const facts = verdict?.facts;
  const counters = options.counts === true ? planCounters(program.spec.insns) : undefined;
  return optimize(
    buildFunction(world, program, { trust, bare, fault: encodingFault, facts, counters }),
    world,
    options,
  );
}
