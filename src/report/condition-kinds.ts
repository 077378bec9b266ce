/** The kinds of conditions, in the words of the page. */
import type { AtomKind } from '../condition/index.js';

/** What hardware has to have for a condition of each kind; easiest first. */
export const kinds: readonly { readonly kind: AtomKind; readonly means: string }[] = [
  { kind: 'ternary', means: 'bits at fixed places of the packet: a TCAM holds them' },
  { kind: 'range', means: 'a number between two others: a few rows of a TCAM' },
  { kind: 'residual', means: 'computed from the packet: evaluated after the match' },
  { kind: 'state', means: 'hangs on what maps hold: looked up after the match' },
];
