/**
 * Integers and truth values that are known or symbolic, and the SMT-LIB text that defines the symbolic ones.
 *
 * Every integer is a bit vector of `width` bits, read as signed, wide enough that nothing the verifier computes with 64-bit values leaves it;
 * so `bigint` arithmetic is plain bit-vector arithmetic. JavaScript numbers (`narrow`) differ in their bitwise operators only, which work on
 * 32 bits. What is known is computed here and never reaches the solver.
 */

export interface Int {
  readonly kind: 'int';
  /** A JavaScript number rather than a bigint. */
  readonly narrow: boolean;
  /** Its value, or the name of its definition. */
  readonly is: bigint | string;
}

export interface Bool {
  readonly kind: 'bool';
  readonly is: boolean | string;
}

const known = (value: bigint, narrow: boolean): Int => ({ kind: 'int', narrow, is: value });
export const truth = (is: boolean | string): Bool => ({ kind: 'bool', is });

const wrap32 = (x: bigint): bigint => BigInt.asIntN(32, x);

export class Terms {
  readonly width: number;
  /** Declarations and definitions, in order. */
  readonly text: string[] = [];
  private readonly names = new Map<string, string>();

  constructor(width: number) {
    this.width = width;
  }

  int(value: bigint | number, narrow: boolean = typeof value === 'number'): Int {
    return known(BigInt(value), narrow);
  }

  /** A variable of `bits` bits, signed or not. */
  variable(name: string, bits: number, signed: boolean, narrow: boolean): Int {
    this.text.push(`(declare-const ${name} (_ BitVec ${bits}))`);
    const extend = signed ? 'sign_extend' : 'zero_extend';
    return this.define(`((_ ${extend} ${this.width - bits}) ${name})`, narrow);
  }

  /** The term in SMT-LIB. */
  show({ is }: Int): string {
    if (typeof is === 'string') return is;
    return `#x${BigInt.asUintN(this.width, is)
      .toString(16)
      .padStart(this.width / 4, '0')}`;
  }

  showBool({ is }: Bool): string {
    return String(is);
  }

  private define(body: string, narrow: boolean): Int {
    return { kind: 'int', narrow, is: this.named(body, `(_ BitVec ${this.width})`) };
  }

  private named(body: string, sort: string): string {
    let name = this.names.get(body);
    if (name === undefined) {
      name = `t${this.names.size}`;
      this.names.set(body, name);
      this.text.push(`(define-fun ${name} () ${sort} ${body})`);
    }
    return name;
  }

  private condition(body: string): Bool {
    return truth(this.named(body, 'Bool'));
  }

  /** `+ - * & | ^ << >> >>>` of two integers of one kind. */
  binary(operator: string, a: Int, b: Int): Int {
    const { narrow } = a;
    if (typeof a.is === 'bigint' && typeof b.is === 'bigint')
      return known(evaluate(operator, a.is, b.is, narrow), narrow);
    const arithmetic: Readonly<Record<string, string>> = { '+': 'bvadd', '-': 'bvsub', '*': 'bvmul' };
    const bitwise: Readonly<Record<string, string>> = {
      '&': 'bvand',
      '|': 'bvor',
      '^': 'bvxor',
      '<<': 'bvshl',
      '>>': 'bvashr',
    };
    const plain = arithmetic[operator];
    if (plain !== undefined) return this.define(`(${plain} ${this.show(a)} ${this.show(b)})`, narrow);
    if (!narrow) return this.define(`(${bitwise[operator]} ${this.show(a)} ${this.show(b)})`, false);
    const low = this.asInt(32, a);
    if (operator === '>>>') return this.define(`(bvlshr ${this.show(this.asUint(32, a))} ${this.show(b)})`, true);
    const right = operator === '<<' || operator === '>>' ? b : this.asInt(32, b);
    return this.asInt(32, this.define(`(${bitwise[operator]} ${this.show(low)} ${this.show(right)})`, true));
  }

  not(a: Int): Int {
    if (typeof a.is === 'bigint') return known(a.narrow ? wrap32(~a.is) : ~a.is, a.narrow);
    const flipped = this.define(`(bvnot ${this.show(a)})`, a.narrow);
    return a.narrow ? this.asInt(32, flipped) : flipped;
  }

  negate(a: Int): Int {
    return this.binary('-', known(0n, a.narrow), a);
  }

  asUint(bits: number, a: Int): Int {
    if (typeof a.is === 'bigint') return known(BigInt.asUintN(bits, a.is), a.narrow);
    return this.define(`((_ zero_extend ${this.width - bits}) ((_ extract ${bits - 1} 0) ${a.is}))`, a.narrow);
  }

  asInt(bits: number, a: Int): Int {
    if (typeof a.is === 'bigint') return known(BigInt.asIntN(bits, a.is), a.narrow);
    return this.define(`((_ sign_extend ${this.width - bits}) ((_ extract ${bits - 1} 0) ${a.is}))`, a.narrow);
  }

  as(narrow: boolean, a: Int): Int {
    return { ...a, narrow };
  }

  /** Leading zeros of the low 32 bits. */
  clz32(a: Int): Int {
    if (typeof a.is === 'bigint') return known(BigInt(Math.clz32(Number(a.is))), true);
    let count: Int = known(32n, true);
    for (let bit = 0; bit < 32; bit++) {
      const set = this.condition(`(= #b1 ((_ extract ${bit} ${bit}) ${a.is}))`);
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
    const [x, y] = [this.show(a), this.show(b)];
    switch (operator) {
      case '<':
        return this.condition(`(bvslt ${x} ${y})`);
      case '<=':
        return this.condition(`(bvsle ${x} ${y})`);
      case '>':
        return this.condition(`(bvslt ${y} ${x})`);
      case '>=':
        return this.condition(`(bvsle ${y} ${x})`);
      case '===':
        return this.condition(`(= ${x} ${y})`);
      default:
        return this.no(this.condition(`(= ${x} ${y})`));
    }
  }

  no(a: Bool): Bool {
    return typeof a.is === 'boolean' ? truth(!a.is) : this.condition(`(not ${a.is})`);
  }

  and(a: Bool, b: Bool): Bool {
    if (a.is === false || b.is === false) return truth(false);
    if (a.is === true) return b;
    if (b.is === true || a.is === b.is) return a;
    return this.condition(`(and ${a.is} ${b.is})`);
  }

  or(a: Bool, b: Bool): Bool {
    return this.no(this.and(this.no(a), this.no(b)));
  }

  same(a: Bool, b: Bool): Bool {
    if (typeof a.is === 'boolean') return a.is ? b : this.no(b);
    if (typeof b.is === 'boolean') return b.is ? a : this.no(a);
    return this.condition(`(= ${a.is} ${b.is})`);
  }

  choose(when: Bool, then: Int, otherwise: Int): Int {
    if (typeof when.is === 'boolean') return when.is ? then : otherwise;
    if (then.is === otherwise.is) return then;
    return this.define(`(ite ${when.is} ${this.show(then)} ${this.show(otherwise)})`, then.narrow);
  }

  chooseBool(when: Bool, then: Bool, otherwise: Bool): Bool {
    return this.or(this.and(when, then), this.and(this.no(when), otherwise));
  }
}

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
      throw new Error(`operator ${operator}`);
  }
}
