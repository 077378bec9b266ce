/** Keys that are indexes: the syscall side of arrays of all kinds. */
import { errno } from '../../platform/index.js';

/** A key or value of four bytes as a number. */
export function u32(bytes: Uint8Array, at = 0): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(at, true);
}

/** Numbers as little-endian bytes, four each. */
export function u32Bytes(...words: number[]): Uint8Array {
  const bytes = new Uint8Array(4 * words.length);
  const view = new DataView(bytes.buffer);
  words.forEach((word, i) => {
    view.setUint32(4 * i, word, true);
  });
  return bytes;
}

/** array_map_get_next_key: an index out of range starts again at 0. */
export function nextIndex(key: Uint8Array | undefined, maxEntries: number): Uint8Array | number {
  const index = key === undefined ? maxEntries : u32(key);
  if (index >= maxEntries) return u32Bytes(0);
  if (index === maxEntries - 1) return -errno.ENOENT;
  return u32Bytes(index + 1);
}
