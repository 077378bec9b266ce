/** How many more paths there are than some traffic shows (explore/path-search.ts). */
import type { Subject } from '../../cli/check/subjects.js';
import type { MapKeys } from '../../condition/index.js';
import { PathSearch } from '../../explore/index.js';
import type { ProgramSpec } from '../../object/index.js';
import { type Arrival, PathRecorder } from '../../runtime/index.js';
import type { RecordedTrace } from '../../trace/index.js';

/** How far the search got. */
export interface SearchResult {
  /** Paths that the packets took by themselves, and with those that were made. */
  readonly known: number;
  readonly found: number;
  /** Packets that were made, and how many were allowed. */
  readonly tried: number;
  readonly budget: number;
}

/** Throws what a session throws. `budget`: packets to try. Packets find the maps as those before left them. */
export function searchPaths(
  subject: Subject,
  program: ProgramSpec,
  packets: readonly Arrival[],
  { budget, seed }: { readonly budget: number; readonly seed: number },
): SearchResult {
  const { session } = new PathRecorder(subject.object, program, { maps: subject.maps, penalties: true });
  const { runtime } = session;
  let time = 0n;
  let known = 0;
  const keysOf: MapKeys = (map) => Array.from(runtime.machine.maps[map]?.entries() ?? [], ({ key }) => key);
  let isMade = false;
  const run = (data: Uint8Array): RecordedTrace | undefined => {
    if (isMade) time += 1000n;
    session.run({ data, time });
    return runtime.traces.length > known ? runtime.traces[known++]?.trace : undefined;
  };
  const search = new PathSearch({ run, keysOf }, seed);
  for (const packet of packets) {
    time = packet.time ?? time;
    search.add(packet.data);
  }
  const before = search.found.length;
  isMade = true;
  search.explore(budget);
  return { known: before, found: runtime.traces.length, tried: search.tried, budget };
}
