/**
 * How often keys were asked for lately, in little memory: a count-min sketch (Cormode and Muthukrishnan, Journal of
 * Algorithms 55(1), 2005) of four rows with conservative update and counters up to 15, behind a *doorkeeper*: a Bloom
 * filter (Bloom, CACM 13(7), 1970) that holds what was seen once, so that the many keys that never come back cost no
 * counters. After a sample of requests all counters are halved and the doorkeeper is emptied, so that the past fades.
 * Einziger, Friedman and Manes, "TinyLFU: a highly efficient cache admission policy", ACM Transactions on Storage
 * 13(4), 2017, section 3.
 */
import { mix32 } from '../packet/index.js';

const rows = 4;
const mostCount = 15;
/** Requests in a sample for each entry that the cache holds. */
const sampleFactor = 10;
const doorBits = 3;

/** `estimate` is never too low but for what aging has halved; it may be too high where keys collide in all rows. */
export class FrequencySketch {
  private readonly seeds: readonly number[];
  private readonly mask: number;
  private readonly counts: Uint8Array;
  private readonly door: Uint8Array;
  private readonly sample: number;
  private requests = 0;

  /** `entries`: how many the cache holds, roughly. */
  constructor(entries: number, seed: number) {
    const width = 2 ** Math.ceil(Math.log2(Math.max(64, 4 * entries)));
    this.mask = width - 1;
    this.counts = new Uint8Array(rows * width);
    this.door = new Uint8Array(2 * width);
    this.sample = sampleFactor * Math.max(1, entries);
    this.seeds = Array.from({ length: rows + doorBits }, (_, i) => mix32(seed, i + 1));
  }

  /** Counts a request. */
  add(key: number): void {
    if (++this.requests >= this.sample) this.age();
    if (!this.enter(key)) return;
    const least = this.counted(key);
    if (least === mostCount) return;
    for (let row = 0; row < rows; row++) {
      const at = this.at(key, row);
      if (this.counts[at] === least) this.counts[at] = least + 1;
    }
  }

  /** At least as often as it was asked for in the sample, up to 16. */
  estimate(key: number): number {
    return this.counted(key) + (this.isKnown(key) ? 1 : 0);
  }

  /** The least of a key's counters: the one with the fewest collisions. */
  private counted(key: number): number {
    let least = mostCount;
    for (let row = 0; row < rows; row++) least = Math.min(least, this.counts[this.at(key, row)] as number);
    return least;
  }

  /** A key's counter in a row; each row hashes with a seed of its own. */
  private at(key: number, row: number): number {
    return row * (this.mask + 1) + (mix32(key, this.seeds[row] as number) & this.mask);
  }

  /** A key's bits in the Bloom filter, which is twice as long as a row. */
  private doorAt(key: number, bit: number): number {
    return mix32(key, this.seeds[rows + bit] as number) & (2 * this.mask + 1);
  }

  private isKnown(key: number): boolean {
    for (let bit = 0; bit < doorBits; bit++) if (this.door[this.doorAt(key, bit)] === 0) return false;
    return true;
  }

  /** Notes a key at the door; true if it was known there. */
  private enter(key: number): boolean {
    const known = this.isKnown(key);
    if (!known) for (let bit = 0; bit < doorBits; bit++) this.door[this.doorAt(key, bit)] = 1;
    return known;
  }

  /** Halves what was counted, so that popularity fades. */
  private age(): void {
    this.requests >>= 1;
    for (let i = 0; i < this.counts.length; i++) this.counts[i] = (this.counts[i] as number) >> 1;
    this.door.fill(0);
  }
}
