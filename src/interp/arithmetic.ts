/**
 * The arithmetic of RFC 9669 that takes more than an operator: division, shifts, byte order, sign extension. 64-bit
 * shifts work on halves, because V8 does not keep a shifted bigint out of the heap.
 */

/** s[d] = y ? s[d] / y : 0, rounded towards zero; -2^63 / -1 wraps to -2^63. */
export function divideSigned(s: BigInt64Array, d: number, y: bigint): void {
  s[d] = y === 0n ? 0n : (s[d] as bigint) / y;
}

/** s[d] = y ? s[d] % y : s[d]; the sign is the dividend's. */
export function moduloSigned(s: BigInt64Array, d: number, y: bigint): void {
  if (y !== 0n) s[d] = (s[d] as bigint) % y;
}

/** a / b of two signed or two unsigned 32-bit numbers; 0 when b is 0. The caller truncates to 32 bits. */
export function divide32(a: number, b: number): number {
  return b === 0 ? 0 : Math.trunc(a / b);
}

/** a % b of two signed or two unsigned 32-bit numbers; a when b is 0. */
export function modulo32(a: number, b: number): number {
  return b === 0 ? a : a % b;
}

/** Register d = `value` (signed 32 bits), widened to 64. `u` are the registers' halves. */
export function widen(u: Uint32Array, d: number, value: number): void {
  u[2 * d] = value;
  u[2 * d + 1] = value >> 31;
}

/** Keeps the low `width` bits of register d. */
export function truncate(u: Uint32Array, d: number, width: number): void {
  if (width === 16) u[2 * d] = (u[2 * d] as number) & 0xffff;
  if (width <= 32) u[2 * d + 1] = 0;
}

/** Reverses the low `width` / 8 bytes of register d and clears the others. */
export function swap(u: Uint32Array, d: number, width: number): void {
  const low = u[2 * d] as number;
  if (width === 16) {
    u[2 * d] = ((low & 0xff) << 8) | ((low >>> 8) & 0xff);
    u[2 * d + 1] = 0;
  } else if (width === 32) {
    u[2 * d] = swap32(low);
    u[2 * d + 1] = 0;
  } else {
    u[2 * d] = swap32(u[2 * d + 1] as number);
    u[2 * d + 1] = swap32(low);
  }
}

/** The four bytes in reverse order, as a signed 32-bit number. */
function swap32(x: number): number {
  return (x << 24) | ((x & 0xff00) << 8) | ((x >>> 8) & 0xff00) | (x >>> 24);
}

/** Register d <<= n, 0 <= n < 64. */
export function shiftLeft(u: Uint32Array, d: number, n: number): void {
  const low = u[2 * d] as number;
  if (n >= 32) {
    u[2 * d + 1] = low << (n - 32);
    u[2 * d] = 0;
  } else if (n > 0) {
    u[2 * d + 1] = ((u[2 * d + 1] as number) << n) | (low >>> (32 - n));
    u[2 * d] = low << n;
  }
}

/** Register d >>= n, zeros coming in; 0 <= n < 64. */
export function shiftRight(u: Uint32Array, d: number, n: number): void {
  const high = u[2 * d + 1] as number;
  if (n >= 32) {
    u[2 * d] = high >>> (n - 32);
    u[2 * d + 1] = 0;
  } else if (n > 0) {
    u[2 * d] = ((u[2 * d] as number) >>> n) | (high << (32 - n));
    u[2 * d + 1] = high >>> n;
  }
}

/** Register d >>= n, the sign coming in; 0 <= n < 64. */
export function shiftSigned(u: Uint32Array, d: number, n: number): void {
  const high = (u[2 * d + 1] as number) | 0;
  if (n >= 32) {
    u[2 * d] = high >> (n - 32);
    u[2 * d + 1] = high >> 31;
  } else if (n > 0) {
    u[2 * d] = ((u[2 * d] as number) >>> n) | (high << (32 - n));
    u[2 * d + 1] = high >> n;
  }
}
