/**
 * Bits that a result can have set, from the bits that its arguments can: the cheap half of a tnum, which is all that
 * folding needs.
 */
import type { OpName } from './ops.js';
import { type Detail, mask32, mask64, type Value } from './value.js';

/** All bits up to the highest one of `x`. */
export function fillRight(x: bigint): bigint {
  if (x > mask64) return (1n << BigInt(x.toString(2).length)) - 1n;
  word[0] = x;
  const high = halves[1] as number;
  const width = high !== 0 ? 64 - Math.clz32(high) : 32 - Math.clz32(halves[0] as number);
  return lowBits[width] as bigint;
}

const word = new BigUint64Array(1);
const halves = new Uint32Array(word.buffer);
/** 2^n - 1 for n from 0 to 64. */
const lowBits: readonly bigint[] = Array.from({ length: 65 }, (_, n) => (1n << BigInt(n)) - 1n);

/** Bits that the result of an operation with a place has where nothing more is known of it. */
export function resultOnesOfDetail(op: OpName, detail: Detail | undefined): bigint {
  if (op === 'lookup' || op === 'slot') return mask32;
  if (op !== 'load' && op !== 'atomic') return mask64;
  const size = detail?.kind === 'memory' || detail?.kind === 'atomic' ? detail.size : 8;
  return lowBits[8 * size] as bigint;
}

/** A superset of the bits that `op` of `a` and `b` can have set. */
export function resultOnes(op: OpName, a: Value | undefined, b: Value | undefined): bigint {
  const x = a?.ones ?? mask64;
  const y = b?.ones ?? mask64;
  const shift = b?.op === 'const' ? b.imm & 63n : undefined;
  switch (op) {
    case 'and':
      return x & y;
    case 'or':
    case 'xor':
      return x | y;
    case 'add':
      return fillRight(x + y) & mask64;
    case 'mul':
      return fillRight(x * y) & mask64;
    case 'udiv':
    case 'umod':
      return fillRight(x);
    case 'shl':
      return shift === undefined ? mask64 : (x << shift) & mask64;
    case 'shr':
      return shift === undefined ? fillRight(x) : x >> shift;
    case 'sar':
      return x >> 63n === 0n ? (shift === undefined ? fillRight(x) : x >> shift) : mask64;
    case 'add32':
      return fillRight((x & mask32) + (y & mask32)) & mask32;
    case 'mul32':
      return fillRight((x & mask32) * (y & mask32)) & mask32;
    case 'shl32':
      return b?.op === 'const' ? (x << (b.imm & 31n)) & mask32 : mask32;
    case 'sub32':
    case 'sdiv32':
    case 'smod32':
    case 'sar32':
    case 'bswap32':
      return mask32;
    case 'bswap16':
      return 0xffffn;
    case 'sext8':
      return (x >> 7n) & 1n ? mask64 : x & 0x7fn;
    case 'sext16':
      return (x >> 15n) & 1n ? mask64 : x & 0x7fffn;
    case 'sext32':
      return (x >> 31n) & 1n ? mask64 : x & 0x7fff_ffffn;
    case 'eq':
    case 'ult':
    case 'ule':
    case 'slt':
    case 'sle':
      return 1n;
    default:
      return mask64;
  }
}
