/**
 * The operations of terms, as a table that constant folding, the evaluator and the printer read, so that an operation
 * means one thing. Names and meanings are those of SMT-LIB 2 (theories FixedSizeBitVectors and ArraysEx, logic QF_BV):
 * a quotient by zero is all ones, a remainder by zero the dividend, a shift by the width or more leaves nothing (or
 * signs).
 */

/** Two bit vectors of one width to a third. */
export type BinaryOp =
  | 'bvadd'
  | 'bvsub'
  | 'bvmul'
  | 'bvudiv'
  | 'bvurem'
  | 'bvsdiv'
  | 'bvsrem'
  | 'bvand'
  | 'bvor'
  | 'bvxor'
  | 'bvshl'
  | 'bvlshr'
  | 'bvashr';

/** Two bit vectors of one width (`=`: two terms of one sort that is no array) to a truth value. */
export type RelationOp = '=' | 'bvult' | 'bvule' | 'bvslt' | 'bvsle';

/** All operations that a term may have. */
export type TermOp =
  | 'const'
  | 'variable'
  | BinaryOp
  | RelationOp
  | 'bvnot'
  | 'bvneg'
  | 'concat'
  | 'extract'
  | 'zero_extend'
  | 'sign_extend'
  | 'not'
  | 'and'
  | 'or'
  /** A condition and two terms of one sort. */
  | 'ite'
  /** An array and an index; an array, an index and an element. */
  | 'select'
  | 'store'
  /** The array that has its argument everywhere; SMT-LIB's `(as const S)`. */
  | 'everywhere'
  /** An uninterpreted function: all that is known of it is that equal arguments give equal results. */
  | 'apply';

/**
 * What {@link BinaryOp}s and {@link RelationOp}s are: `a`, `b` and the result are unsigned, `width` is that of the
 * arguments.
 */
export interface Operation {
  readonly evaluate: (a: bigint, b: bigint, width: number) => bigint;
  readonly commutative?: true;
}

const u = (x: bigint, width: number): bigint => BigInt.asUintN(width, x);
const s = (x: bigint, width: number): bigint => BigInt.asIntN(width, x);
const bool = (x: boolean): bigint => (x ? 1n : 0n);

/** What each yields; arguments and results are unsigned numbers of the width. */
export const binaryTable: Readonly<Record<BinaryOp, Operation>> = {
  bvadd: { commutative: true, evaluate: (a, b, w) => u(a + b, w) },
  bvsub: { evaluate: (a, b, w) => u(a - b, w) },
  bvmul: { commutative: true, evaluate: (a, b, w) => u(a * b, w) },
  bvudiv: { evaluate: (a, b, w) => (b === 0n ? u(-1n, w) : a / b) },
  bvurem: { evaluate: (a, b) => (b === 0n ? a : a % b) },
  // By zero: 1 for a negative dividend, -1 for others.
  bvsdiv: { evaluate: (a, b, w) => (b === 0n ? (s(a, w) < 0n ? 1n : u(-1n, w)) : u(s(a, w) / s(b, w), w)) },
  bvsrem: { evaluate: (a, b, w) => (b === 0n ? a : u(s(a, w) % s(b, w), w)) },
  bvand: { commutative: true, evaluate: (a, b) => a & b },
  bvor: { commutative: true, evaluate: (a, b) => a | b },
  bvxor: { commutative: true, evaluate: (a, b) => a ^ b },
  bvshl: { evaluate: (a, b, w) => (b >= BigInt(w) ? 0n : u(a << b, w)) },
  bvlshr: { evaluate: (a, b, w) => (b >= BigInt(w) ? 0n : a >> b) },
  bvashr: { evaluate: (a, b, w) => u(s(a, w) >> (b >= BigInt(w) ? BigInt(w - 1) : b), w) },
};

/** Relations; `=` is of all sorts, the others of bit vectors. */
export const relationTable: Readonly<Record<RelationOp, Operation>> = {
  '=': { commutative: true, evaluate: (a, b) => bool(a === b) },
  bvult: { evaluate: (a, b) => bool(a < b) },
  bvule: { evaluate: (a, b) => bool(a <= b) },
  bvslt: { evaluate: (a, b, w) => bool(s(a, w) < s(b, w)) },
  bvsle: { evaluate: (a, b, w) => bool(s(a, w) <= s(b, w)) },
};

/** Names in the table's order, for tests that go over all. */
export const binaryOps: readonly BinaryOp[] = Object.keys(binaryTable) as BinaryOp[];
/** The same of relations. */
export const relationOps: readonly RelationOp[] = Object.keys(relationTable) as RelationOp[];

/** Tells a row of {@link binaryTable}. */
export function isBinaryOp(op: TermOp): op is BinaryOp {
  return op in binaryTable;
}

/** Tells a row of {@link relationTable}. */
export function isRelationOp(op: TermOp): op is RelationOp {
  return op in relationTable;
}
