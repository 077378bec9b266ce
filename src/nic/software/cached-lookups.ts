/** What caches in front of look-ups (src/jit/lookup-cache.ts) save a trace, in instructions of compiled code. */
import { isWorthCaching } from '../../jit/index.js';
import type { RecordedTrace } from '../../trace/index.js';
import type { Machine } from '../../vm/index.js';

/** A walk down a trie, less what the cache takes. */
const trieWalk = 40;
/**
 * Hashing a key and following its chain, less what the cache takes; estimates, as is the walk: what matters is which
 * of two ways is the shorter one.
 */
const hashStart = 10;
const hashWord = 3;

/** For each look-up that has a cache, what an answer from it saves. */
export function cachedLookups(trace: RecordedTrace, machine: Machine): number[] {
  const saved: number[] = [];
  for (const { op, detail } of trace.code.values) {
    const map = op === 'lookup' && detail?.kind === 'lookup' ? machine.maps[detail.map] : undefined;
    const layout = map?.layout();
    if (map === undefined || !isWorthCaching(layout)) continue;
    saved.push(layout?.kind === 'trie' ? trieWalk : hashStart + hashWord * Math.ceil(map.spec.keySize / 4));
  }
  return saved;
}
