/**
 * Algebraic rules: each is an identity that holds for all 64-bit values, stated as its text, and a function that
 * applies it. A rule returns the simpler value or undefined. {@link Graph.make} tries the rules of an operation in
 * order until none applies, so every value is born simplified. Rules see arguments in canonical order: of a
 * commutative operation a constant is the second.
 *
 * Notation of the identities: x, y, z any value; c, d constants; `ones(x)` bits that x can have set; M32 = 0xffffffff.
 */
import { arithmeticRules } from './arithmetic.js';
import { arithmetic32Rules } from './arithmetic32.js';
import { bitRules } from './bits.js';
import { equalityRules } from './equality.js';
import { orderRules } from './order.js';
import type { RuleTable } from './rule.js';
import { shiftRules } from './shifts.js';

export { boundsOf } from './bounds.js';
export { type Rule, splitOffset } from './rule.js';
export { selectRules } from './select.js';

/**
 * All rules but those of `select`, by operation, in the order in which they are tried. Each is proved for all values
 * of its variables, for sampled constants, in the tests.
 */
export const rules: RuleTable = {
  ...arithmeticRules,
  ...arithmetic32Rules,
  ...bitRules,
  ...shiftRules,
  ...equalityRules,
  ...orderRules,
};
