/** One program under one traffic: which path each packet took, and figures of that. */
import { type ReferenceString, simulate } from '../../cache/index.js';
import type { Subject } from '../../cli/check/subjects.js';
import type { ProgramSpec } from '../../object/index.js';
import { type Arrival, PathRecorder, type TraceRecord } from '../../runtime/index.js';

/** The paths that packets took, in order, and the trace of each. */
export interface PathRun {
  readonly reference: ReferenceString;
  readonly traces: readonly TraceRecord[];
}

/** Throws what a session throws for programs that cannot run. */
export function recordPaths(subject: Subject, program: ProgramSpec, packets: readonly Arrival[]): PathRun {
  // With penalties paths whose recording keeps failing are not tried again and again: programs have thousands of those.
  const recorder = new PathRecorder(subject.object, program, { maps: subject.maps, penalties: true });
  for (const packet of packets) recorder.session.run(packet);
  return { reference: recorder.reference, traces: recorder.session.runtime.traces };
}

/** Packets by path, the most frequent first. */
export function ranked(reference: ReferenceString): number[] {
  return [...reference.counts()].sort((a, b) => b - a);
}

/** Traces that decide this share of all packets; undefined if even all of them do not. */
export function tracesFor(ranks: readonly number[], packets: number, share: number): number | undefined {
  let sum = 0;
  for (let i = 0; i < ranks.length; i++) {
    sum += ranks[i] as number;
    if (sum >= share * packets) return i + 1;
  }
  return undefined;
}

/**
 * The same packets in the order that is worst for a cache: paths take turns, so that each comes back as late as it
 * can. (In what order their packets come makes a difference to programs that keep state, so the number of paths may
 * change.)
 */
export function worstOrder(packets: readonly Arrival[], reference: ReferenceString): Arrival[] {
  // By path, in order of arrival; packets that no trace decides come last, since no order of theirs matters to a
  // cache.
  const queues: Arrival[][] = [];
  const alone: Arrival[] = [];
  for (const [i, path] of reference.events.entries()) {
    const packet = packets[i] as Arrival;
    if (path < 0) {
      alone.push(packet);
      continue;
    }
    queues[path] ??= [];
    (queues[path] as Arrival[]).push(packet);
  }
  const order: Arrival[] = [];
  for (let round = 0; order.length + alone.length < packets.length; round++) {
    for (const queue of queues) {
      const packet = queue?.[round];
      if (packet !== undefined) order.push(packet);
    }
  }
  return [...order, ...alone];
}

/** A packet of each of the `frequent` most frequent paths, over and over, `count` in all. */
export function cycleOf(
  packets: readonly Arrival[],
  reference: ReferenceString,
  frequent: number,
  count: number,
): Arrival[] {
  const counts = reference.counts();
  const chosen = [...counts.keys()].sort((a, b) => (counts[b] as number) - (counts[a] as number)).slice(0, frequent);
  const firsts = chosen.map((path) => packets[reference.events.indexOf(path)] as Arrival);
  return Array.from({ length: firsts.length === 0 ? 0 : count }, (_, i) => firsts[i % firsts.length] as Arrival);
}

/** Share of packets that hit, by policy name. */
export type Rates = Readonly<Record<string, number>>;

/** Hit rates from 0 to 1, by policy, of a cache of `traces` traces. */
export function ratesOf(
  reference: ReferenceString,
  policies: readonly Parameters<typeof simulate>[1]['policy'][],
  traces: number,
): Rates {
  return Object.fromEntries(
    policies.map((policy) => {
      const { hits } = simulate(reference, { capacity: { traces }, policy });
      return [policy.name, hits / Math.max(1, reference.packets)];
    }),
  );
}
