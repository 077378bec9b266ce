/**
 * A queue of bounded length before something that takes one after the other: who comes while it is full is lost. Only
 * the times at which packets leave it are kept, in a ring as long as the queue, so asking costs the same however long
 * it is.
 */
export class BoundedQueue {
  /** Who came while it was full. */
  lost = 0;
  /** Picoseconds that packets have spent in it, all together. */
  waited = 0;
  /** Who was let in. */
  entered = 0;
  readonly capacity: number;
  private readonly leaves: Float64Array;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.leaves = new Float64Array(capacity);
  }

  /** Is there a place for one that comes at `time`? Times of those who come must not decrease. */
  hasRoom(time: number): boolean {
    if (this.entered < this.capacity) return true;
    return (this.leaves[this.entered % this.capacity] as number) <= time;
  }

  /** One comes, and will leave at a time that is not before that of the one before. */
  enter(time: number, leaves: number): void {
    this.leaves[this.entered % this.capacity] = leaves;
    this.entered++;
    this.waited += leaves - time;
  }
}
