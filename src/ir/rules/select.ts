/** Choices. */
import { is, isC, type SelectRule } from './rule.js';

/** Rules of `select`, in the order in which they are tried. */
export const selectRules: readonly SelectRule[] = [
  { identity: 'select(c, x, x) = x', apply: (_, _c, yes, no) => (yes === no ? yes : undefined) },
  {
    identity: 'select(0, x, y) = y, select(c, x, y) = x if c is not 0',
    apply: (_, c, yes, no) => (isC(c) ? (c.imm !== 0n ? yes : no) : undefined),
  },
  {
    identity: 'select(p, 1, 0) = p if p is 0 or 1',
    apply: (_, c, yes, no) => (is(yes, 1n) && is(no, 0n) && c.ones <= 1n ? c : undefined),
  },
  {
    identity: 'select(p, 0, 1) = (p == 0)',
    apply: (g, c, yes, no) => (is(yes, 0n) && is(no, 1n) ? g.make('eq', c, g.constant(0n)) : undefined),
  },
];
