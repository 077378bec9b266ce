// SPDX-License-Identifier: MIT
/** A seeded generator (Marsaglia's xorshift32 over a mixed seed): the same seed gives the same traffic everywhere. */
export class Random {
  #state;

  constructor(seed) {
    this.#state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) || 1;
  }

  /** An unsigned 32-bit number. */
  u32() {
    let s = this.#state;
    s ^= s << 13;
    s ^= s >>> 17;
    s ^= s << 5;
    this.#state = s;
    return s >>> 0;
  }

  /** An integer from 0 to `n` - 1. */
  below(n) {
    return Math.floor((this.u32() / 2 ** 32) * n);
  }

  /** An integer from `from` to `to`, both included. */
  between(from, to) {
    return from + this.below(to - from + 1);
  }

  chance(probability) {
    return this.u32() / 2 ** 32 < probability;
  }

  pick(list) {
    return list[this.below(list.length)];
  }

  /** An index into `n` things, the first far more likely than the last: index i has weight 1 / (i + 1). */
  zipf(n) {
    let total = 0;
    for (let i = 1; i <= n; i++) total += 1 / i;
    let x = (this.u32() / 2 ** 32) * total;
    for (let i = 1; i <= n; i++) {
      x -= 1 / i;
      if (x < 0) return i - 1;
    }
    return n - 1;
  }

  bytes(length) {
    const bytes = Buffer.alloc(length);
    for (let i = 0; i < length; i++) bytes[i] = this.below(256);
    return bytes;
  }
}
