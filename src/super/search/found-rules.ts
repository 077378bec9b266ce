/** Rules over windows, written by `npm run find-rules`; test/proof/window-rules.test.ts has each of them proved. */
import type { RuleText } from './rules.js';

/** None includes another. */
export const foundRules: readonly RuleText[] = [];
