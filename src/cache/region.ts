/**
 * What has one place of the card: a trace, or a *region*, traces that have come the same way up to where state parts
 * them. A condition is about what classes packets; which way a packet of the class then takes is a matter of what maps
 * hold, and each history of the maps would be a trace, and want a place, of its own. A region has one entry and
 * several verdicts, branches forward only, and no way back: loops over state lie in it unrolled, each round's exit a
 * side, and packets that go round more often leave it like any other that it has no side for.
 *
 * A region is made of recorded paths alone. It grows by each that parts from one of its own on state, or, where the
 * card is full, on anything: the alternative is that somebody leaves. It shrinks by sides that took no packet since it
 * was last asked for room. Each side keeps the guards that it was recorded with, so conditions stay what they were and
 * exclude each other; how sides lie in a body is {@link regionBody}'s business.
 */
import type { InstalledTrace } from '../nic/index.js';
import { guardPath, partOnState, type RecordedTrace, sharedSteps } from '../trace/index.js';
import { Entry } from './entry.js';

/** What a region may hold: who has many sides is a program of its own, and each is code that a card has to store. */
export interface RegionLimits {
  readonly sides: number;
  /** Of all sides together, those of shared beginnings counted again. */
  readonly values: number;
}

/** A place and the traces that share it. */
export class Region extends Entry {
  /** Each with the packets that it had decided when room was asked for last. */
  private readonly sides = new Map<InstalledTrace, number>();
  private values = 0;

  /** The traces, in the order in which they came. */
  get traces(): readonly InstalledTrace[] {
    return [...this.sides.keys()];
  }

  get isEmpty(): boolean {
    return this.sides.size === 0;
  }

  add(trace: InstalledTrace): void {
    this.sides.set(trace, trace.packets);
    this.values += trace.trace.code.values.length;
  }

  remove(trace: InstalledTrace): void {
    if (this.sides.delete(trace)) this.values -= trace.trace.code.values.length;
  }

  /**
   * How many guards a trace shares with one of the sides before state parts them, or (`anywhere`) anything; -1: none.
   */
  kinship(trace: RecordedTrace, anywhere: boolean): number {
    const own = guardPath(trace);
    let most = -1;
    for (const side of this.sides.keys()) {
      const path = guardPath(side.trace);
      if (anywhere || partOnState(own, path)) most = Math.max(most, sharedSteps(own, path));
    }
    return most;
  }

  /** Is there room for a trace? */
  hasRoom(trace: RecordedTrace, limits: RegionLimits): boolean {
    return this.sides.size < limits.sides && this.values + trace.code.values.length <= limits.values;
  }

  /**
   * Sides that took no packet since this was asked last, as many as have to leave for a trace to have room; undefined:
   * there are not enough.
   */
  coldFor(trace: RecordedTrace, limits: RegionLimits): readonly InstalledTrace[] | undefined {
    const cold = this.traces.filter((side) => side.packets === this.sides.get(side));
    for (const side of this.sides.keys()) this.sides.set(side, side.packets);
    let values = this.values + trace.code.values.length;
    for (const [i, side] of cold.entries()) {
      values -= side.trace.code.values.length;
      if (values <= limits.values) return cold.slice(0, i + 1);
    }
    return undefined;
  }
}
