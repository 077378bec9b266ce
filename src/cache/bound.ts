/**
 * More hits than any cache of so many bits can have, where traces differ in size and the optimum itself cannot be had.
 * A hit needs its trace to stay from the request before, which takes size x time out of capacity x duration; the hits
 * that take least are counted until all is used up. Berger, Beckmann and Harchol-Balter, "Practical bounds on optimal
 * caching with variable object sizes", Proc. ACM on Measurement and Analysis of Computing Systems 2(2), 2018, section
 * 5 (PFOO-U, here over the whole sequence at once).
 */
import { nextUses, type ReferenceString } from './reference-string.js';

/** Hits that no cache of so many match bits exceeds. */
export function boundHits(reference: ReferenceString, bits: number, next: Float64Array = nextUses(reference)): number {
  const { events } = reference;
  const areas: number[] = [];
  for (let i = 0; i < events.length; i++) {
    const path = events[i] as number;
    const again = next[i] as number;
    if (path < 0 || again === Number.POSITIVE_INFINITY) continue;
    const size = reference.bitsOf(path);
    if (size <= bits) areas.push(size * (again - i));
  }
  const sorted = Float64Array.from(areas).sort();
  let left = bits * events.length;
  let hits = 0;
  while (hits < sorted.length && (sorted[hits] as number) <= left) left -= sorted[hits++] as number;
  return hits;
}
