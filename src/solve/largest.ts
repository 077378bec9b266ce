/** The largest number that a term can be, as far as its form tells at a glance. */
import { type Term, widthOf } from './term.js';

/** Operations that are looked through: beyond, the width has to do. */
const depthOfLook = 12;

/** An upper bound of a bit vector as an unsigned number. */
export function largest(term: Term, depth: number = depthOfLook): bigint {
  const all = (1n << BigInt(widthOf(term))) - 1n;
  if (term.op === 'const') return term.value;
  if (depth === 0) return all;
  const [a, b] = term.args as [Term, Term];
  const of = (part: Term): bigint => largest(part, depth - 1);
  const within = (bound: bigint): bigint => lesser(bound, all);
  switch (term.op) {
    case 'zero_extend':
      return of(a);
    case 'concat':
      return (of(a) << BigInt(widthOf(b))) | of(b);
    case 'extract': {
      // Low bits of a number that has no others are the number.
      const bound = of(a) >> term.value;
      return within(bound);
    }
    case 'ite': {
      const [x, y] = [of(b), of(term.args[2] as Term)];
      return x + y - lesser(x, y);
    }
    case 'bvand':
      return lesser(of(a), of(b));
    case 'bvurem':
      // By zero it is the dividend.
      return b.op === 'const' && b.value !== 0n ? within(b.value - 1n) : of(a);
    case 'bvudiv':
      return b.op === 'const' && b.value !== 0n ? of(a) / b.value : all;
    case 'bvlshr':
      return b.op === 'const' ? of(a) >> b.value : of(a);
    case 'bvadd': {
      const sum = of(a) + of(b);
      return sum <= all ? sum : all;
    }
    default:
      return all;
  }
}

function lesser(x: bigint, y: bigint): bigint {
  if (x < y) return x;
  return y;
}
