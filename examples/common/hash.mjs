// SPDX-License-Identifier: MIT
/** What common/hash.h computes, for traffic that has to know what a program will choose. */

export function hashStep(h, word) {
  let w = Math.imul(word, 0xcc9e2d51);
  w = (w << 15) | (w >>> 17);
  let x = h ^ Math.imul(w, 0x1b873593);
  x = (x << 13) | (x >>> 19);
  return (Math.imul(x, 5) + 0xe6546b64) >>> 0;
}

export function hashEnd(h) {
  let x = h ^ (h >>> 16);
  x = Math.imul(x, 0x85ebca6b);
  x ^= x >>> 13;
  x = Math.imul(x, 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

/** Hashes bytes word by word, as the programs do with what lies in their memory. */
export function hashBytes(h, bytes) {
  let x = h;
  for (let i = 0; i < bytes.length; i += 4) x = hashStep(x, bytes.readUInt32LE(i));
  return x;
}
