/**
 * Arithmetic and comparisons of BPF as terms (RFC 9669, sections 4.1 and 4.3), in a form that makes equal what
 * different instructions compute alike: shifts by constants, masks and byte swaps are parts of values put together,
 * comparisons are made of `=`, unsigned and signed `<` on as few bits as decide them. So most of what an optimizer
 * did needs no solver.
 */
import { type Insn, insnClass, op } from '../../isa/index.js';
import { type BinaryOp, type Term, type Terms, widthOf } from '../../solve/index.js';

/** What an instruction of class ALU or ALU64 leaves in its destination: `a` is the old value, `b` the operand. */
export function aluTerm(t: Terms, insn: Insn, a: Term, b: Term): Term {
  const width = insnClass(insn) === op.ALU64 ? 64 : 32;
  if ((insn.code & 0xf0) === op.END) return swapTerm(t, insn, a);
  return t.zeroExtend(operate(t, insn, low(t, a, width), low(t, b, width), width), 64);
}

/** Does the instruction look at the old value of its destination? */
export function readsDestination(insn: Insn): boolean {
  return (insn.code & 0xf0) !== op.MOV;
}

/** When a conditional jump is taken: `a` and `b` are its operands, 64 bits each. */
export function jumpTerm(t: Terms, insn: Insn, a64: Term, b64: Term): Term {
  const width = insnClass(insn) === op.JMP32 ? 32 : 64;
  const [a, b] = [low(t, a64, width), low(t, b64, width)];
  switch (insn.code & 0xf0) {
    case op.JEQ:
      return equal(t, a, b);
    case op.JNE:
      return t.no(equal(t, a, b));
    case op.JSET:
      return t.no(equal(t, andTerm(t, a, b), t.bits(width, 0)));
    case op.JGT:
      return below(t, b, a);
    case op.JGE:
      return t.no(below(t, a, b));
    case op.JLT:
      return below(t, a, b);
    case op.JLE:
      return t.no(below(t, b, a));
    case op.JSGT:
      return less(t, b, a);
    case op.JSGE:
      return t.no(less(t, a, b));
    case op.JSLT:
      return less(t, a, b);
    default:
      return t.no(less(t, b, a));
  }
}

/** Results of {@link low}: what many sums share would be taken apart once for each way that leads to it. */
const lows = new WeakMap<Term, Map<number, Term>>();

/** Operations whose low bits depend on the low bits of their arguments only. */
const fromBelow: ReadonlySet<string> = new Set(['bvadd', 'bvsub', 'bvmul', 'bvneg', 'bvand', 'bvor', 'bvxor', 'bvnot']);

/** The low `width` bits, as operations on as many bits: what was computed on 64 bits is what 32 would have given. */
export function low(t: Terms, a: Term, width: number): Term {
  if (width === widthOf(a)) return a;
  if (a.op === 'zero_extend') {
    const inner = a.args[0] as Term;
    return widthOf(inner) <= width ? t.zeroExtend(inner, width) : low(t, inner, width);
  }
  if (a.op === 'concat') {
    const [upper, lower] = a.args as [Term, Term];
    const rest = width - widthOf(lower);
    return rest <= 0 ? low(t, lower, width) : t.concat(low(t, upper, rest), lower);
  }
  if (!fromBelow.has(a.op)) return t.extract(a, width - 1, 0);
  const known = lows.get(a)?.get(width);
  if (known !== undefined) return known;
  const [x, y] = a.args.map((part) => low(t, part, width)) as [Term, Term];
  const result = a.op === 'bvnot' ? t.not(x) : a.op === 'bvneg' ? t.neg(x) : t.binary(a.op as BinaryOp, x, y);
  let ofTerm = lows.get(a);
  if (ofTerm === undefined) {
    ofTerm = new Map();
    lows.set(a, ofTerm);
  }
  ofTerm.set(width, result);
  return result;
}

/** One operation of `width` bits on terms of that width. */
function operate(t: Terms, insn: Insn, a: Term, b: Term, width: 32 | 64): Term {
  const signed = insn.off === 1;
  switch (insn.code & 0xf0) {
    case op.ADD:
      return addTerm(t, a, b, width);
    case op.SUB:
      return t.sub(a, b);
    case op.MUL:
      return mulTerm(t, a, b, width);
    case op.DIV:
      return divided(t, signed ? 'bvsdiv' : 'bvudiv', a, b, width);
    case op.MOD:
      return remainder(t, signed, a, b, width);
    case op.OR:
      return orTerm(t, a, b);
    case op.AND:
      return andTerm(t, a, b);
    case op.XOR:
      return t.binary('bvxor', a, b);
    case op.LSH:
      return shifted(t, 'bvshl', a, b, width);
    case op.RSH:
      return shifted(t, 'bvlshr', a, b, width);
    case op.ARSH:
      return shifted(t, 'bvashr', a, b, width);
    case op.NEG:
      return t.neg(a);
    default:
      return insn.off === 0 ? b : t.signExtend(low(t, b, insn.off), width);
  }
}

function swapTerm(t: Terms, insn: Insn, a: Term): Term {
  const bits = insn.imm;
  // To little endian is truncation, to big endian a swap: the machine is little-endian. ALU64 always swaps.
  const swaps = insnClass(insn) === op.ALU64 || (insn.code & op.X) !== 0;
  const part = low(t, a, bits);
  if (!swaps) return t.zeroExtend(part, 64);
  return t.zeroExtend(t.concatAll(bytesOf(t, part)), 64);
}

/** The bytes of a value, lowest first. */
export function bytesOf(t: Terms, a: Term): Term[] {
  return Array.from({ length: widthOf(a) / 8 }, (_, i) => t.extract(a, 8 * i + 7, 8 * i));
}

/** A sum. `x + x` is a shift, as a compiler writes it. */
function addTerm(t: Terms, a: Term, b: Term, width: number): Term {
  return a === b && a.op !== 'const' ? shiftLeft(t, a, 1, width) : t.add(a, b);
}

/** A product; by a power of two it is a shift. */
function mulTerm(t: Terms, a: Term, b: Term, width: number): Term {
  const [x, c] = a.op === 'const' ? [b, a] : [a, b];
  if (x.op !== 'const' && c.op === 'const' && c.value > 0n && (c.value & (c.value - 1n)) === 0n)
    return shiftLeft(t, x, c.value.toString(2).length - 1, width);
  return t.binary('bvmul', a, b);
}

/** By zero it is zero (RFC 9669, section 4.1), which SMT-LIB has otherwise. */
function divided(t: Terms, operation: BinaryOp, a: Term, b: Term, width: number): Term {
  const zero = t.bits(width, 0);
  if (b.op === 'const' && b.value !== 0n) {
    const bit = b.value.toString(2).length - 1;
    if (operation === 'bvudiv' && b.value === 1n << BigInt(bit)) return shiftRight(t, a, bit, width, false);
    return t.binary(operation, a, b);
  }
  return t.ite(t.eq(b, zero), zero, t.binary(operation, a, b));
}

/** By zero it is the dividend, as in SMT-LIB; by a power of two a mask. */
function remainder(t: Terms, signed: boolean, a: Term, b: Term, width: number): Term {
  if (!signed && b.op === 'const' && b.value > 0n && (b.value & (b.value - 1n)) === 0n)
    return andTerm(t, a, t.bits(width, b.value - 1n));
  return t.binary(signed ? 'bvsrem' : 'bvurem', a, b);
}

/** A shift; by a constant it is a part of the value with zeros or signs. */
function shifted(t: Terms, operation: BinaryOp, a: Term, count: Term, width: number): Term {
  if (count.op !== 'const') return t.binary(operation, a, t.and(count, t.bits(width, width - 1)));
  const by = Number(count.value & BigInt(width - 1));
  if (operation === 'bvshl') return shiftLeft(t, a, by, width);
  return shiftRight(t, a, by, width, operation === 'bvashr');
}

function shiftLeft(t: Terms, a: Term, by: number, width: number): Term {
  return by === 0 ? a : t.concat(low(t, a, width - by), t.bits(by, 0));
}

function shiftRight(t: Terms, a: Term, by: number, width: number, signed: boolean): Term {
  const part = t.extract(a, width - 1, by);
  return signed ? t.signExtend(part, width) : t.zeroExtend(part, width);
}

/** A mask of one run of ones is a part of the value with zeros around it. */
export function andTerm(t: Terms, a: Term, b: Term): Term {
  const [x, mask] = a.op === 'const' ? [b, a] : [a, b];
  const width = widthOf(a);
  if (mask.op !== 'const' || x.op === 'const' || mask.value === 0n) return t.and(a, b);
  const lowest = trailingZeros(mask.value);
  const run = mask.value >> BigInt(lowest);
  if ((run & (run + 1n)) !== 0n) return t.and(a, b);
  const highest = mask.value.toString(2).length - 1;
  const part = t.extract(low(t, x, highest + 1), highest, lowest);
  return t.zeroExtend(lowest === 0 ? part : t.concat(part, t.bits(lowest, 0)), width);
}

/** Where every bit is certainly zero in one of the two, the two are put side by side. */
export function orTerm(t: Terms, a: Term, b: Term): Term {
  const width = widthOf(a);
  for (const [high, other] of [
    [a, b],
    [b, a],
  ] as const) {
    const zeros = zerosBelow(high);
    if (zeros > 0 && zeros < width && other.op !== 'const' && significantBits(other) <= zeros)
      return t.concat(t.extract(high, width - 1, zeros), t.extract(other, zeros - 1, 0));
  }
  return t.or(a, b);
}

/** How many low bits of a value are certainly zero. */
function zerosBelow(term: Term): number {
  if (term.op === 'concat') {
    const [, lower] = term.args as [Term, Term];
    return lower.op === 'const' && lower.value === 0n ? widthOf(lower) : zerosBelow(lower);
  }
  return term.op === 'zero_extend' ? zerosBelow(term.args[0] as Term) : 0;
}

/** A width that the value fits into, as its form tells. */
export function significantBits(term: Term): number {
  switch (term.op) {
    case 'const':
      return term.value.toString(2).length;
    case 'zero_extend':
      return significantBits(term.args[0] as Term);
    case 'concat':
      return widthOf(term);
    case 'ite':
      return Math.max(significantBits(term.args[1] as Term), significantBits(term.args[2] as Term));
    case 'bvadd':
      return Math.min(widthOf(term), Math.max(...term.args.map(significantBits)) + 1);
    case 'bvand':
    case 'bvor':
    case 'bvxor': {
      const sizes = term.args.map(significantBits);
      return term.op === 'bvand' ? Math.min(...sizes) : Math.max(...sizes);
    }
    default:
      return widthOf(term);
  }
}

/** Compared on as few bits as both fit into. */
function equal(t: Terms, a: Term, b: Term): Term {
  const width = Math.max(significantBits(a), significantBits(b));
  const [x, y] = [low(t, a, width), low(t, b, width)];
  // x - y = 0 is x = y.
  if (x.op === 'bvsub' && y.op === 'const' && y.value === 0n) return t.eq(x.args[0] as Term, x.args[1] as Term);
  return t.eq(x, y);
}

/** Unsigned a < b, on as many bits as either has. */
function below(t: Terms, a: Term, b: Term): Term {
  const width = Math.max(significantBits(a), significantBits(b));
  const [x, y] = [low(t, a, width), low(t, b, width)];
  // c < x for the largest c but one, and 0 < x, are equalities.
  if (x.op === 'const' && x.value === (1n << BigInt(width)) - 2n) return equal(t, y, t.bits(width, -1));
  if (x.op === 'const' && x.value === 0n) return t.no(equal(t, y, x));
  // c < x = not (x < c + 1)
  if (x.op === 'const' && x.value < (1n << BigInt(width)) - 1n) return t.no(t.ult(y, t.bits(width, x.value + 1n)));
  return t.ult(x, y);
}

/** Signed a < b; as unsigned where neither can be negative. */
function less(t: Terms, a: Term, b: Term): Term {
  const width = Math.max(significantBits(a), significantBits(b)) + 1;
  // Neither has a sign that it could lose.
  if (width <= widthOf(a)) return below(t, a, b);
  const largest = (1n << BigInt(width - 2)) - 1n;
  // c s< x = not (x s< c + 1)
  if (a.op === 'const' && a.value !== largest) return t.no(t.relation('bvslt', b, t.bits(widthOf(a), a.value + 1n)));
  return t.relation('bvslt', a, b);
}

function trailingZeros(value: bigint): number {
  let count = 0;
  for (let rest = value; (rest & 1n) === 0n; rest >>= 1n) count++;
  return count;
}
