/** What a packet did on a core, as counts: how long it takes follows from the card and from where its maps are. */

/** Counts of one packet, or of several. Maps are told by index. */
export class Work {
  packets = 0;
  /** Instructions of the program, and cycles that a core was busy: instructions, lost branches, routines. */
  instructions = 0;
  cycles = 0;
  /** Times that a thread waited for the packet's store, its own island's. */
  packet = 0;
  /** Times that it waited for a map's memory, and looked at a map at all (look-ups, updates). */
  readonly maps: Float64Array;
  readonly lookups: Float64Array;
  /** Commands to a map that nobody waits for, and all that change an element in one go. */
  readonly posted: Float64Array;
  readonly atomics: Float64Array;
  /** Times that a thread waited while it held a map's lock. */
  readonly locked: Float64Array;

  constructor(maps: number) {
    this.maps = new Float64Array(maps);
    this.lookups = new Float64Array(maps);
    this.posted = new Float64Array(maps);
    this.atomics = new Float64Array(maps);
    this.locked = new Float64Array(maps);
  }

  clear(): void {
    this.packets = 0;
    this.instructions = 0;
    this.cycles = 0;
    this.packet = 0;
    for (const counts of [this.maps, this.lookups, this.posted, this.atomics, this.locked]) counts.fill(0);
  }

  /** Adds another one's counts. */
  add(other: Work): void {
    this.packets += other.packets;
    this.instructions += other.instructions;
    this.cycles += other.cycles;
    this.packet += other.packet;
    const mine = [this.maps, this.lookups, this.posted, this.atomics, this.locked];
    const theirs = [other.maps, other.lookups, other.posted, other.atomics, other.locked];
    for (const [i, counts] of mine.entries())
      for (const [map, count] of (theirs[i] ?? counts).entries()) counts[map] = (counts[map] ?? 0) + count;
  }
}
