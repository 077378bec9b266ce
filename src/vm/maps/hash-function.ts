/**
 * Bob Jenkins's lookup3 as Linux has it (include/linux/jhash.h), over guest memory: keys of hash maps and values of
 * bloom filters. Linux seeds it at random unless a map has BPF_F_ZERO_SEED; here the seed is always 0, so a walk over
 * a map meets its elements in the order in which Linux does with that flag.
 *
 * Words are unsigned 32-bit; `>>> 0` only at the end, `| 0` in between.
 */

const start = 0xdeadbeef;

function rotate(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}

let a = 0;
let b = 0;
let c = 0;

function mix(): void {
  a = (a - c) ^ rotate(c, 4);
  c = (c + b) | 0;
  b = (b - a) ^ rotate(a, 6);
  a = (a + c) | 0;
  c = (c - b) ^ rotate(b, 8);
  b = (b + a) | 0;
  a = (a - c) ^ rotate(c, 16);
  c = (c + b) | 0;
  b = (b - a) ^ rotate(a, 19);
  a = (a + c) | 0;
  c = (c - b) ^ rotate(b, 4);
  b = (b + a) | 0;
}

function finish(): number {
  c = ((c ^ b) - rotate(b, 14)) | 0;
  a = ((a ^ c) - rotate(c, 11)) | 0;
  b = ((b ^ a) - rotate(a, 25)) | 0;
  c = ((c ^ b) - rotate(b, 16)) | 0;
  a = ((a ^ c) - rotate(c, 4)) | 0;
  b = ((b ^ a) - rotate(a, 14)) | 0;
  c = ((c ^ b) - rotate(b, 24)) | 0;
  return c >>> 0;
}

/**
 * Words of 32 bits where the length is a multiple of 4 (jhash2), else bytes (jhash): the two differ in the tail alone.
 */
export function hashBytes(view: DataView, address: number, length: number, seed: number): number {
  let at = address;
  let left = length;
  a = (start + length + seed) | 0;
  b = a;
  c = a;
  while (left > 12) {
    a = (a + view.getInt32(at, true)) | 0;
    b = (b + view.getInt32(at + 4, true)) | 0;
    c = (c + view.getInt32(at + 8, true)) | 0;
    mix();
    left -= 12;
    at += 12;
  }
  if (left === 0) return c >>> 0;
  // The last 1 to 12 bytes, as if zeros followed them.
  a = (a + tail(view, at, left)) | 0;
  if (left > 4) b = (b + tail(view, at + 4, left - 4)) | 0;
  if (left > 8) c = (c + tail(view, at + 8, left - 8)) | 0;
  return finish();
}

/** The first 4 of `left` bytes as a little-endian word. */
function tail(view: DataView, at: number, left: number): number {
  if (left >= 4) return view.getInt32(at, true);
  let word = 0;
  for (let i = 0; i < left; i++) word |= view.getUint8(at + i) << (8 * i);
  return word;
}
