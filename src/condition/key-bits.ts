/** The key that ternary rows look at: which of a condition's bits a matcher can see, and where they stand in it. */
import { Graph, type Value } from '../ir/index.js';
import { type Bit, indexOf, sourceOf } from './bits.js';
import type { Facts } from './facts.js';

/**
 * Where a bit stands in the key of a matcher: a packet byte at a fixed offset, the packet's length, or a field of the
 * context. Numbers below 2^24 are packet bits (8 * byte + position in it); the others are `(1 + column) * 2^24 +
 * position`, columns as in {@link columnOf}.
 */
export type KeyBit = number;

const span = 2 ** 24;

/**
 * A field of the key: a packet byte, the lengths of packet and metadata, or a 32-bit field of the context by its
 * offset.
 */
export type KeyColumn =
  | { readonly kind: 'packet'; readonly offset: number }
  | { readonly kind: 'len' }
  | { readonly kind: 'metalen' }
  | { readonly kind: 'ctx'; readonly offset: number };

/**
 * The key bit that a condition's bit is; undefined if a matcher cannot see it (state, computed values, variable
 * offsets).
 */
export function keyBitOf(facts: Facts, bit: Bit): KeyBit | undefined {
  const source = facts.sources.sources[sourceOf(bit)];
  const index = indexOf(bit);
  if (source?.kind === 'packet') return source.base === undefined && index >= 0 ? index : undefined;
  if (source?.kind !== 'value') return undefined;
  const column = valueColumn(source.value);
  return column === undefined ? undefined : (1 + column) * span + index;
}

/** The largest length that a packet may have, as far as conditions know: all bits of {@link lengthBits}. */
export const mostLength: number = Number(new Graph().length.ones);
/** The bits of the packet's length, least significant first. */
export const lengthBits: readonly KeyBit[] = Array.from({ length: Math.log2(mostLength + 1) }, (_, i) => span + i);

/** Columns of values are numbered: 0 and 1 are the lengths, from 2 on context fields by offset. */
function valueColumn({ op, imm }: Value): number | undefined {
  return op === 'len' ? 0 : op === 'metalen' ? 1 : op === 'ctx' ? 2 + Number(imm) : undefined;
}

/** The column of a key bit, and the bit's position in it, least significant first. */
export function columnOf(bit: KeyBit): { readonly column: KeyColumn; readonly position: number } {
  if (bit < span) return { column: { kind: 'packet', offset: bit >> 3 }, position: bit & 7 };
  const number = Math.floor(bit / span) - 1;
  const position = bit % span;
  if (number < 2) return { column: { kind: number === 0 ? 'len' : 'metalen' }, position };
  return { column: { kind: 'ctx', offset: number - 2 }, position };
}
