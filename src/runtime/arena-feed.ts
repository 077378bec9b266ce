/**
 * Batches of a capture on their way into the arena: keeps its window loaded with the part of the batch that is needed.
 * A window is loaded once and holds thousands of packets, which must not overlap.
 */
import type { PacketBatch } from '../packet/index.js';
import type { PacketArena } from '../vm/index.js';

/** Feeds one arena; what it has loaded it remembers, so that the same batch is not copied twice. */
export class ArenaFeed {
  /** Position in the batch's bytes of where the window starts. */
  base = 0;
  private readonly arena: () => PacketArena;
  private batch: PacketBatch | undefined;
  /** Position behind the bytes that are loaded. */
  private end = 0;
  /** Packets up to this one may have run, where they lie. */
  private last = -1;
  /** Times of the batch's packets in halves, the low one first. */
  times: Uint32Array = new Uint32Array(0);

  constructor(arena: () => PacketArena) {
    this.arena = arena;
  }

  /**
   * Empties the arena and loads the batch's packets from `from` on; returns up to which packet (exclusive, at most
   * `to`) they are there.
   */
  open(batch: PacketBatch, from: number, to: number): number {
    const arena = this.arena();
    arena.clear();
    if (batch !== this.batch || from <= this.last || !this.holds(from)) this.load(arena, batch, from);
    this.last = from;
    // Packets lie in order, so the last one decides; where the window ends in the middle of the batch, look for the
    // place.
    let end = Math.min(to, from + arena.capacity);
    while (end > from && !this.holds(end - 1)) end--;
    return end;
  }

  /** Loads the window anew, beginning with packet `from`. */
  private load(arena: PacketArena, batch: PacketBatch, from: number): void {
    const { bytes, time } = batch;
    this.batch = batch;
    // Whole words: copying to shared memory goes byte by byte otherwise.
    this.base = (batch.offset[from] as number) & -8;
    this.end = Math.min(bytes.length, this.base + arena.windowBytes);
    arena.load(bytes.subarray(this.base, this.end));
    // Low half first, as on every host that runs JavaScript today.
    this.times = new Uint32Array(time.buffer, time.byteOffset, 2 * time.length);
  }

  /** Does packet `i` lie in the window, whole? */
  private holds(i: number): boolean {
    const { batch } = this;
    if (batch === undefined) return false;
    const offset = batch.offset[i] as number;
    return offset >= this.base && offset + (batch.length[i] as number) <= this.end;
  }
}
