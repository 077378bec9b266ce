/**
 * JavaScript's integers and truth values, known or symbolic: what the symbolic ones are is a term of src/solve.
 *
 * Every integer is a bit vector of `width` bits, read as signed, wide enough that nothing the verifier computes with
 * 64-bit values leaves it; so `bigint` arithmetic is plain bit-vector arithmetic. JavaScript numbers (`narrow`) differ
 * in their bitwise operators only, which work on 32 bits. What is known is computed here and never reaches the solver.
 */
import { InternalError } from '../../base/index.js';
import { type BinaryOp, type RelationOp, type Term, Terms } from '../../solve/index.js';

/** An integer of the program that is run symbolically. */
export interface Int {
  readonly kind: 'int';
  /** A JavaScript number rather than a bigint. */
  readonly narrow: boolean;
  /** Its value, or a term of {@link Numbers.width} bits. */
  readonly is: bigint | Term;
}

/** A truth value of it. */
export interface Bool {
  readonly kind: 'bool';
  readonly is: boolean | Term;
}

// A known integer stays a bigint: it costs no term, and branches on it are decided here.
const known = (value: bigint, narrow: boolean): Int => ({ kind: 'int', narrow, is: value });
/** A truth value that is known, or that a term says. */
export const truth = (is: boolean | Term): Bool => ({ kind: 'bool', is });

// What JavaScript's bitwise operators leave of a number.
const wrap32 = (x: bigint): bigint => BigInt.asIntN(32, x);

/** SMT-LIB's names. `>>` is arithmetic, as for bigint; `>>>` stands apart, since only numbers have it. */
const binaryNames: Readonly<Record<string, BinaryOp>> = {
  '+': 'bvadd',
  '-': 'bvsub',
  '*': 'bvmul',
  '&': 'bvand',
  '|': 'bvor',
  '^': 'bvxor',
  '<<': 'bvshl',
  '>>': 'bvashr',
};
const relationNames: Readonly<Record<string, RelationOp>> = { '<': 'bvslt', '<=': 'bvsle' };

/**
 * The operators of the language on such values. All results of one `Numbers` may be mixed; they share {@link
 * Numbers.terms}.
 */
export class Numbers {
  readonly terms: Terms = new Terms();
  readonly width: number;

  constructor(width: number) {
    this.width = width;
  }

  int(value: bigint | number, narrow: boolean = typeof value === 'number'): Int {
    return known(BigInt(value), narrow);
  }

  /** A variable of `bits` bits, signed or not. */
  variable(name: string, bits: number, signed: boolean, narrow: boolean): Int {
    const { terms, width } = this;
    const own = terms.unknown(name, bits);
    return { kind: 'int', narrow, is: signed ? terms.signExtend(own, width) : terms.zeroExtend(own, width) };
  }

  /** The term of a number, of {@link width} bits. */
  term({ is }: Int): Term {
    return typeof is === 'bigint' ? this.terms.bits(this.width, is) : is;
  }

  /** The term of a truth value. */
  truthTerm({ is }: Bool): Term {
    return typeof is === 'boolean' ? this.terms.bool(is) : is;
  }

  private of(term: Term, narrow: boolean): Int {
    return { kind: 'int', narrow, is: term };
  }

  /** `+ - * & | ^ << >> >>>` of two integers of one kind. */
  binary(operator: string, a: Int, b: Int): Int {
    const { narrow } = a;
    if (typeof a.is === 'bigint' && typeof b.is === 'bigint')
      return known(evaluate(operator, a.is, b.is, narrow), narrow);
    const { terms } = this;
    if (!narrow || operator === '+' || operator === '-' || operator === '*')
      return this.of(terms.binary(named(operator), this.term(a), this.term(b)), narrow);
    // Bitwise operators of JavaScript numbers see 32 bits; a shift's amount is known wherever the arithmetic shifts.
    if (operator === '>>>') return this.of(terms.binary('bvlshr', this.term(this.asUint(32, a)), this.term(b)), true);
    const right = operator === '<<' || operator === '>>' ? b : this.asInt(32, b);
    const result = terms.binary(named(operator), this.term(this.asInt(32, a)), this.term(right));
    return this.asInt(32, this.of(result, true));
  }

  not(a: Int): Int {
    if (typeof a.is === 'bigint') return known(a.narrow ? wrap32(~a.is) : ~a.is, a.narrow);
    const flipped = this.of(this.terms.not(a.is), a.narrow);
    return a.narrow ? this.asInt(32, flipped) : flipped;
  }

  negate(a: Int): Int {
    return this.binary('-', known(0n, a.narrow), a);
  }

  /** BigInt.asUintN and asIntN, which for JavaScript numbers is what `>>> 0` and `| 0` do. */
  asUint(bits: number, a: Int): Int {
    if (typeof a.is === 'bigint') return known(BigInt.asUintN(bits, a.is), a.narrow);
    return this.of(this.terms.zeroExtend(this.terms.extract(a.is, bits - 1, 0), this.width), a.narrow);
  }

  asInt(bits: number, a: Int): Int {
    if (typeof a.is === 'bigint') return known(BigInt.asIntN(bits, a.is), a.narrow);
    return this.of(this.terms.signExtend(this.terms.extract(a.is, bits - 1, 0), this.width), a.narrow);
  }

  /** The same integer as the other of JavaScript's two kinds: what `Number` and `BigInt` do within their range. */
  as(narrow: boolean, a: Int): Int {
    return { ...a, narrow };
  }

  /** Leading zeros of the low 32 bits. */
  clz32(a: Int): Int {
    if (typeof a.is === 'bigint') return known(BigInt(Math.clz32(Number(a.is))), true);
    let count: Int = known(32n, true);
    // From the lowest bit up, so that the highest one that is set has the last word.
    for (let bit = 0; bit < 32; bit++) {
      const set = truth(this.terms.eq(this.terms.extract(a.is, bit, bit), this.terms.bits(1, 1)));
      count = this.choose(set, known(BigInt(31 - bit), true), count);
    }
    return count;
  }

  compare(operator: string, a: Int, b: Int): Bool {
    if (typeof a.is === 'bigint' && typeof b.is === 'bigint') {
      const [x, y] = [a.is, b.is];
      const outcomes: Readonly<Record<string, boolean>> = {
        '<': x < y,
        '<=': x <= y,
        '>': x > y,
        '>=': x >= y,
        '===': x === y,
      };
      return truth(operator === '!==' ? x !== y : (outcomes[operator] ?? false));
    }
    const { terms } = this;
    // Only `<`, `<=` and equality have terms: the others turn around.
    if (operator.startsWith('>')) return this.compare(operator.replace('>', '<'), b, a);
    const [x, y] = [this.term(a), this.term(b)];
    const relation = relationNames[operator];
    if (relation !== undefined) return this.known(terms.relation(relation, x, y));
    return this.known(operator === '===' ? terms.eq(x, y) : terms.distinct(x, y));
  }

  /** Terms may turn out to be known when they are made. */
  private known(term: Term): Bool {
    return truth(term.op === 'const' ? term.value === 1n : term);
  }

  no(a: Bool): Bool {
    return typeof a.is === 'boolean' ? truth(!a.is) : this.known(this.terms.no(a.is));
  }

  and(a: Bool, b: Bool): Bool {
    return this.known(this.terms.all([this.truthTerm(a), this.truthTerm(b)]));
  }

  or(a: Bool, b: Bool): Bool {
    return this.known(this.terms.any([this.truthTerm(a), this.truthTerm(b)]));
  }

  same(a: Bool, b: Bool): Bool {
    return this.known(this.terms.eq(this.truthTerm(a), this.truthTerm(b)));
  }

  /** One of two numbers by a condition; no term where the condition or the choice is known. */
  choose(when: Bool, then: Int, otherwise: Int): Int {
    if (typeof when.is === 'boolean') return when.is ? then : otherwise;
    if (then.is === otherwise.is) return then;
    return this.of(this.terms.ite(when.is, this.term(then), this.term(otherwise)), then.narrow);
  }

  chooseBool(when: Bool, then: Bool, otherwise: Bool): Bool {
    return this.or(this.and(when, then), this.and(this.no(when), otherwise));
  }
}

/** The solver's operator; division and the like are not understood, and nothing that is proved uses them. */
function named(operator: string): BinaryOp {
  const name = binaryNames[operator];
  if (name === undefined) throw new InternalError('prove', `operator ${operator} of something symbolic`);
  return name;
}

/** Both known: computed as JavaScript does, numbers with 32-bit bitwise operators, bigints exactly. */
function evaluate(operator: string, a: bigint, b: bigint, narrow: boolean): bigint {
  switch (operator) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '**':
      return a ** b;
    case '&':
      return narrow ? wrap32(wrap32(a) & wrap32(b)) : a & b;
    case '|':
      return narrow ? wrap32(wrap32(a) | wrap32(b)) : a | b;
    case '^':
      return narrow ? wrap32(wrap32(a) ^ wrap32(b)) : a ^ b;
    case '<<':
      return narrow ? wrap32(a << (b & 31n)) : a << b;
    case '>>':
      return narrow ? wrap32(a) >> (b & 31n) : a >> b;
    case '>>>':
      return BigInt.asUintN(32, a) >> (b & 31n);
    default:
      throw new InternalError('prove', `operator ${operator}`);
  }
}
