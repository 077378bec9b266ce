/** Terms with other terms in the place of some of their variables. */
import { InternalError } from '../base/index.js';
import { isBinaryOp, isRelationOp } from './operations.js';
import { type Term, termsBelow, widthOf } from './term.js';
import type { Terms } from './terms.js';

/** `roots` with `by` for their variables, simplified anew; what is not named stays. No arrays and functions. */
export function substituted(terms: Terms, roots: readonly Term[], by: ReadonlyMap<Term, Term>): Term[] {
  const made = new Map<Term, Term>();
  for (const term of termsBelow(roots)) {
    const args = term.args.map((arg) => made.get(arg) as Term);
    const isSame = term.args.every((arg, i) => arg === args[i]);
    made.set(term, by.get(term) ?? (isSame ? term : remade(terms, term, args)));
  }
  return roots.map((term) => made.get(term) as Term);
}

/** The term's operation on other arguments of the same sorts. */
function remade(terms: Terms, term: Term, args: readonly Term[]): Term {
  const { op, value } = term;
  const [a, b, c] = args as [Term, Term, Term];
  if (isBinaryOp(op)) return terms.binary(op, a, b);
  if (isRelationOp(op)) return terms.relation(op, a, b);
  switch (op) {
    case 'bvnot':
      return terms.not(a);
    case 'bvneg':
      return terms.neg(a);
    case 'concat':
      return terms.concat(a, b);
    case 'extract':
      return terms.extract(a, Number(value) + widthOf(term) - 1, Number(value));
    case 'zero_extend':
      return terms.zeroExtend(a, widthOf(term));
    case 'sign_extend':
      return terms.signExtend(a, widthOf(term));
    case 'not':
      return terms.no(a);
    case 'and':
      return terms.all([a, b]);
    case 'or':
      return terms.any([a, b]);
    case 'ite':
      return terms.ite(a, b, c);
    default:
      throw new InternalError('solve', `\`${op}\` is not made anew`);
  }
}
