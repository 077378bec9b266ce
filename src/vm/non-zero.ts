/**
 * Elements of a large array that are not all zeros, found by words: tens of millions of untouched ones cost a tenth of
 * a second.
 */

import type { MapSpec } from '../object/spec.js';
import { isArrayMap } from '../platform/index.js';

/**
 * Arrays of more elements are listed, written and compared by what is not zero, which is what they hold before
 * anything is written.
 */
export const sparseLimit = 65_536;

/** Indices of the elements of `stride` bytes that have a byte other than 0. `bytes` begins at a multiple of four. */
export function* nonZeroElements(bytes: Uint8Array, stride: number): IterableIterator<number> {
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, Math.floor(bytes.length / 4));
  for (let at = 0; at < bytes.length; ) {
    if (at % 4 === 0) {
      let word = at / 4;
      while (word < words.length && words[word] === 0) word++;
      at = word * 4;
    }
    while (at < bytes.length && bytes[at] === 0 && at % 4 !== 3) at++;
    if (at >= bytes.length) return;
    if (bytes[at] === 0) at++;
    else {
      const element = Math.floor(at / stride);
      yield element;
      at = (element + 1) * stride;
    }
  }
}

/**
 * Positions in a batch of `count` elements of a map that are to be listed: all, or of an array of more than `most`
 * those that are not zero. `size` of a value in `values`, in bytes.
 */
export function writtenElements(
  spec: MapSpec,
  count: number,
  values: Uint8Array,
  size: number,
  most: number = sparseLimit,
): Iterable<number> {
  const isSparse = isArrayMap(spec.type) && spec.maxEntries > most;
  return isSparse ? nonZeroElements(values, size) : Array(count).keys();
}
