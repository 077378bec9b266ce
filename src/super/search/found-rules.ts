/** Rules over windows, written by `npm run find-rules`; rules.test.ts has each of them proved. */
import type { RuleText } from './rules.js';

export const foundRules: readonly RuleText[] = [];
