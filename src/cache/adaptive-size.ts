/**
 * A cache that is as large as it pays to be. Each place for a trace has a price, in hits that it has to bring in a
 * thousand packets. Time is cut into epochs; at the end of each,
 *
 *     gain(k)  hits that k more places would have brought: misses on keys that the last k evictions took away
 *     loss(k)  hits that k fewer places would have cost: those of the k entries that were hit least
 *
 * The cache grows by the k for which gain(k) / k is largest, if that is above the price; looking at all k and not at
 * the next place alone gets over the cliffs of cyclic traffic, where one place more brings nothing and all that are
 * missing bring everything (Qureshi and Patt, "Utility-based cache partitioning", MICRO 2006, section 3.3: lookahead).
 * Else it shrinks by an eighth, if that costs less than half the price; the gap between the two keeps it from going
 * back and forth.
 *
 * An epoch is 16 requests a place but at least 1,024, so the look at all entries costs a constant for each request; a
 * hit costs one addition. The loss is what the best choice of victims in hindsight would have cost: a lower bound, so
 * in doubt the cache shrinks and grows again.
 */

/** Bounds of the size, and what a place costs. */
export interface AdaptiveSizeOptions {
  /** Traces, at least 1, and at most. */
  readonly least: number;
  readonly most: number;
  /** Hits in a thousand packets that a place has to bring; default 1. */
  readonly price?: number | undefined;
}

const requestsPerPlace = 16;
const shortestEpoch = 1024;
const shrinkShare = 1 / 8;

/** Watches misses, evictions and hits of one cache, and says how many traces it should hold. */
export class AdaptiveSize {
  /** Traces that may be in. */
  size: number;
  private readonly least: number;
  private readonly most: number;
  private readonly price: number;
  /** What was evicted lately: key -> number of its eviction, the oldest first. */
  private readonly ghosts = new Map<number, number>();
  private evictions = 0;
  /** Misses by how many evictions ago their key had gone. */
  private readonly ghostHits: Uint32Array;
  private requests = 0;

  /** Starts in the middle (geometrically) of the two bounds. */
  constructor({ least, most, price = 1 }: AdaptiveSizeOptions) {
    this.least = least;
    this.most = most;
    this.price = price;
    this.size = Math.min(most, Math.max(least, Math.round(Math.sqrt(least * most))));
    this.ghostHits = new Uint32Array(most - least + 1);
  }

  /** A miss. If the key was evicted not long ago, so many places more would have made it a hit. */
  missed(key: number): void {
    const gone = this.ghosts.get(key);
    if (gone === undefined) return;
    this.ghosts.delete(key);
    const depth = this.evictions - gone;
    if (depth < this.ghostHits.length) this.ghostHits[depth] = (this.ghostHits[depth] as number) + 1;
  }

  /** Remembers who went, in order; as many as there could be places more. */
  evicted(key: number): void {
    this.ghosts.delete(key);
    this.ghosts.set(key, this.evictions++);
    if (this.ghosts.size < this.ghostHits.length) return;
    const { value: oldest } = this.ghosts.keys().next();
    if (oldest !== undefined) this.ghosts.delete(oldest);
  }

  /** Counts a request; true at the end of an epoch: then call {@link adjust}. */
  epochEnds(): boolean {
    return ++this.requests >= Math.max(shortestEpoch, requestsPerPlace * this.size);
  }

  /** Sets `size` anew from the hits that each entry had in the epoch. */
  adjust(hits: readonly number[]): void {
    const worth = (this.price * this.requests) / 1000;
    const growth = this.bestGrowth(worth);
    if (growth > 0) this.size += growth;
    else {
      const step = Math.min(this.size - this.least, Math.max(1, Math.round(this.size * shrinkShare)));
      const unused = this.size - hits.length;
      const lost = [...hits].sort((a, b) => a - b).slice(0, Math.max(0, step - unused));
      if (lost.reduce((sum, x) => sum + x, 0) < (step * worth) / 2) this.size -= step;
    }
    this.requests = 0;
    this.ghostHits.fill(0);
  }

  /** Places to add, each of which brings more than `worth` hits; 0 if there are no such. */
  private bestGrowth(worth: number): number {
    let best = 0;
    let rate = worth;
    let gain = 0;
    for (let k = 1; k <= this.most - this.size; k++) {
      gain += this.ghostHits[k] as number;
      if (gain / k <= rate) continue;
      rate = gain / k;
      best = k;
    }
    return best;
  }
}
