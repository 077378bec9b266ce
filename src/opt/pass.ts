/** What a pass is. The table of all passes is in passes.ts. */
import type { FunctionCode, World } from '../ir/index.js';

export interface PassContext {
  /** What the program refers to: maps, constant data. */
  readonly world: World;
  readonly params: Readonly<Record<ParamName, number>>;
}

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
  /** Takes its input over: see FunctionCode. */
  readonly run: (code: FunctionCode, context: PassContext) => FunctionCode;
}

export interface Param {
  readonly description: string;
  readonly value: number;
  readonly max: number;
}

export type ParamName = 'window' | 'known' | 'select' | 'csum';

/** What `-Oname=N` sets. */
export const params: Readonly<Record<ParamName, Param>> = {
  window: { description: 'pinned values between two stores that are combined', value: 48, max: 10_000 },
  known: { description: 'places whose content is remembered on a path', value: 96, max: 10_000 },
  select: { description: 'operations that if-conversion computes in vain at most', value: 2, max: 100 },
  csum: { description: 'bytes of a bpf_csum_diff that is computed in place at most', value: 64, max: 512 },
};
