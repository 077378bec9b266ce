/** What a pass over a function's bytecode is. The table of all passes is in passes.ts. */
import type { BpfVersion } from '../../bpf/index.js';
import type { FunctionCode, Op } from '../function-code.js';
import type { RuleSet } from '../search/rules.js';

/** What is worth more. */
export type Goal = 'size' | 'speed';

/** What a pass is told, and whom it asks. */
export interface PassContext {
  readonly goal: Goal;
  /** May load, change and store be fused? */
  readonly atomics: boolean;
  /** Instructions that may be used. */
  readonly version: BpfVersion;
  /** All atomic operations of that version may be used, even if the input asks for no kernel that has them. */
  readonly isAsked: boolean;
  /** Accesses stay aligned, for loaders that ask for it (BPF_F_STRICT_ALIGNMENT). */
  readonly aligned: boolean;
  /** Rules over windows that were found for this file, beside those of the repository. */
  readonly rules?: RuleSet | undefined;
  /**
   * Asked before each change, with the instruction that it is about. False: leave it. So single changes can be taken
   * back, and counted.
   */
  readonly allow: (about: Op) => boolean;
}

/** A row of the table. */
export interface Pass {
  readonly name: string;
  /** One line, lower case, no full stop. */
  readonly description: string;
  /** Lowest -O level that has it. */
  readonly level: 1 | 2 | 3;
  /** Undefined: for both goals. */
  readonly goal?: Goal | undefined;
  /**
   * Runs one time, when the others find nothing more; they run again on what it leaves, and the smaller code is kept
   * unless it `may grow`.
   */
  readonly once?: 'shrinks' | 'may grow' | undefined;
  /** Changes the code where it can; true if it did. */
  readonly run: (code: FunctionCode, context: PassContext) => boolean;
}
