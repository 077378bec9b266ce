/** What a pass is. The table of all passes is in passes.ts. */
import type { FunctionCode, World } from '../ir/index.js';

/** Habits that passes before this one, or it itself, have brought: whatever is made from then on follows them. */
export interface Modes {
  /** Constants are computed and the algebraic rules applied to new values. */
  readonly fold: boolean;
  /** Equal pure values are one. */
  readonly share: boolean;
  /** A branch on a constant becomes a jump whenever code is rewritten. */
  readonly prune: boolean;
}

/** What code is made for. */
export type Target =
  /** WebAssembly on the host. */
  | 'wasm'
  /** Bytecode again. */
  | 'bpf'
  /** Trees of traces on a card. */
  | 'card';

/** What a pass is given besides the function. Nothing in it changes while the pipeline runs. */
export interface PassContext {
  /** What the program refers to: maps, constant data. */
  readonly world: World;
  readonly params: Readonly<Record<ParamName, number>>;
  /** What the graph does as values are made: the modes that the passes so far have brought. */
  readonly modes: Modes;
}

/**
 * A row of the table. `run` takes a function and returns another one, or the same if it found nothing; it keeps
 * nothing from one call to the next, so equal functions give equal results.
 */
export interface Pass {
  readonly name: string;
  /** One line, lower case, no full stop. */
  readonly description: string;
  /** Lowest -O level that has it. */
  readonly level: 1 | 2 | 3;
  /** It relies on accesses staying in their objects: not for checked code. */
  readonly needsVerified: boolean;
  /** Passes that it must not come before, where they are on. */
  readonly after?: readonly string[];
  /** Passes that it must not come after. */
  readonly before?: readonly string[];
  /** For which code it finds something, and whose terms it keeps to. */
  readonly targets: readonly Target[];
  /** Modes that are on from this pass on. */
  readonly brings?: Partial<Modes>;
  /** A function of its input, which stays as it is: the same code and context give the same code. */
  readonly run: (code: FunctionCode, context: PassContext) => FunctionCode;
}

/** A number that `-Oname=N` sets; `value` is its default. */
export interface Param {
  readonly description: string;
  readonly value: number;
  readonly max: number;
}

/** Names of the parameters that passes have. */
export type ParamName = 'window' | 'known' | 'select' | 'csum' | 'aligned' | 'unroll' | 'vector' | 'rounds';

/** What `-Oname=N` sets. */
export const params: Readonly<Record<ParamName, Param>> = {
  window: { description: 'pinned values between two stores that are combined', value: 48, max: 10_000 },
  known: { description: 'places whose content is remembered on a path', value: 96, max: 10_000 },
  select: { description: 'operations that if-conversion computes in vain at most', value: 2, max: 100 },
  aligned: {
    description: '1: accesses of the stack that are combined lie at multiples of their size',
    value: 0,
    max: 1,
  },
  unroll: { description: 'bytes of code that the packet loop holds twice at most', value: 400, max: 10_000 },
  rounds: { description: 'values that a loop which only computes becomes at most', value: 1000, max: 100_000 },
  vector: {
    description: 'operations for each load from which on the packet loop runs four packets at once; 0: never',
    value: 4,
    max: 10_000,
  },
  csum: { description: 'bytes of a bpf_csum_diff that is computed in place at most', value: 64, max: 512 },
};
