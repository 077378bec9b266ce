/**
 * How many more paths there are than some traffic shows: each guard of each trace is turned round and a packet made
 * that leaves the trace there (`src/condition/steer.ts`), or bits that the condition speaks of are flipped; a packet
 * that takes a new path joins in. Breadth first, so that a budget is spread over all paths.
 */

import type { Subject } from '../../cli/check/subjects.js';
import { type MapKeys, packetSupport, steered } from '../../condition/index.js';
import type { ProgramSpec } from '../../object/index.js';
import { Prng } from '../../packet/index.js';
import { type Arrival, PathRecorder, type TraceRecord } from '../../runtime/index.js';

/** How far the search got. */
export interface SearchResult {
  /** Paths that the packets took by themselves, and with those that were made. */
  readonly known: number;
  readonly found: number;
  /** Packets that were made, and how many were allowed. */
  readonly tried: number;
  readonly budget: number;
}

/** A trace and a packet that takes it: what new packets are made from. */
interface Lead {
  readonly record: TraceRecord;
  readonly packet: Uint8Array;
}

/** Packets that each trace gets by flipping one bit that its condition speaks of, besides those that turn a guard. */
const flips = 6;

/** Throws what a session throws. `budget`: packets to try. */
export function searchPaths(
  subject: Subject,
  program: ProgramSpec,
  packets: readonly Arrival[],
  { budget, seed }: { readonly budget: number; readonly seed: number },
): SearchResult {
  const recorder = new PathRecorder(subject.object, program, { maps: subject.maps, penalties: true });
  const { session } = recorder;
  const { runtime } = session;
  const leads: Lead[] = [];
  let time = 0n;
  const run = (data: Uint8Array): void => {
    session.run({ data, time });
    // The packet took a new path if there is a trace more than there were leads.
    const record = runtime.traces[leads.length];
    if (record !== undefined) leads.push({ record, packet: data });
  };
  for (const packet of packets) {
    time = packet.time ?? time;
    run(packet.data);
  }
  const known = leads.length;
  const random = new Prng(seed);
  const keysOf: MapKeys = (map) => Array.from(runtime.machine.maps[map]?.entries() ?? [], ({ key }) => key);
  let tried = 0;
  // Leads are added on the way.
  for (let i = 0; i < leads.length && tried < budget; i++) {
    for (const data of turns(leads[i] as Lead, keysOf, random)) {
      if (tried === budget) break;
      tried++;
      time += 1000n;
      run(data);
    }
  }
  return { known, found: runtime.traces.length, tried, budget };
}

/**
 * Packets that may leave the path of this one: first by turning each of its own guards, then by flipped bits, which
 * also reach what no guard of its own asks for.
 */
function* turns({ record, packet }: Lead, keysOf: MapKeys, random: Prng): Generator<Uint8Array> {
  const { trace } = record;
  if (trace === undefined) return;
  // The guards that it shares with its parent were turned there.
  for (const guard of trace.history.guards.slice(trace.start?.guards ?? 0)) yield* steered(guard, packet, keysOf);
  const support = packetSupport(trace.facts);
  const mentioned = Array.from({ length: packet.length * 8 }, (_, bit) => bit).filter((bit) => support.has(bit));
  for (let i = 0; i < flips && mentioned.length > 0; i++) {
    const bit = random.pick(mentioned);
    const data = packet.slice();
    data[bit >> 3] = (data[bit >> 3] as number) ^ (1 << (bit & 7));
    yield data;
  }
}
