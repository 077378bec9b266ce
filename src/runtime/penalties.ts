/**
 * Which misses are worth a recording. A place in the trace tree is recorded once it is hot; every failure doubles the
 * number of misses that it has to wait for the next try, and after {@link maxFailures} in a row it is blacklisted. A
 * success wipes the slate clean.
 *
 * Traffic with more paths than the card has room for makes traces leave before they have decided more than a packet or
 * two, and recording costs a hundred thousand times what a packet does on a host that compiles. So the yield of
 * evicted traces is watched (packets decided by each, as a moving average): while it is below {@link worthwhile},
 * fewer and fewer misses are recorded, down to one in {@link maxInterval}.
 */
import type { SideExit } from '../nic/index.js';

const maxFailures = 14;
/** Evictions before the yield is believed; an experiment with a small cache and a short capture is left alone. */
const warmUp = 128;
/** Packets that a trace has to decide, on average, to be worth recording. */
const worthwhile = 16;
/** Evictions between two changes of the interval. */
const patience = 16;
const maxInterval = 256;

/** Misses that were not recorded, by why. */
export interface PenaltyCounts {
  /** Places that are never recorded again. */
  readonly blacklisted: number;
  /** Misses at blacklisted places. */
  readonly refused: number;
  /** Misses that passed while their place waited after failures. */
  readonly waited: number;
  /** Misses that were not recorded because traces left the card before they paid. */
  readonly thrashed: number;
}

/** Where counting begins. */
export const noPenalties: PenaltyCounts = { blacklisted: 0, refused: 0, waited: 0, thrashed: 0 };

/** Kept at the exits of the trace tree themselves, so a place that goes takes its history along. */
export class Penalties implements PenaltyCounts {
  private readonly hotloop: number;
  private readonly on: boolean;
  private readonly seen = new WeakSet<SideExit>();
  blacklisted = 0;
  refused = 0;
  waited = 0;
  thrashed = 0;
  private evictions = 0;
  private yield = 0;
  private interval = 1;
  private untilNext = 0;

  /**
   * `hotloop`: misses at a place before it is recorded. `on` false: what became of earlier recordings does not matter.
   */
  constructor(hotloop: number, on = true) {
    this.hotloop = hotloop;
    this.on = on;
  }

  /** Counts a miss; true if it should be recorded. */
  admits(exit: SideExit): boolean {
    if (exit.failures >= maxFailures) {
      this.refused++;
      return false;
    }
    if (!this.seen.has(exit)) {
      this.seen.add(exit);
      exit.wait = this.hotloop - 1;
    }
    if (exit.wait > 0) {
      exit.wait--;
      if (exit.failures > 0) this.waited++;
      return false;
    }
    if (this.untilNext > 0) {
      this.untilNext--;
      this.thrashed++;
      return false;
    }
    this.untilNext = this.interval - 1;
    return true;
  }

  /** Misses at a place that need not be told one by one, since none of them would be recorded. */
  passes(exit: SideExit): number {
    if (exit.failures >= maxFailures) return Number.POSITIVE_INFINITY;
    return this.seen.has(exit) ? exit.wait : 0;
  }

  /** So many of those that {@link passes} spoke of have passed. */
  passed(exit: SideExit, packets: number): void {
    if (exit.failures >= maxFailures) {
      this.refused += packets;
      return;
    }
    exit.wait -= packets;
    if (exit.failures > 0) this.waited += packets;
  }

  /** The same for misses at any place, where {@link passes} has none. */
  get passesAnywhere(): number {
    return this.untilNext;
  }

  passedAnywhere(packets: number): void {
    this.untilNext -= packets;
    this.thrashed += packets;
  }

  /** A trace has left the card after deciding `packets` packets. */
  evicted(packets: number): void {
    if (!this.on) return;
    this.evictions++;
    this.yield += (packets - this.yield) / Math.min(this.evictions, 4 * patience);
    if (this.evictions < warmUp || this.evictions % patience !== 0) return;
    if (this.yield < worthwhile) this.interval = Math.min(maxInterval, this.interval * 2);
    else this.interval = Math.max(1, this.interval >> 1);
  }

  /** A recording that began here came to nothing. */
  failed(exit: SideExit): void {
    if (!this.on) return;
    exit.failures++;
    exit.wait = 2 ** exit.failures - 1;
    if (exit.failures === maxFailures) this.blacklisted++;
  }

  succeeded(exit: SideExit): void {
    exit.failures = 0;
    exit.wait = this.hotloop - 1;
  }
}
