/** Verdicts on the page: a sign and the name, so that none is told by colour alone. */
import type { VerdictName } from '../platform/index.js';

/** A sign for each, so that none is told by colour alone. */
export const verdictSigns: Readonly<Record<VerdictName, string>> = {
  ABORTED: '!',
  DROP: '✕',
  PASS: '✓',
  TX: '↩',
  REDIRECT: '↪',
};

/** A `<span>` of HTML. */
export function verdictBadge(verdict: VerdictName): string {
  return `<span class="verdict ${verdict.toLowerCase()}"><span aria-hidden="true">${verdictSigns[verdict]}</span> ${verdict}</span>`;
}
