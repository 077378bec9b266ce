/**
 * A hash of 64 bits over numbers of 32: two multiplicative hashes side by side, with the finishing step of MurmurHash3
 * (public domain). For telling things apart, not against forgery.
 */
export class WordHash {
  private a = 0x9747b28c;
  private b = 0x3c6ef372;

  add(x: number): void {
    this.a = Math.imul(this.a ^ x, 0x01000193);
    this.a ^= this.a >>> 15;
    this.b = Math.imul((this.b << 13) | (this.b >>> 19), 5) + Math.imul(x, 0xcc9e2d51);
    this.b ^= this.b >>> 16;
  }

  text(): string {
    return `${finish(this.a)}.${finish(this.b)}`;
  }
}

function finish(x: number): number {
  let h = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
