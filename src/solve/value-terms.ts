/**
 * Values of the intermediate representation as terms, for a solver to reason about: whether guards imply each other,
 * whether two conditions can hold at once, whether a rule's sides are equal.
 *
 * All values are bit vectors of 64. A packet is an array of bytes over signed offsets from where it arrived; other
 * memory is an array over addresses. A look-up is an uninterpreted function of its key, one for each map, so that
 * equal keys find the same element. What a trace does itself (calls, atomics, loads after stores) is a variable about
 * which nothing is known.
 */
import { cellOf, isConst, mask32, mask64, type OpName, type Value } from '../ir/index.js';
import type { MapCell } from '../object/index.js';
import type { BinaryOp, RelationOp } from './operations.js';
import { memorySort } from './sort.js';
import type { Term } from './term.js';
import type { Terms } from './terms.js';

/** Translates values of one function or trace; each is translated once. */
export class ValueTerms {
  readonly terms: Terms;
  private readonly known = new Map<Value, Term>();

  constructor(terms: Terms) {
    this.terms = terms;
  }

  /**
   * A term of 64 bits. Values of several graphs may be mixed: what arrives with the packet is the same for all,
   * `scope` tells apart the rest.
   */
  term(value: Value, scope = ''): Term {
    const known = this.known.get(value);
    if (known !== undefined) return known;
    const term = isConst(value) ? this.terms.bits(64, value.imm) : this.define(value, scope);
    this.known.set(value, term);
    return term;
  }

  /** From now on `term` stands for a value: a constant that is to be any constant. */
  bind(value: Value, term: Term): void {
    this.known.set(value, term);
  }

  /** Any value as a truth value: not zero. */
  truth(value: Value, scope = ''): Term {
    return this.terms.distinct(this.term(value, scope), this.terms.bits(64, 0n));
  }

  /** One byte, as the packet arrived: 8 bits. Offsets (of the packet) and addresses are `base` plus `offset`. */
  byte(space: 'packet' | 'memory', base: Value | undefined, offset: bigint): Term {
    const { terms } = this;
    const at = terms.bits(64, offset);
    return terms.select(terms.variable(space, memorySort), base === undefined ? at : terms.add(this.term(base), at));
  }

  /** One byte of memory, as the packet found it: `offset` bytes (and `base`, if there is one) from a cell on. */
  cellByte(cell: MapCell, base: Value | undefined, offset: bigint): Term {
    const { terms } = this;
    const start = this.cellAddress(cell);
    const from = base === undefined ? start : terms.add(start, this.term(base));
    return terms.select(terms.variable('memory', memorySort), terms.add(from, terms.bits(64, offset)));
  }

  /** Where the packet begins in guest memory; `ptr` adds to it. */
  get packetStart(): Term {
    return this.leafNamed('packet_start', 0xffff_ffffn);
  }

  /** A pure operation on its arguments' terms, or a leaf. */
  private define(value: Value, scope: string): Term {
    const args = value.args.map((arg) => this.term(arg, scope));
    return pureTerm(this.terms, value.op, args) ?? this.leaf(value, args, scope);
  }

  /** What is not a function of other values: a variable, without the bits that it cannot have. */
  private leaf(value: Value, args: readonly Term[], scope: string): Term {
    const { op, imm, detail } = value;
    const { terms } = this;
    const cell = cellOf(value);
    if (cell !== undefined) return this.cellAddress(cell);
    switch (op) {
      case 'len':
      case 'metalen':
        return this.leafNamed(op, value.ones);
      case 'ctx':
      case 'env':
        return this.leafNamed(`${op}_${imm}`, value.ones);
      case 'frame':
      case 'context':
      case 'map':
      case 'code':
        return this.address(this.leafNamed(`${op}_${imm}`, value.ones));
      case 'element':
        return this.elementAddress(Number(imm), args[0] as Term);
      case 'ptr':
        return terms.add(this.packetStart, args[0] as Term);
      case 'load':
        if (!value.early || detail?.kind !== 'memory') break;
        return this.load(detail.space === 'packet' ? 'packet' : 'memory', args[0] as Term, imm, detail.size);
      case 'lookup':
      case 'slot': {
        if (!value.early || (detail?.kind !== 'lookup' && detail?.kind !== 'slot')) break;
        const sizes = detail.kind === 'lookup' ? detail.pieces.map((piece) => piece.size) : [4];
        // The key's bytes as one number, so that it does not matter in which pieces it was put together.
        const key = terms.concatAll(args.map((arg, i) => terms.extract(arg, 8 * (sizes[i] ?? 8) - 1, 0)).reverse());
        const bytes = sizes.reduce((sum, size) => sum + size, 0);
        return this.within(terms.apply(`${op}_${detail.map}_${8 * bytes}`, 64, [key]), value.ones);
      }
      default:
        break;
    }
    return this.leafNamed(`${op}${scope}_${value.id}`, value.ones);
  }

  /** The same for each value that stands for the cell, however it was come by. */
  private cellAddress({ map, part, element, cpu }: MapCell): Term {
    if (part === 'value' && cpu === undefined) return this.elementAddress(map, this.terms.bits(64, BigInt(element)));
    return this.address(this.leafNamed(`${part}_${map}_${element}_${cpu ?? 'all'}`, mask32));
  }

  private elementAddress(map: number, index: Term): Term {
    return this.address(this.within(this.terms.apply(`element_${map}`, 64, [index]), mask32));
  }

  /** Nothing lies in the first 64 KiB. */
  private address(term: Term): Term {
    const { terms } = this;
    const first = terms.bits(64, 0x10000n);
    return terms.ite(terms.ult(term, first), first, term);
  }

  private leafNamed(name: string, ones: bigint): Term {
    return this.within(this.terms.unknown(name, 64), ones);
  }

  /** Only bits that the value can have: what is known of a leaf the solver should know, too. */
  private within(term: Term, ones: bigint): Term {
    return ones === mask64 ? term : this.terms.and(term, this.terms.bits(64, ones));
  }

  /** Bytes of memory put together, little-endian. */
  private load(space: 'packet' | 'memory', base: Term, offset: bigint, size: number): Term {
    const { terms } = this;
    const memory = terms.variable(space, memorySort);
    const bytes = Array.from({ length: size }, (_, i) =>
      terms.select(memory, terms.add(base, terms.bits(64, offset + BigInt(i)))),
    );
    return terms.zeroExtend(terms.concatAll(bytes.reverse()), 64);
  }
}

/** Operations of 64 bits that the solver has as they are. */
const same: Readonly<Partial<Record<OpName, BinaryOp>>> = {
  add: 'bvadd',
  sub: 'bvsub',
  mul: 'bvmul',
  umod: 'bvurem',
  smod: 'bvsrem',
  and: 'bvand',
  or: 'bvor',
  xor: 'bvxor',
};
// Operations of the IR that are one operation of SMT-LIB.
const shifts: Readonly<Partial<Record<OpName, BinaryOp>>> = { shl: 'bvshl', shr: 'bvlshr', sar: 'bvashr' };
/** Operations on low halves. */
const halves: Readonly<Partial<Record<OpName, BinaryOp>>> = {
  add32: 'bvadd',
  sub32: 'bvsub',
  mul32: 'bvmul',
  smod32: 'bvsrem',
};
const halfShifts: Readonly<Partial<Record<OpName, BinaryOp>>> = { shl32: 'bvshl', sar32: 'bvashr' };
const divisions: Readonly<Partial<Record<OpName, BinaryOp>>> = { udiv: 'bvudiv', sdiv: 'bvsdiv', sdiv32: 'bvsdiv' };
const relations: Readonly<Partial<Record<OpName, RelationOp>>> = {
  eq: '=',
  ult: 'bvult',
  ule: 'bvule',
  slt: 'bvslt',
  sle: 'bvsle',
};
/** Operations on one value: how many low bits they look at. */
const extensions: Readonly<Partial<Record<OpName, number>>> = { sext8: 8, sext16: 16, sext32: 32 };
const swaps: Readonly<Partial<Record<OpName, number>>> = { bswap16: 2, bswap32: 4, bswap64: 8 };

/** What the operation table's `evaluate` says, in the solver's words; undefined for what is no pure operation. */
function pureTerm(t: Terms, op: OpName, [a, b, c]: readonly Term[]): Term | undefined {
  if (a === undefined) return undefined;
  const bits = extensions[op];
  if (bits !== undefined) return t.signExtend(t.extract(a, bits - 1, 0), 64);
  const bytes = swaps[op];
  if (bytes !== undefined) {
    const parts = Array.from({ length: bytes }, (_, i) => t.extract(a, 8 * i + 7, 8 * i));
    return t.zeroExtend(t.concatAll(parts), 64);
  }
  if (b === undefined) return undefined;
  if (op === 'select' && c !== undefined) return t.ite(t.distinct(a, t.bits(64, 0n)), b, c);
  const relation = relations[op];
  if (relation !== undefined) return t.ite(t.relation(relation, a, b), t.bits(64, 1n), t.bits(64, 0n));
  const plain = same[op];
  if (plain !== undefined) return t.binary(plain, a, b);
  const shift = shifts[op];
  if (shift !== undefined) return t.binary(shift, a, t.and(b, t.bits(64, 63n)));
  const division = divisions[op];
  if (division !== undefined && op !== 'sdiv32') return divided(t, division, a, b);
  const [low, by] = [t.extract(a, 31, 0), t.extract(b, 31, 0)];
  if (division !== undefined) return t.zeroExtend(divided(t, division, low, by), 64);
  const half = halves[op];
  if (half !== undefined) return t.zeroExtend(t.binary(half, low, by), 64);
  const halfShift = halfShifts[op];
  if (halfShift !== undefined) return t.zeroExtend(t.binary(halfShift, low, t.and(by, t.bits(32, 31n))), 64);
  return undefined;
}

/** BPF's quotient: by zero it is zero (RFC 9669, section 4.1), which SMT-LIB has otherwise. */
function divided(t: Terms, op: BinaryOp, a: Term, b: Term): Term {
  const zero = t.bits(a.sort.kind === 'bits' ? a.sort.width : 64, 0n);
  return t.ite(t.eq(b, zero), zero, t.binary(op, a, b));
}
