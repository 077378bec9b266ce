/**
 * What the places of the card hold, where traces share one: a condition, and the ways through a body with what takes
 * them. Read off a session once its packets have run; `run`, `trace` and the page show the same.
 */

import type { TraceNames } from '../condition/index.js';
import type { InstalledTrace } from '../nic/index.js';
import { type VerdictName, verdictName } from '../platform/index.js';
import type { Session } from '../runtime/index.js';
import {
  endsBelow,
  type RecordedTrace,
  type RegionWords,
  regionBody,
  regionWords,
  sharedCondition,
} from '../trace/index.js';

/** A place that several traces share. */
export interface ReportRegion {
  /** Ids, in the order in which the traces came; parts of a body go by their positions here. */
  readonly traces: readonly number[];
  readonly verdicts: readonly VerdictName[];
  /** What each has decided, all of its installs together. */
  readonly packets: readonly number[];
  /** Undefined where there was no time for it. */
  readonly words: { readonly condition: string; readonly body: RegionWords } | undefined;
}

/** Who shares a place with others, a list a place: nothing is put into words. */
function sharedPlaces(session: Session): (readonly InstalledTrace[])[] {
  const regions = session.runtime.cache?.regions ?? [];
  return regions.map(({ traces }) => traces).filter(({ length }) => length > 1);
}

/** Traces on the card that have no place of their own. */
export function placesSaved(session: Session): number {
  return sharedPlaces(session).reduce((sum, { length }) => sum + length - 1, 0);
}

/**
 * The regions on the card, in the order of their places; none where each trace has a place of its own. Words, which
 * may take long, come as long as `mayWord` says so.
 */
export function regionsOf(session: Session, mayWord: () => boolean = () => true): ReportRegion[] {
  const { offload, names } = session.runtime;
  if (offload === undefined) return [];
  return sharedPlaces(session).map((traces): ReportRegion => {
    const records = traces.map((trace) => offload.book.of(trace));
    return {
      traces: records.map(({ id }) => id),
      verdicts: records.map(({ verdict }) => verdictName(verdict)),
      packets: records.map(({ packets }) => packets),
      words: wordsOf(
        traces.map(({ trace }) => trace),
        names,
        mayWord,
      ),
    };
  });
}

function wordsOf(traces: readonly RecordedTrace[], names: TraceNames, mayWord: () => boolean): ReportRegion['words'] {
  const [first] = traces;
  if (first === undefined || !mayWord()) return undefined;
  const shape = regionBody(traces);
  const body = regionWords(traces, shape, names, mayWord);
  return body === undefined ? undefined : { condition: sharedCondition(first, shape, names).text, body };
}

/** Packets of the traces that end in a part or behind it. */
export function packetsBelow({ packets }: ReportRegion, part: RegionWords): number {
  return endsBelow(part).reduce((sum, end) => sum + (packets[end] ?? 0), 0);
}

/** Packets of all its traces. */
export function packetsOf({ packets }: ReportRegion): number {
  return packets.reduce((sum, count) => sum + count, 0);
}

/** An item of `regions` of `jitnic.run/1`. */
export function regionJson(region: ReportRegion): Record<string, unknown> {
  const { traces, words } = region;
  const part = (stretch: RegionWords): Record<string, unknown> => ({
    asks: stretch.asked,
    packets: packetsBelow(region, stretch),
    ends: stretch.ends.map((end) => traces[end]),
    branches: stretch.forks.map(({ asked, isState, yes, no }) => ({
      asks: asked,
      state: isState,
      yes: part(yes),
      no: no === undefined ? null : part(no),
    })),
  });
  return {
    traces,
    packets: packetsOf(region),
    condition: words?.condition ?? null,
    body: words === undefined ? null : part(words.body),
  };
}
