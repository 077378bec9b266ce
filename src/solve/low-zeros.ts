/** How many of a term's low bits are zero, as far as its form tells at a glance. */
import { type Term, widthOf } from './term.js';

/** Operations that are looked through: beyond, nothing is known. */
const depthOfLook = 8;

/** Low bits of a bit vector that are zero in any case. */
export function lowZeros(term: Term, depth: number = depthOfLook): number {
  const width = widthOf(term);
  if (term.op === 'const') return Math.min(width, trailingZeros(term.value, width));
  if (depth === 0) return 0;
  const [a, b] = term.args as [Term, Term];
  const of = (part: Term): number => lowZeros(part, depth - 1);
  switch (term.op) {
    case 'zero_extend':
    case 'sign_extend':
      return of(a);
    case 'concat':
      return of(b) < widthOf(b) ? of(b) : widthOf(b) + of(a);
    case 'extract':
      return Math.min(width, Math.max(0, of(a) - Number(term.value)));
    case 'bvadd':
    case 'bvsub':
    case 'bvor':
    case 'bvxor':
      return Math.min(of(a), of(b));
    case 'bvand':
      return Math.max(of(a), of(b));
    case 'bvmul':
      return Math.min(width, of(a) + of(b));
    case 'bvshl':
      return b.op === 'const' ? Math.min(width, of(a) + Number(b.value)) : of(a);
    case 'ite':
      return Math.min(of(b), of(term.args[2] as Term));
    default:
      return 0;
  }
}

function trailingZeros(value: bigint, width: number): number {
  if (value === 0n) return width;
  let count = 0;
  for (let rest = value; (rest & 1n) === 0n; rest >>= 1n) count++;
  return count;
}
