/**
 * Times in a fixed number of buckets: 64 to a power of two, so a quantile is right to 1.6 %, whatever the times are,
 * and memory stays flat. The greatest and the sum are exact.
 */

/** Buckets of a power of two, and their base-2 logarithm. */
const bits = 6;
const each = 1 << bits;

/** A distribution of times in picoseconds. */
export class Histogram {
  count = 0;
  max = 0;
  sum = 0;
  private readonly buckets = new Float64Array(each * 48);

  /** Adds one time, at least 0. */
  add(time: number): void {
    this.count++;
    this.sum += time;
    if (time > this.max) this.max = time;
    const at = bucketOf(time);
    this.buckets[at] = (this.buckets[at] as number) + 1;
  }

  get mean(): number {
    return this.count === 0 ? 0 : this.sum / this.count;
  }

  /** The least time that a share (0 to 1) of all times do not exceed, as the upper end of its bucket. */
  quantile(share: number): number {
    let left = Math.max(1, Math.ceil(share * this.count));
    for (const [i, n] of this.buckets.entries()) {
      left -= n;
      if (left <= 0) return Math.min(this.max, upperEnd(i));
    }
    return this.max;
  }
}

/** Below 128 a bucket a number; above, `bits` bits behind the leading one. */
function bucketOf(time: number): number {
  if (time < 2 * each) return Math.floor(time);
  const exponent = Math.floor(Math.log2(time));
  const shift = 2 ** (exponent - bits);
  return each * (exponent - bits) + Math.floor(time / shift);
}

/** The greatest time of a bucket. */
function upperEnd(bucket: number): number {
  if (bucket < 2 * each) return bucket;
  const scale = Math.floor(bucket / each) - 1;
  return (bucket - each * scale + 1) * 2 ** scale - 1;
}
