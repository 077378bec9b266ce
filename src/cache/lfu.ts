/**
 * Least frequently used: whoever decided the fewest packets since it was installed goes, the least recent among
 * equals. Constant time by lists of entries with equal counts, themselves in a list by count: Shah, Mitra and Matani,
 * "An O(1) algorithm for implementing the LFU cache eviction scheme", 2010.
 *
 * Counts die with their entries and never fade, so what was popular once stays long; TinyLFU is the cure.
 */
import { type Entry, EntryList } from './entry.js';
import type { Policy } from './policy.js';

/** Entries of one count. */
class Bucket extends EntryList {
  count = 0;
  lower: Bucket = this;
  higher: Bucket = this;
}

/** Entries live in buckets of equal count; only neighbouring buckets are ever touched. */
export class LfuPolicy implements Policy {
  /** Of count 0, and always there: the lowest bucket in use is the one above it. */
  private readonly bottom = new Bucket();
  /** Buckets that are not in use. */
  private readonly spare: Bucket[] = [];

  hit(entry: Entry): void {
    const bucket = entry.home as Bucket;
    const above = this.bucketAfter(bucket, bucket.count + 1);
    this.take(entry);
    above.pushFirst(entry);
  }

  missed(): void {}

  victim(): Entry | undefined {
    return this.bottom.higher.last;
  }

  inserted(entry: Entry): void {
    this.bucketAfter(this.bottom, 1).pushFirst(entry);
  }

  removed(entry: Entry): void {
    this.take(entry);
  }

  resized(): void {}

  /** Takes an entry out of its bucket, which goes when it is empty and is used again for another count. */
  private take(entry: Entry): void {
    const bucket = entry.home as Bucket;
    bucket.remove(entry);
    if (bucket.length > 0) return;
    bucket.lower.higher = bucket.higher;
    bucket.higher.lower = bucket.lower;
    this.spare.push(bucket);
  }

  /** The bucket of this count, which belongs right above `lower`. */
  private bucketAfter(lower: Bucket, count: number): Bucket {
    const { higher } = lower;
    if (higher.count === count) return higher;
    const bucket = this.spare.pop() ?? new Bucket();
    bucket.count = count;
    bucket.lower = lower;
    bucket.higher = higher;
    lower.higher = bucket;
    higher.lower = bucket;
    return bucket;
  }
}
