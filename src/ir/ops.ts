/**
 * The operations of the intermediate representation, as a table: the printer, the checker, constant folding and the
 * evaluator all read it, so an operation means one thing.
 *
 * Every value is 64 bits wide. A *32-bit* operation (`width: 32`) looks at the low halves of its arguments and its
 * result has a zero upper half, which is what BPF's ALU32 class does; so there are no conversions to insert and `x &
 * 0xffffffff` is the only truncation. Only those operations have a 32-bit form whose result cannot be had from the
 * 64-bit one on zero-extended
 * arguments: `and`, `or`, `xor`, `shr`, `udiv`, `umod` need none.
 *
 * Comparisons are unsigned or signed on 64 bits and yield 0 or 1; a 32-bit comparison is one of zero- or sign-extended
 * values.
 */

/** What kind of thing an operation is, which says where it may stand and whether it may be shared. */
export type OpKind =
  /** No arguments; what a packet brings along. */
  | 'leaf'
  /** A function of its arguments and nothing else. */
  | 'pure'
  /** Reads memory or map state. */
  | 'read'
  /** Changes memory or map state, or may. */
  | 'effect'
  /** Ends the trace early if its condition does not hold. */
  | 'guard'
  | 'return';

/** A row of the table. Operations with `evaluate` are those that constants fold through; it defines them. */
export interface Op {
  readonly kind: OpKind;
  /** Number of arguments; -1 where it varies. */
  readonly arity: number;
  /** Bits of the result; 0 where there is none. */
  readonly width: 0 | 1 | 32 | 64;
  readonly commutative?: boolean;
  /** How the text form shows a two-argument operation between its arguments. */
  readonly infix?: string;
  /** Arguments and result are unsigned 64-bit. */
  readonly evaluate?: (a: bigint, b: bigint) => bigint;
}

const u64 = (x: bigint): bigint => BigInt.asUintN(64, x);
const u32 = (x: bigint): bigint => BigInt.asUintN(32, x);
const s64 = (x: bigint): bigint => BigInt.asIntN(64, x);
const s32 = (x: bigint): bigint => BigInt.asIntN(32, x);
const bool = (x: boolean): bigint => (x ? 1n : 0n);

/** Reverses the `bytes` low bytes of `x`; the others become 0. */
export function swapBytes(x: bigint, bytes: number): bigint {
  let result = 0n;
  for (let i = 0; i < bytes; i++) result = (result << 8n) | ((x >> BigInt(8 * i)) & 0xffn);
  return result;
}

// Division by zero gives 0 and modulo by zero gives the dividend; the quotient of the smallest number and -1 wraps
// (RFC 9669, section 4.1).
const divide = (a: bigint, b: bigint): bigint => (b === 0n ? 0n : a / b);
const modulo = (a: bigint, b: bigint): bigint => (b === 0n ? a : a % b);

/** All operations. */
export const opNames = [
  'const',
  'len',
  'metalen',
  'ctx',
  'env',
  'ptr',
  'add',
  'sub',
  'mul',
  'udiv',
  'umod',
  'sdiv',
  'smod',
  'and',
  'or',
  'xor',
  'shl',
  'shr',
  'sar',
  'add32',
  'sub32',
  'mul32',
  'sdiv32',
  'smod32',
  'shl32',
  'sar32',
  'sext8',
  'sext16',
  'sext32',
  'bswap16',
  'bswap32',
  'bswap64',
  'eq',
  'ult',
  'ule',
  'slt',
  'sle',
  'load',
  'lookup',
  'slot',
  'store',
  'atomic',
  'call',
  'guard',
  'ret',
  'phi',
  'select',
  'fill',
  'frame',
  'context',
  'map',
  'data',
  'code',
  'element',
  'cell',
] as const;

/** Name of an operation, as the text form has it. */
export type OpName = (typeof opNames)[number];

/**
 * What each operation is. The order of {@link opNames} is that of their numbers, which keys of shared values are made
 * of.
 */
export const opTable: Readonly<Record<OpName, Op>> = {
  const: { kind: 'leaf', arity: 0, width: 64 },
  /** Length of the packet (its linear part) at arrival, in bytes. */
  len: { kind: 'leaf', arity: 0, width: 32 },
  /** Length of the metadata in front of the packet at arrival, in bytes. */
  metalen: { kind: 'leaf', arity: 0, width: 32 },
  /** A scalar field of `xdp_md`; `offset` is its byte offset. */
  ctx: { kind: 'leaf', arity: 0, width: 32 },

  /** What helper number `imm` says about the packet's arrival: time, CPU, task. */
  env: { kind: 'leaf', arity: 0, width: 64 },

  /** R10 of call depth `imm`, the address behind that frame's last byte. */
  frame: { kind: 'leaf', arity: 0, width: 32 },
  /** Address of `xdp_md`. */
  context: { kind: 'leaf', arity: 0, width: 32 },
  /** Whole programs: one of several values, by the predecessor that control came from; they stand in its block. */
  phi: { kind: 'leaf', arity: 0, width: 64 },
  /** What the program holds as a pointer to map `imm`. */
  map: { kind: 'leaf', arity: 0, width: 32 },
  /** Address of the only value of map `imm`, an array of one element. */
  data: { kind: 'leaf', arity: 0, width: 32 },
  /**
   * Address of instruction `imm` of the program (in a trace: of the one that the value was born in); only helpers that
   * take a callback make anything of it.
   */
  code: { kind: 'leaf', arity: 0, width: 32 },
  /**
   * Address of an element of array `imm`, of the present CPU's where each has its own. The argument is in bounds where
   * it is read.
   */
  element: { kind: 'pure', arity: 1, width: 32 },
  /** Traces: address of what a walk over map `imm` came by; which that is, the detail says. */
  cell: { kind: 'leaf', arity: 0, width: 32 },
  /** Second argument if the first is not 0, else the third. */
  select: { kind: 'pure', arity: 3, width: 64 },

  /** Packet pointer: guest address of the byte at that (signed) offset from where the packet started at arrival. */
  ptr: { kind: 'pure', arity: 1, width: 64 },

  add: { kind: 'pure', arity: 2, width: 64, commutative: true, infix: '+', evaluate: (a, b) => u64(a + b) },
  sub: { kind: 'pure', arity: 2, width: 64, infix: '-', evaluate: (a, b) => u64(a - b) },
  mul: { kind: 'pure', arity: 2, width: 64, commutative: true, infix: '*', evaluate: (a, b) => u64(a * b) },
  udiv: { kind: 'pure', arity: 2, width: 64, infix: '/', evaluate: (a, b) => divide(a, b) },
  umod: { kind: 'pure', arity: 2, width: 64, infix: '%', evaluate: (a, b) => modulo(a, b) },
  sdiv: { kind: 'pure', arity: 2, width: 64, infix: 's/', evaluate: (a, b) => u64(divide(s64(a), s64(b))) },
  smod: { kind: 'pure', arity: 2, width: 64, infix: 's%', evaluate: (a, b) => u64(modulo(s64(a), s64(b))) },
  and: { kind: 'pure', arity: 2, width: 64, commutative: true, infix: '&', evaluate: (a, b) => a & b },
  or: { kind: 'pure', arity: 2, width: 64, commutative: true, infix: '|', evaluate: (a, b) => a | b },
  xor: { kind: 'pure', arity: 2, width: 64, commutative: true, infix: '^', evaluate: (a, b) => a ^ b },
  shl: { kind: 'pure', arity: 2, width: 64, infix: '<<', evaluate: (a, b) => u64(a << (b & 63n)) },
  shr: { kind: 'pure', arity: 2, width: 64, infix: '>>', evaluate: (a, b) => a >> (b & 63n) },
  sar: { kind: 'pure', arity: 2, width: 64, infix: 's>>', evaluate: (a, b) => u64(s64(a) >> (b & 63n)) },

  add32: { kind: 'pure', arity: 2, width: 32, commutative: true, infix: '+32', evaluate: (a, b) => u32(a + b) },
  sub32: { kind: 'pure', arity: 2, width: 32, infix: '-32', evaluate: (a, b) => u32(a - b) },
  mul32: { kind: 'pure', arity: 2, width: 32, commutative: true, infix: '*32', evaluate: (a, b) => u32(a * b) },
  sdiv32: { kind: 'pure', arity: 2, width: 32, infix: 's/32', evaluate: (a, b) => u32(divide(s32(a), s32(b))) },
  smod32: { kind: 'pure', arity: 2, width: 32, infix: 's%32', evaluate: (a, b) => u32(modulo(s32(a), s32(b))) },
  shl32: { kind: 'pure', arity: 2, width: 32, infix: '<<32', evaluate: (a, b) => u32(a << (b & 31n)) },
  sar32: { kind: 'pure', arity: 2, width: 32, infix: 's>>32', evaluate: (a, b) => u32(s32(a) >> (b & 31n)) },

  /** Sign extension from the low bits to 64. */
  sext8: { kind: 'pure', arity: 1, width: 64, evaluate: (a) => u64(BigInt.asIntN(8, a)) },
  sext16: { kind: 'pure', arity: 1, width: 64, evaluate: (a) => u64(BigInt.asIntN(16, a)) },
  sext32: { kind: 'pure', arity: 1, width: 64, evaluate: (a) => u64(s32(a)) },
  /** Byte reversal of the low bits; the rest of the result is 0. */
  bswap16: { kind: 'pure', arity: 1, width: 32, evaluate: (a) => swapBytes(a, 2) },
  bswap32: { kind: 'pure', arity: 1, width: 32, evaluate: (a) => swapBytes(a, 4) },
  bswap64: { kind: 'pure', arity: 1, width: 64, evaluate: (a) => swapBytes(a, 8) },

  eq: { kind: 'pure', arity: 2, width: 1, commutative: true, infix: '==', evaluate: (a, b) => bool(a === b) },
  ult: { kind: 'pure', arity: 2, width: 1, infix: '<', evaluate: (a, b) => bool(a < b) },
  ule: { kind: 'pure', arity: 2, width: 1, infix: '<=', evaluate: (a, b) => bool(a <= b) },
  slt: { kind: 'pure', arity: 2, width: 1, infix: 's<', evaluate: (a, b) => bool(s64(a) < s64(b)) },
  sle: { kind: 'pure', arity: 2, width: 1, infix: 's<=', evaluate: (a, b) => bool(s64(a) <= s64(b)) },

  /**
   * Reads `size` bytes, little-endian. Packet: the argument is the offset; elsewhere it is the address. `offset` is
   * added.
   */
  load: { kind: 'read', arity: 1, width: 64 },
  /** Address of the value that a key has in a map, or 0. The arguments are the key's pieces. */
  lookup: { kind: 'read', arity: -1, width: 64 },
  /** Content of a PROG_ARRAY's slot: index of the program plus one, 0 for none or out of bounds. */
  slot: { kind: 'read', arity: 1, width: 64 },

  /** Arguments: address (as for load), value. */
  store: { kind: 'effect', arity: 2, width: 0 },
  /** Whole programs: zeroes memory; the argument is the address, as for load. */
  fill: { kind: 'effect', arity: 1, width: 0 },
  /** Arguments: address, operand, and for cmpxchg the expected value. Yields the old content. */
  atomic: { kind: 'effect', arity: -1, width: 64 },
  /** Arguments: r1 to r5, then the pieces of stack memory that the helper reads. Yields r0. */
  call: { kind: 'effect', arity: -1, width: 64 },

  /** The argument is a comparison; `expect` says which outcome stays on the trace. */
  guard: { kind: 'guard', arity: 1, width: 0 },
  /** The argument is r0. */
  ret: { kind: 'return', arity: 1, width: 0 },
};

/** Does it yield 0 or 1? */
export function isCompare(op: OpName): boolean {
  return opTable[op].width === 1;
}
