/**
 * Makes terms: checks sorts, folds what is known, applies the rules and shares what is equal. Everything that is asked
 * of a solver in one go is built by one `Terms`, since identity is equality only among its own.
 */
import { InternalError } from '../base/index.js';
import {
  type BinaryOp,
  binaryTable,
  type Operation,
  type RelationOp,
  relationTable,
  type TermOp,
} from './operations.js';
import { areDistinct, binaryRules, relationRules, splitSum, type TermRule } from './rules.js';
import { type ArraySort, arraySort, bitsSort, boolSort, type Sort } from './sort.js';
import { type Term, widthOf } from './term.js';

/** `simplify: false` applies no rule and folds nothing, so that a solver or the evaluator has to compute (tests). */
export interface TermsOptions {
  readonly simplify?: boolean;
}

/** Makes the terms of one conversation. `simplify` off leaves them as they are asked for, for tests of the rules. */
export class Terms {
  readonly true: Term;
  readonly false: Term;
  private readonly simplify: boolean;
  private readonly made = new Map<string, Term>();
  /** Terms of two arguments, by operation and by their numbers. */
  private readonly pairs = new Map<TermOp, Map<number, Term>>();
  /** Terms of one argument, by operation and by its number, the width and the lowest bit. */
  private readonly singles = new Map<TermOp, Map<number, Term>>();
  /** Free variables by name, which has one sort. */
  private readonly variables = new Map<string, Term>();
  /** Constants by width and value. */
  private readonly constants = new Map<number, Map<bigint, Term>>();
  private count = 0;
  private readonly sorts = new Map<string, Sort>();
  /** Result and argument widths of each function. */
  private readonly signatures = new Map<string, string>();

  constructor(options: TermsOptions = {}) {
    this.simplify = options.simplify ?? true;
    this.false = this.intern('const', boolSort, [], 0n);
    this.true = this.intern('const', boolSort, [], 1n);
  }

  /** A constant of `width` bits; `value` is taken modulo 2^width. */
  bits(width: number, value: bigint | number): Term {
    return this.intern('const', bitsSort(width), [], BigInt.asUintN(width, BigInt(value)));
  }

  bool(value: boolean): Term {
    return value ? this.true : this.false;
  }

  /** The free variable of that name; a name has one sort. */
  variable(name: string, sort: Sort): Term {
    const known = this.sorts.get(name);
    if (known !== undefined && known !== sort) throw new InternalError('solve', `\`${name}\` has two sorts`);
    this.sorts.set(name, sort);
    return this.intern('variable', sort, [], 0n, name);
  }

  /** A free bit vector of `width` bits. */
  unknown(name: string, width: number): Term {
    return this.variable(name, bitsSort(width));
  }

  /** One of the operations on two bit vectors of equal width. */
  binary(op: BinaryOp, a: Term, b: Term): Term {
    const width = sameWidth(op, a, b);
    return this.two(op, a.sort, binaryTable[op], binaryRules[op], a, b, width);
  }

  /** A comparison. `=` takes bit vectors and truth values. */
  relation(op: RelationOp, a: Term, b: Term): Term {
    const bools = op === '=' && a.sort.kind === 'bool' && b.sort.kind === 'bool';
    const width = bools ? 0 : sameWidth(op, a, b);
    return this.two(op, boolSort, relationTable[op], relationRules[op], a, b, width);
  }

  add(a: Term, b: Term): Term {
    return this.binary('bvadd', a, b);
  }

  sub(a: Term, b: Term): Term {
    return this.binary('bvsub', a, b);
  }

  and(a: Term, b: Term): Term {
    return this.binary('bvand', a, b);
  }

  or(a: Term, b: Term): Term {
    return this.binary('bvor', a, b);
  }

  /** Flips every bit. */
  not(a: Term): Term {
    const width = widthOf(a);
    if (this.simplify && a.op === 'const') return this.bits(width, ~a.value);
    // ~~x = x
    if (this.simplify && a.op === 'bvnot') return a.args[0] as Term;
    return this.intern('bvnot', a.sort, [a]);
  }

  /** Two's complement. */
  neg(a: Term): Term {
    if (this.simplify && a.op === 'const') return this.bits(widthOf(a), -a.value);
    // -(-x) = x
    if (this.simplify && a.op === 'bvneg') return a.args[0] as Term;
    return this.intern('bvneg', a.sort, [a]);
  }

  /** `high` becomes the upper bits. */
  concat(high: Term, low: Term): Term {
    const [upper, lower] = [widthOf(high), widthOf(low)];
    if (this.simplify) {
      if (low.op === 'const' && high.op === 'const')
        return this.bits(upper + lower, (high.value << BigInt(lower)) | low.value);
      // concat(0, x) = zero_extend(x)
      if (high.op === 'const' && high.value === 0n) return this.zeroExtend(low, upper + lower);
      // concat(zero_extend(x), y) = zero_extend(concat(x, y))
      if (high.op === 'zero_extend') return this.zeroExtend(this.concat(high.args[0] as Term, low), upper + lower);
      // concat(x[h:m], x[m-1:l]) = x[h:l]
      if (
        high.op === 'extract' &&
        low.op === 'extract' &&
        high.args[0] === low.args[0] &&
        high.value === low.value + BigInt(lower)
      )
        return this.extract(high.args[0] as Term, Number(high.value) + upper - 1, Number(low.value));
    }
    return this.intern('concat', bitsSort(upper + lower), [high, low]);
  }

  /** Several parts, the uppermost first. */
  concatAll(parts: readonly Term[]): Term {
    const [first, ...rest] = parts;
    if (first === undefined) throw new InternalError('solve', 'a concatenation of nothing');
    return rest.reduce((high, low) => this.concat(high, low), first);
  }

  /** Bits `high` to `low`, both included. */
  extract(a: Term, high: number, low: number): Term {
    const width = widthOf(a);
    if (low < 0 || high < low || high >= width)
      throw new InternalError('solve', `bits ${high} to ${low} of ${width} bits`);
    const size = high - low + 1;
    if (this.simplify) {
      // x[w-1:0] = x
      if (size === width) return a;
      if (a.op === 'const') return this.bits(size, a.value >> BigInt(low));
      const [x, y] = a.args as [Term, Term];
      // x[h:l][m:n] = x[m+l:n+l]
      if (a.op === 'extract') return this.extract(x, high + Number(a.value), low + Number(a.value));
      if (a.op === 'zero_extend' || a.op === 'sign_extend') {
        // extend(x)[h:l] = x[h:l] within x; above x it is zero, or a shorter extension
        if (high < widthOf(x)) return this.extract(x, high, low);
        if (a.op === 'zero_extend' && low >= widthOf(x)) return this.bits(size, 0n);
        if (low === 0) return a.op === 'zero_extend' ? this.zeroExtend(x, size) : this.signExtend(x, size);
      }
      if (a.op === 'concat') {
        // concat(x, y)[h:l] = y[h:l] or x[h-n:l-n], n being the width of y
        if (high < widthOf(y)) return this.extract(y, high, low);
        if (low >= widthOf(y)) return this.extract(x, high - widthOf(y), low - widthOf(y));
      }
    }
    return this.intern('extract', bitsSort(size), [a], BigInt(low));
  }

  /** `a` with zeros above it, `width` bits in all. */
  zeroExtend(a: Term, width: number): Term {
    if (width === widthOf(a)) return a;
    if (this.simplify) {
      if (a.op === 'const') return this.bits(width, a.value);
      if (a.op === 'zero_extend') return this.zeroExtend(a.args[0] as Term, width);
    }
    return this.extend('zero_extend', a, width);
  }

  /** `a` with copies of its sign above it, `width` bits in all. */
  signExtend(a: Term, width: number): Term {
    if (width === widthOf(a)) return a;
    if (this.simplify) {
      if (a.op === 'const') return this.bits(width, BigInt.asIntN(widthOf(a), a.value));
      // The sign of what was extended, with zeros by at least one bit, is 0.
      if (a.op === 'zero_extend') return this.zeroExtend(a.args[0] as Term, width);
      if (a.op === 'sign_extend') return this.signExtend(a.args[0] as Term, width);
    }
    return this.extend('sign_extend', a, width);
  }

  eq(a: Term, b: Term): Term {
    return this.relation('=', a, b);
  }

  distinct(a: Term, b: Term): Term {
    return this.no(this.eq(a, b));
  }

  ult(a: Term, b: Term): Term {
    return this.relation('bvult', a, b);
  }

  ule(a: Term, b: Term): Term {
    return this.relation('bvule', a, b);
  }

  /** The contrary of a truth value. */
  no(a: Term): Term {
    if (this.simplify) {
      if (a.op === 'const') return this.bool(a.value === 0n);
      if (a.op === 'not') return a.args[0] as Term;
    }
    return this.intern('not', boolSort, [a]);
  }

  /** All of them hold; true for none. */
  all(terms: readonly Term[]): Term {
    return terms.reduce((a, b) => this.both(a, b), this.true);
  }

  /** One of them holds; false for none. */
  any(terms: readonly Term[]): Term {
    return this.no(this.all(terms.map((term) => this.no(term))));
  }

  /** `condition` chooses between two terms of one sort. */
  ite(condition: Term, then: Term, otherwise: Term): Term {
    if (then.sort !== otherwise.sort) throw new InternalError('solve', 'a choice between two sorts');
    if (this.simplify) {
      if (condition.op === 'const') return condition.value === 1n ? then : otherwise;
      if (then === otherwise) return then;
      // ite(not p, x, y) = ite(p, y, x)
      if (condition.op === 'not') return this.ite(condition.args[0] as Term, otherwise, then);
      if (then.sort === boolSort)
        return this.no(
          this.both(this.no(this.both(condition, then)), this.no(this.both(this.no(condition), otherwise))),
        );
    }
    return this.intern('ite', then.sort, [condition, then, otherwise]);
  }

  /** The element of `array` at `index`. */
  select(array: Term, index: Term): Term {
    const { element } = arrayOf(array, index);
    if (this.simplify) {
      let from = array;
      // select(store(a, i, e), j) = e if i = j, select(a, j) if i and j are never equal
      while (from.op === 'store' && areDistinct(from.args[1] as Term, index)) from = from.args[0] as Term;
      if (from.op === 'store' && from.args[1] === index) return from.args[2] as Term;
      if (from.op === 'everywhere') return from.args[0] as Term;
      return this.intern('select', bitsSort(element), [from, index]);
    }
    return this.intern('select', bitsSort(element), [array, index]);
  }

  /** `array` with one element changed. */
  store(array: Term, index: Term, element: Term): Term {
    const sort = arrayOf(array, index);
    if (widthOf(element) !== sort.element) throw new InternalError('solve', 'an element of another width');
    if (!this.simplify) return this.intern('store', sort, [array, index, element]);
    // store(store(a, i, x), i, y) = store(a, i, y), and stores to i and j that are never equal stand in one order.
    const later: Term[] = [];
    let base = array;
    while (
      base.op === 'store' &&
      areDistinct(base.args[1] as Term, index) &&
      comesBefore(index, base.args[1] as Term)
    ) {
      later.push(base);
      base = base.args[0] as Term;
    }
    let below = base;
    while (below.op === 'store' && areDistinct(below.args[1] as Term, index)) below = below.args[0] as Term;
    if (below.op === 'store' && below.args[1] === index) {
      if (below !== base) return this.replaced(array, below, index, element);
      base = below.args[0] as Term;
    }
    let result = this.intern('store', sort, [base, index, element]);
    for (const { args } of later.reverse()) result = this.intern('store', sort, [result, ...args.slice(1)]);
    return result;
  }

  /** `array`, in which `old` is a store at `index`, with `element` instead. */
  private replaced(array: Term, old: Term, index: Term, element: Term): Term {
    const above: Term[] = [];
    let from = array;
    for (; from !== old; from = from.args[0] as Term) above.push(from);
    let result = this.intern('store', array.sort, [old.args[0] as Term, index, element]);
    for (const { args } of above.reverse()) result = this.intern('store', array.sort, [result, ...args.slice(1)]);
    return result;
  }

  /** The array that has `element` at each of its 2^indexWidth indices. */
  everywhere(indexWidth: number, element: Term): Term {
    return this.intern('everywhere', arraySort(indexWidth, widthOf(element)), [element]);
  }

  /** An uninterpreted function of at least one bit vector; its name must always come with the same widths. */
  apply(name: string, width: number, args: readonly Term[]): Term {
    const signature = `${width}(${args.map(widthOf).join(',')})`;
    const known = this.signatures.get(name) ?? signature;
    if (known !== signature || args.length === 0)
      throw new InternalError('solve', `function \`${name}\`: ${known} and ${signature}`);
    this.signatures.set(name, signature);
    return this.intern('apply', bitsSort(width), args, 0n, name);
  }

  /** p and q, with what is known folded. */
  private both(a: Term, b: Term): Term {
    if (a.sort !== boolSort || b.sort !== boolSort) throw new InternalError('solve', '`and` of what is no truth value');
    if (this.simplify) {
      if (a === this.true || a === b) return b;
      if (b === this.true) return a;
      if (a === this.false || b === this.false) return this.false;
      // p and not p = false
      if (this.no(a) === b) return this.false;
    }
    return this.intern('and', boolSort, [a, b]);
  }

  /** A binary operation or relation: folded, put in order, given to the rules, and shared. */
  private two(
    op: BinaryOp | RelationOp,
    sort: Sort,
    { evaluate, commutative }: Operation,
    rules: readonly TermRule[],
    left: Term,
    right: Term,
    width: number,
  ): Term {
    let [a, b] = [left, right];
    if (this.simplify) {
      if (a.op === 'const' && b.op === 'const') return this.folded(sort, evaluate(a.value, b.value, width));
      // Constants last, else by age: one form for both orders.
      if (commutative && b.op !== 'const' && (a.op === 'const' || a.id > b.id)) [a, b] = [b, a];
      for (const rule of rules) {
        const result = rule.apply(this, a, b, width);
        if (result !== undefined) return result;
      }
    }
    return this.intern(op, sort, [a, b]);
  }

  private folded(sort: Sort, value: bigint): Term {
    return sort.kind === 'bits' ? this.bits(sort.width, value) : this.bool(value === 1n);
  }

  /** Widens by zeros or by the sign. */
  private extend(op: 'zero_extend' | 'sign_extend', a: Term, width: number): Term {
    if (width < widthOf(a)) throw new InternalError('solve', `${widthOf(a)} bits do not become ${width} by extension`);
    return this.intern(op, bitsSort(width), [a]);
  }

  /**
   * The one term with this operation and these arguments. What is made most often is found without a text for a key:
   * constants, variables, two arguments, whose sort the operation tells, and parts and extensions of one.
   */
  private intern(op: TermOp, sort: Sort, args: readonly Term[], value = 0n, name = ''): Term {
    if (args.length === 2 && name === '') {
      const pairs = keyed(this.pairs, op);
      const [a, b] = args as [Term, Term];
      const key = a.id * idLimit + b.id;
      return pairs.get(key) ?? set(pairs, key, this.birth(op, sort, args, value, name));
    }
    if (args.length === 1 && name === '' && sort.kind === 'bits' && sort.width < partLimit && value < partLimit) {
      const singles = keyed(this.singles, op);
      const key = ((args[0] as Term).id * partLimit + sort.width) * partLimit + Number(value);
      return singles.get(key) ?? set(singles, key, this.birth(op, sort, args, value, name));
    }
    if (op === 'variable')
      return this.variables.get(name) ?? set(this.variables, name, this.birth(op, sort, args, value, name));
    if (op === 'const' && sort.kind === 'bits') {
      const constants = keyed(this.constants, sort.width);
      return constants.get(value) ?? set(constants, value, this.birth(op, sort, args, value, name));
    }
    const size = sort.kind === 'bits' ? sort.width : sort.kind === 'bool' ? 0 : `${sort.index}.${sort.element}`;
    const key = `${op} ${size} ${value} ${args.map(({ id }) => id).join(' ')} ${name}`;
    return this.made.get(key) ?? set(this.made, key, this.birth(op, sort, args, value, name));
  }

  private birth(op: TermOp, sort: Sort, args: readonly Term[], value: bigint, name: string): Term {
    if (this.count >= idLimit) throw new InternalError('solve', 'too many terms');
    return { id: this.count++, op, sort, args, value, name };
  }
}

/** Terms that there can be: two numbers below it make one that is exact. */
const idLimit = 1 << 26;

/** Widths and lowest bits below this one, and the number of a term, make one number that is exact. */
const partLimit = 1 << 10;

/** The inner table of a key, made when it is first asked for. */
function keyed<K, L>(tables: Map<K, Map<L, Term>>, key: K): Map<L, Term> {
  let table = tables.get(key);
  if (table === undefined) {
    table = new Map();
    tables.set(key, table);
  }
  return table;
}

function set<K>(table: Map<K, Term>, key: K, term: Term): Term {
  table.set(key, term);
  return term;
}

/** The order of two indices that differ by a constant. */
function comesBefore(a: Term, b: Term): boolean {
  const [, c] = splitSum(a);
  const [, d] = splitSum(b);
  return a.op === 'const' && b.op === 'const' ? a.value < b.value : c < d;
}

/** The common width; another one is a mistake of whoever builds terms. */
function sameWidth(op: TermOp, a: Term, b: Term): number {
  const width = widthOf(a);
  if (widthOf(b) !== width) throw new InternalError('solve', `\`${op}\` of ${width} and ${widthOf(b)} bits`);
  return width;
}

/** The array's sort, its index checked. */
function arrayOf({ sort }: Term, index: Term): ArraySort {
  if (sort.kind !== 'array' || sort.index !== widthOf(index))
    throw new InternalError('solve', 'no index of that array');
  return sort;
}
