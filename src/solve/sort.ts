/**
 * Sorts of terms: truth values, bit vectors of any width, and arrays from bit vectors to bit vectors. There is one
 * object for each sort, so sorts are compared by identity.
 */
import { InternalError } from '../base/index.js';

/** Truth values. */
export interface BoolSort {
  readonly kind: 'bool';
}

/** Bit vectors of one width. */
export interface BitsSort {
  readonly kind: 'bits';
  /** At least 1. */
  readonly width: number;
}

/** Guest memory is an array of `index` 64 and `element` 8: a byte for each address. */
export interface ArraySort {
  readonly kind: 'array';
  /** Bits of an index. */
  readonly index: number;
  /** Bits of an element. */
  readonly element: number;
}

/** The sort of a term. */
export type Sort = BoolSort | BitsSort | ArraySort;

/** The one sort of truth values. */
export const boolSort: BoolSort = { kind: 'bool' };

const bitsSorts = new Map<number, BitsSort>();
const arraySorts = new Map<string, ArraySort>();

/** The sort of bit vectors of `width` bits. Throws for a width that is no positive integer. */
export function bitsSort(width: number): BitsSort {
  let sort = bitsSorts.get(width);
  if (sort === undefined) {
    if (!Number.isInteger(width) || width < 1) throw new InternalError('solve', `a bit vector of ${width} bits`);
    sort = { kind: 'bits', width };
    bitsSorts.set(width, sort);
  }
  return sort;
}

/** The sort of arrays whose indices have `index` bits and whose elements have `element` bits. */
export function arraySort(index: number, element: number): ArraySort {
  const key = `${index}.${element}`;
  let sort = arraySorts.get(key);
  if (sort === undefined) {
    sort = { kind: 'array', index: bitsSort(index).width, element: bitsSort(element).width };
    arraySorts.set(key, sort);
  }
  return sort;
}

/** Memory as the kernel's programs see it: a byte at each 64-bit address. */
export const memorySort: ArraySort = arraySort(64, 8);
