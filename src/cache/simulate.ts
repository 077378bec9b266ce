/**
 * A cache over a recorded sequence of paths, without program or packets: the same {@link Replacement} as on the card,
 * a million requests in less than a second.
 */
import { Entry } from './entry.js';
import { KnownFuture, nextUses, type ReferenceString } from './reference-string.js';
import { Replacement, type ReplacementOptions } from './replacement.js';

/** What a run with that cache would have counted. */
export interface Simulated {
  readonly packets: number;
  readonly hits: number;
  /** Recorded traces that came in, and that did not. */
  readonly installs: number;
  readonly refusals: number;
  readonly evictions: number;
  /** Traces that could be in at the end; changes where the size adapts. */
  readonly size: number;
}

/** `next`: of `nextUses`, if many runs share it. `onPacket`: told of each request whether it was a hit. */
export function simulate(
  reference: ReferenceString,
  options: Omit<ReplacementOptions, 'future'>,
  next?: Float64Array,
  onPacket?: (path: number, isHit: boolean) => void,
): Simulated {
  const entries: (Entry | undefined)[] = [];
  const future = options.policy.offline ? new KnownFuture(reference, next ?? nextUses(reference)) : undefined;
  const replacement = new Replacement<Entry>({ ...options, future }, ({ key }) => {
    entries[key] = undefined;
  });
  const { events } = reference;
  let hits = 0;
  let installs = 0;
  for (let i = 0; i < events.length; i++) {
    const path = events[i] as number;
    if (path < 0) {
      onPacket?.(path, false);
      continue;
    }
    future?.advance(i, path);
    const there = entries[path];
    onPacket?.(path, there !== undefined);
    if (there !== undefined) {
      hits++;
      replacement.hit(there);
      continue;
    }
    const entry = new Entry(path, replacement.countsBits ? reference.bitsOf(path) : 1);
    if (!replacement.missed(entry)) continue;
    installs++;
    entries[path] = entry;
  }
  const { refusals, evictions, size } = replacement;
  return { packets: reference.packets, hits, installs, refusals, evictions, size };
}
