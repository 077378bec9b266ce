/**
 * Terms as clauses, bit by bit: each bit of a term becomes a literal of a {@link SatSolver}, made once for each term.
 * Constants are literals, too, so what is known folds away before a clause is written. Arrays and uninterpreted
 * functions have no bits: terms with them are refused by {@link canBlast}.
 */
import { InternalError } from '../base/index.js';
import type { SatSolver } from './sat-solver.js';
import { type Term, termsBelow } from './term.js';

/** Operations that there are circuits for. */
const blastable: ReadonlySet<string> = new Set<Term['op']>([
  ...(['const', 'variable', 'not', 'and', 'or', 'ite', '='] as const),
  ...(['bvadd', 'bvsub', 'bvmul', 'bvudiv', 'bvurem', 'bvand', 'bvor', 'bvxor', 'bvnot', 'bvneg'] as const),
  ...(['bvshl', 'bvlshr', 'bvashr', 'bvult', 'bvule', 'bvslt', 'bvsle'] as const),
  ...(['concat', 'extract', 'zero_extend', 'sign_extend'] as const),
]);

/** Is there a circuit for all that the term is made of? */
export function canBlast(term: Term): boolean {
  return termsBelow([term]).every(({ op, sort }) => blastable.has(op) && sort.kind !== 'array');
}

/** Circuits of terms in one solver. */
export class BitBlaster {
  /** Literals of variables, lowest bit first, by the variable. */
  readonly variables: Map<Term, readonly number[]> = new Map();
  private readonly solver: SatSolver;
  private readonly phaseOf: (variable: Term) => bigint;
  private readonly known = new Map<Term, readonly number[]>();
  /** Gates by their inputs, so that the same one is made once. */
  private readonly gates = new Map<string, number>();
  private readonly yes: number;
  private readonly no: number;

  /** `phaseOf`: values that are tried first for a variable. */
  constructor(solver: SatSolver, phaseOf: (variable: Term) => bigint) {
    this.solver = solver;
    this.phaseOf = phaseOf;
    this.yes = 2 * solver.variable(true);
    this.no = this.yes ^ 1;
    solver.add([this.yes]);
  }

  /** From now on the truth value holds. */
  assert(term: Term): void {
    this.solver.add([this.bitsOf(term)[0] as number]);
  }

  /** The literals of a term, lowest bit first; a truth value has one. */
  bitsOf(root: Term): readonly number[] {
    const found = this.known.get(root);
    if (found !== undefined) return found;
    for (const term of termsBelow([root])) if (!this.known.has(term)) this.known.set(term, this.circuit(term));
    return this.known.get(root) as readonly number[];
  }

  private circuit(term: Term): readonly number[] {
    const { op, sort, args } = term;
    const width = sort.kind === 'bits' ? sort.width : 1;
    const bits = (i: number): readonly number[] => this.known.get(args[i] as Term) as readonly number[];
    switch (op) {
      case 'const':
        return this.constant(term.value, width);
      case 'variable':
        return this.named(term, width);
      case 'not':
      case 'bvnot':
        return bits(0).map((bit) => bit ^ 1);
      case 'and':
      case 'bvand':
        return bits(0).map((bit, i) => this.and(bit, bits(1)[i] as number));
      case 'or':
      case 'bvor':
        return bits(0).map((bit, i) => this.or(bit, bits(1)[i] as number));
      case 'bvxor':
        return bits(0).map((bit, i) => this.xor(bit, bits(1)[i] as number));
      case 'ite':
        return bits(1).map((bit, i) => this.choice(bits(0)[0] as number, bit, bits(2)[i] as number));
      case 'concat':
        return [...bits(1), ...bits(0)];
      case 'extract':
        return bits(0).slice(Number(term.value), Number(term.value) + width);
      case 'zero_extend':
        return this.extended(bits(0), width, this.no);
      case 'sign_extend':
        return this.extended(bits(0), width, bits(0).at(-1) as number);
      case 'bvneg':
        return this.sum(
          this.constant(0n, width),
          bits(0).map((bit) => bit ^ 1),
          this.yes,
        );
      case 'bvadd':
        return this.sum(bits(0), bits(1), this.no);
      case 'bvsub':
        return this.difference(bits(0), bits(1));
      case 'bvmul':
        return this.product(bits(0), bits(1), width);
      case 'bvudiv':
        return this.division(bits(0), bits(1)).quotient;
      case 'bvurem':
        return this.division(bits(0), bits(1)).remainder;
      case 'bvshl':
      case 'bvlshr':
      case 'bvashr':
        return this.shift(op, bits(0), bits(1));
      case '=':
        return [this.equal(bits(0), bits(1))];
      case 'bvult':
        return [this.below(bits(0), bits(1))];
      case 'bvule':
        return [this.below(bits(1), bits(0)) ^ 1];
      case 'bvslt':
        return [this.below(turned(bits(0)), turned(bits(1)))];
      case 'bvsle':
        return [this.below(turned(bits(1)), turned(bits(0))) ^ 1];
      default:
        throw new InternalError('solve', `no circuit for \`${op}\``);
    }
  }

  private constant(value: bigint, width: number): number[] {
    return Array.from({ length: width }, (_, i) => (((value >> BigInt(i)) & 1n) === 1n ? this.yes : this.no));
  }

  private named(term: Term, width: number): number[] {
    const phase = this.phaseOf(term);
    const bits = Array.from({ length: width }, (_, i) => 2 * this.solver.variable(((phase >> BigInt(i)) & 1n) === 1n));
    this.variables.set(term, bits);
    return bits;
  }

  private extended(bits: readonly number[], width: number, by: number): number[] {
    return [...bits, ...Array.from({ length: width - bits.length }, () => by)];
  }

  private and(a: number, b: number): number {
    if (a === this.no || b === this.no || a === (b ^ 1)) return this.no;
    if (a === this.yes || a === b) return b;
    if (b === this.yes) return a;
    return this.gate('&', Math.min(a, b), Math.max(a, b), (out, x, y) => {
      this.solver.add([out ^ 1, x]);
      this.solver.add([out ^ 1, y]);
      this.solver.add([out, x ^ 1, y ^ 1]);
    });
  }

  private or(a: number, b: number): number {
    return this.and(a ^ 1, b ^ 1) ^ 1;
  }

  private xor(a: number, b: number): number {
    if (a === this.no) return b;
    if (b === this.no) return a;
    if (a === this.yes) return b ^ 1;
    if (b === this.yes) return a ^ 1;
    if (a >> 1 === b >> 1) return a === b ? this.no : this.yes;
    // Negations move to the output.
    const flip = (a & 1) ^ (b & 1);
    const [x, y] = [a & ~1, b & ~1];
    const gate = this.gate('^', Math.min(x, y), Math.max(x, y), (out, p, q) => {
      this.solver.add([out ^ 1, p, q]);
      this.solver.add([out ^ 1, p ^ 1, q ^ 1]);
      this.solver.add([out, p ^ 1, q]);
      this.solver.add([out, p, q ^ 1]);
    });
    return gate ^ flip;
  }

  private gate(kind: string, a: number, b: number, write: (out: number, a: number, b: number) => void): number {
    const key = `${kind}${a},${b}`;
    const known = this.gates.get(key);
    if (known !== undefined) return known;
    const out = 2 * this.solver.variable();
    write(out, a, b);
    this.gates.set(key, out);
    return out;
  }

  private choice(condition: number, then: number, otherwise: number): number {
    if (then === otherwise) return then;
    if (condition === this.yes) return then;
    if (condition === this.no) return otherwise;
    return this.or(this.and(condition, then), this.and(condition ^ 1, otherwise));
  }

  /** Two of three. */
  private majority(a: number, b: number, c: number): number {
    return this.or(this.and(a, b), this.and(c, this.or(a, b)));
  }

  private sum(a: readonly number[], b: readonly number[], carry: number): number[] {
    let rest = carry;
    return a.map((bit, i) => {
      const other = b[i] as number;
      const out = this.xor(this.xor(bit, other), rest);
      rest = this.majority(bit, other, rest);
      return out;
    });
  }

  private difference(a: readonly number[], b: readonly number[]): number[] {
    return this.sum(
      a,
      b.map((bit) => bit ^ 1),
      this.yes,
    );
  }

  private product(a: readonly number[], b: readonly number[], width: number): number[] {
    // Rows of the one that has more constant bits: they are left out where the bit is zero.
    const fixed = (bits: readonly number[]): number => bits.filter((bit) => bit >> 1 === this.yes >> 1).length;
    const [rows, row] = fixed(a) > fixed(b) ? [a, b] : [b, a];
    let result = this.constant(0n, width);
    for (let i = 0; i < width; i++) {
      const by = rows[i] as number;
      if (by === this.no) continue;
      const shifted = Array.from({ length: width }, (_, k) => (k < i ? this.no : this.and(by, row[k - i] as number)));
      result = this.sum(result, shifted, this.no);
    }
    return result;
  }

  /** By restoring division, a bit at a time; by zero as SMT-LIB has it, which falls out of it. */
  private division(a: readonly number[], b: readonly number[]): { quotient: number[]; remainder: number[] } {
    const width = a.length;
    const quotient: number[] = Array.from({ length: width }, () => this.no);
    // One bit more than the divisor, so that what is shifted in has room.
    const divisor = [...b, this.no];
    let rest = this.constant(0n, width + 1);
    for (let i = width - 1; i >= 0; i--) {
      rest = [a[i] as number, ...rest.slice(0, width)];
      const fits = this.below(rest, divisor) ^ 1;
      quotient[i] = fits;
      const less = this.difference(rest, divisor);
      rest = rest.map((bit, k) => this.choice(fits, less[k] as number, bit));
    }
    return { quotient, remainder: rest.slice(0, width) };
  }

  private shift(op: 'bvshl' | 'bvlshr' | 'bvashr', a: readonly number[], by: readonly number[]): number[] {
    const width = a.length;
    const fill = op === 'bvashr' ? (a.at(-1) as number) : this.no;
    let result = [...a];
    let beyond = this.no;
    for (const [i, bit] of by.entries()) {
      const distance = 2 ** i;
      if (distance >= width) {
        beyond = this.or(beyond, bit);
        continue;
      }
      result = result.map((own, k) => {
        const from = op === 'bvshl' ? k - distance : k + distance;
        const moved = from < 0 || from >= width ? fill : (result[from] as number);
        return this.choice(bit, moved, own);
      });
    }
    return result.map((bit) => this.choice(beyond, fill, bit));
  }

  private equal(a: readonly number[], b: readonly number[]): number {
    let all = this.yes;
    for (const [i, bit] of a.entries()) all = this.and(all, this.xor(bit, b[i] as number) ^ 1);
    return all;
  }

  /** Unsigned less: the borrow of a - b. */
  private below(a: readonly number[], b: readonly number[]): number {
    let borrow = this.no;
    for (const [i, bit] of a.entries()) {
      const other = b[i] as number;
      // Different bits decide, equal ones leave it to those below.
      borrow = this.choice(this.xor(bit, other), other, borrow);
    }
    return borrow;
  }
}

/** With the sign turned, signed numbers compare as unsigned ones. */
function turned(bits: readonly number[]): number[] {
  return bits.map((bit, i) => (i === bits.length - 1 ? bit ^ 1 : bit));
}
