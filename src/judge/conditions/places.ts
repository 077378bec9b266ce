/**
 * Traces grouped as regions of a card group them, and where the body of such a region leads a packet: the second
 * opinion on what `jitnic trace` prints of regions, and on which questions of two recordings are one.
 */
import {
  guardPath,
  partOnState,
  type RecordedTrace,
  type RegionBody,
  regionBody,
  regionEnds,
  sharedSteps,
} from '../../trace/index.js';
import type { ConditionOracle } from './oracle.js';

/** Sides of a region. */
const mostSides = 16;

/** One region: the traces, and the body that they have together. */
export class TrialRegion {
  readonly traces: RecordedTrace[] = [];
  private body: RegionBody | undefined;

  /** Guards that a trace shares with one that is in before state parts them, or (`anywhere`) anything; -1: none. */
  kinship(trace: RecordedTrace, anywhere: boolean): number {
    if (this.traces.length >= mostSides) return -1;
    const own = guardPath(trace);
    const paths = this.traces.map((side) => guardPath(side)).filter((path) => anywhere || partOnState(own, path));
    return Math.max(-1, ...paths.map((path) => sharedSteps(own, path)));
  }

  add(trace: RecordedTrace): void {
    this.traces.push(trace);
    this.body = undefined;
  }

  /**
   * The traces that the packet in the oracle's machine ends at; undefined where that hangs on what the traces do
   * themselves.
   */
  endsOf(oracle: ConditionOracle): readonly RecordedTrace[] | undefined {
    this.body ??= regionBody(this.traces);
    const ends = regionEnds(this.traces, this.body, (question) => oracle.answer(question));
    return ends?.map((end) => this.traces[end] as RecordedTrace);
  }
}

/** The region that takes a trace: on state if one can, else on anything, as on a full card; a new one otherwise. */
export function regionFor(regions: TrialRegion[], trace: RecordedTrace): TrialRegion {
  for (const anywhere of [false, true]) {
    let best: TrialRegion | undefined;
    let most = anywhere ? 0 : -1;
    for (const region of regions) {
      const shared = region.kinship(trace, anywhere);
      if (shared > most) [best, most] = [region, shared];
    }
    if (best !== undefined) return best;
  }
  const region = new TrialRegion();
  regions.push(region);
  return region;
}
