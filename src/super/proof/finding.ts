/** What comes out of a comparison of two versions. */
import type { Obligation } from './calls.js';
import type { Possible } from './path.js';
import { MixedMemory, type Untracked } from './side.js';
import type { Region } from './symbols.js';

/** What came out, and what it rests on. */
export type Finding =
  | { readonly kind: 'equal' }
  /** Equal as long as no loop runs more often. */
  | { readonly kind: 'equal up to'; readonly rounds: number }
  | {
      readonly kind: 'different';
      readonly what: string;
      readonly possible: Possible;
      readonly obligations: readonly Obligation[];
    }
  /** `mixed`: regions that would have to be one. */
  | { readonly kind: 'undecided'; readonly why: string; readonly mixed?: readonly Region[] | undefined };

/** Nothing was found out, since a version could not be followed. */
export function undecided(error: Untracked): Finding {
  return { kind: 'undecided', why: error.message, mixed: error instanceof MixedMemory ? error.regions : undefined };
}

/** Ends a product run with what it found. */
export class Found extends Error {
  readonly finding: Finding;

  constructor(finding: Finding) {
    super(finding.kind);
    this.finding = finding;
  }
}
