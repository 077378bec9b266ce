/**
 * The sequence of paths that packets took: what a trace cache of any size and policy would have been asked for.
 * Recorded once with a cache that holds everything; paths have numbers from 0.
 *
 *     event >= 0   a packet took this path
 *     -1           a packet that no trace can decide (its recording was given up)
 */
import type { Future } from './policy.js';

const uncacheable = -1;

/** A sequence that grows while packets run and is read when they are through. */
export class ReferenceString {
  private list = new Int32Array(1024);
  private count = 0;
  /** Match bits by path, or how to find them: that takes longer than the packet did, and not everyone asks. */
  private readonly bits: (number | (() => number))[] = [];

  /** Packets, whatever they took. */
  get packets(): number {
    return this.count;
  }

  get events(): Int32Array {
    return this.list.subarray(0, this.count);
  }

  /** Number of paths. */
  get paths(): number {
    return this.bits.length;
  }

  /** A packet took a path; undefined: one that cannot be cached. `bits` is looked at when the path is new. */
  add(path: number | undefined, bits: number | (() => number) = 1): void {
    this.push(path ?? uncacheable);
    if (path !== undefined) this.bits[path] ??= bits;
  }

  /** Match bits of a path's trace, worked out when they are first asked for: it takes longer than recording. */
  bitsOf(path: number): number {
    const bits = this.bits[path] ?? 1;
    if (typeof bits === 'number') return bits;
    const found = bits();
    this.bits[path] = found;
    return found;
  }

  /** Packets by path. */
  counts(): Uint32Array {
    const counts = new Uint32Array(this.paths);
    for (const event of this.events) if (event >= 0) counts[event] = (counts[event] as number) + 1;
    return counts;
  }

  private push(event: number): void {
    if (this.count === this.list.length) {
      const longer = new Int32Array(2 * this.count);
      longer.set(this.list);
      this.list = longer;
    }
    this.list[this.count++] = event;
  }
}

/**
 * The position of the next event with the same path, for each event; infinite for the last one and for those that are
 * no requests.
 */
export function nextUses(reference: ReferenceString): Float64Array {
  const { events } = reference;
  const next = new Float64Array(events.length).fill(Number.POSITIVE_INFINITY);
  const seen = new Float64Array(reference.paths).fill(Number.POSITIVE_INFINITY);
  for (let i = events.length - 1; i >= 0; i--) {
    const path = events[i] as number;
    if (path < 0) continue;
    next[i] = seen[path] as number;
    seen[path] = i;
  }
  return next;
}

/** What is still to come, as a run over the string goes on: call `advance` with each request before it is made. */
export class KnownFuture implements Future {
  private readonly next: Float64Array;
  private readonly nextOf: Float64Array;
  private now = 0;

  /** `next`: of {@link nextUses}; shared by runs over the same string. */
  constructor(reference: ReferenceString, next: Float64Array) {
    this.next = next;
    this.nextOf = new Float64Array(reference.paths).fill(Number.POSITIVE_INFINITY);
  }

  /** In a simulation: the path was asked for at `position`; its next use is known from the whole sequence. */
  advance(position: number, path: number): void {
    this.now = position;
    this.nextOf[path] = this.next[position] as number;
  }

  distance(key: number): number {
    return (this.nextOf[key] as number) - this.now;
  }
}
