/**
 * A guess at values that make a term what it should be: from the term down to one variable, each operation is undone
 * for one of its arguments while the other stays as it is (as in Niemetz, Preiner and Biere, "Propagation based local
 * search for bit-precise reasoning", 2017, without the search). What a solver has to find bit by bit, a divisor or a
 * sum of half the packet, takes a walk here. A guess may be wrong: whoever asks evaluates.
 */
import { type Term, widthOf } from './term.js';

/** Chooses which argument of an operation is to change: 0 or 1. */
export type Choice = () => number;

/** Makes guesses. `valueOf` is what terms are now. */
export class Inversion {
  /** Variables that are to change, by name. */
  readonly changes: Map<string, bigint> = new Map();
  private readonly valueOf: (term: Term) => bigint;
  private readonly choose: Choice;

  /** `known`: the value of a term. */
  constructor(known: (term: Term) => bigint, choose: Choice) {
    this.valueOf = known;
    this.choose = choose;
  }

  /** Makes the truth value hold, or not. False: no way to do so was found. */
  decide(term: Term, holds: boolean): boolean {
    const [a, b] = term.args as [Term, Term];
    switch (term.op) {
      case 'const':
        return (term.value === 1n) === holds;
      case 'variable':
        this.changes.set(term.name, holds ? 1n : 0n);
        return true;
      case 'not':
        return this.decide(a, !holds);
      case 'and':
        if (holds) return this.decide(a, true) && this.decide(b, true);
        return this.decide(this.choose() === 0 ? a : b, false);
      case 'or':
        if (!holds) return this.decide(a, false) && this.decide(b, false);
        return this.decide(this.choose() === 0 ? a : b, true);
      case '=':
        if (a.sort.kind === 'bool') return this.decide(a, (this.valueOf(b) === 1n) === holds);
        return holds ? this.equal(a, b) : this.differ(a, b);
      case 'bvult':
        return holds ? this.below(a, b, 1n) : this.below(b, a, 0n);
      case 'bvule':
        return holds ? this.below(a, b, 0n) : this.below(b, a, 1n);
      default:
        return false;
    }
  }

  /** Which of two sides is made to fit the other. */
  private side(a: Term, b: Term): readonly [Term, Term] {
    if (a.op === 'const') return [b, a];
    if (b.op === 'const') return [a, b];
    // What was carried out of a sum hardly moves by itself, and the rest of the sum does.
    if (isCarry(a) !== isCarry(b)) return isCarry(a) ? [b, a] : [a, b];
    return this.choose() === 0 ? [a, b] : [b, a];
  }

  private equal(a: Term, b: Term): boolean {
    const [moved, fixed] = this.side(a, b);
    return this.become(moved, this.valueOf(fixed));
  }

  private differ(a: Term, b: Term): boolean {
    const [moved, fixed] = this.side(a, b);
    return this.become(moved, this.valueOf(fixed) ^ 1n);
  }

  /** `a` is made at least `by` less than `b`, or `b` that much more than `a`. */
  private below(a: Term, b: Term, by: bigint): boolean {
    const [moved, fixed] = this.side(a, b);
    const value = this.valueOf(fixed);
    if (moved === a) return value >= by && this.become(a, value - by);
    const wanted = value + by;
    return wanted >> BigInt(widthOf(b)) === 0n && this.become(b, wanted);
  }

  /** Makes a bit vector this number. */
  private become(term: Term, number: bigint): boolean {
    const { op, args } = term;
    const width = widthOf(term);
    const [a, b] = args as [Term, Term];
    const u = (x: bigint): bigint => BigInt.asUintN(width, x);
    switch (op) {
      case 'const':
        return term.value === number;
      case 'variable': {
        const known = this.changes.get(term.name);
        if (known !== undefined && known !== number) return false;
        this.changes.set(term.name, number);
        return true;
      }
      case 'zero_extend':
        // What does not fit is for another walk to put right.
        return this.become(a, BigInt.asUintN(widthOf(a), number));
      case 'sign_extend': {
        const own = BigInt.asUintN(widthOf(a), number);
        return BigInt.asUintN(width, BigInt.asIntN(widthOf(a), own)) === number && this.become(a, own);
      }
      case 'concat': {
        const low = BigInt(widthOf(b));
        return this.become(a, number >> low) && this.become(b, BigInt.asUintN(Number(low), number));
      }
      case 'extract': {
        const mask = ((1n << BigInt(width)) - 1n) << term.value;
        return this.become(a, (this.valueOf(a) & ~mask) | (number << term.value));
      }
      case 'ite':
        return this.become(this.valueOf(a) === 1n ? b : (args[2] as Term), number);
      case 'bvnot':
        return this.become(a, u(~number));
      case 'bvneg':
        return this.become(a, u(-number));
      default:
        return this.undo(term, a, b, number, u);
    }
  }

  /** Undoes an operation on two arguments. */
  private undo(term: Term, a: Term, b: Term, number: bigint, u: (x: bigint) => bigint): boolean {
    if (b === undefined) return false;
    const [moved, fixed] = this.side(a, b);
    const isFirst = moved === a;
    const value = this.valueOf(fixed);
    const width = BigInt(widthOf(term));
    switch (term.op) {
      case 'bvadd':
        return this.become(moved, u(number - value));
      case 'bvsub':
        return this.become(moved, isFirst ? u(number + value) : u(value - number));
      case 'bvxor':
        return this.become(moved, number ^ value);
      case 'bvand':
        // Bits that the other side has not can be anything.
        return (number & ~value) === 0n && this.become(moved, number | (this.valueOf(moved) & ~value));
      case 'bvor':
        return (value & ~number) === 0n && this.become(moved, number & (~value | this.valueOf(moved)));
      case 'bvshl':
        return isFirst && value < width && u((number >> value) << value) === number && this.become(a, number >> value);
      case 'bvlshr':
        return isFirst && value < width && u(number << value) >> value === number && this.become(a, u(number << value));
      case 'bvmul': {
        if ((value & 1n) === 1n) return this.become(moved, u(number * inverse(value, Number(width))));
        return value !== 0n && number % value === 0n && this.become(moved, number / value);
      }
      case 'bvudiv':
        return isFirst && value !== 0n && this.become(a, u(number * value));
      case 'bvurem':
        return this.remainder(a, b, number, isFirst);
      default:
        return false;
    }
  }

  /** a % b = number: the nearest `a` below what it is; or a `b` that divides what is too much. */
  private remainder(a: Term, b: Term, number: bigint, isFirst: boolean): boolean {
    const [x, y] = [this.valueOf(a), this.valueOf(b)];
    if (isFirst) return number < y && this.become(a, x - (x % y) + number);
    return x > 2n * number && this.become(b, x - number);
  }
}

/** The upper half of a sum, as checksums fold it back. */
function isCarry(term: Term): boolean {
  const inner = term.op === 'zero_extend' ? (term.args[0] as Term) : term;
  return inner.op === 'bvlshr' || (inner.op === 'extract' && inner.value > 0n && inner.args[0]?.op === 'bvadd');
}

/** Of an odd number modulo 2^width, by Newton's iteration, which doubles the bits that are right. */
function inverse(odd: bigint, width: number): bigint {
  let x = odd;
  for (let bits = 3; bits < width; bits *= 2) x = BigInt.asUintN(width, x * (2n - odd * x));
  return x;
}
