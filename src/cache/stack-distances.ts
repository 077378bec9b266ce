/**
 * Hits of all cache sizes in one pass, for policies whose smaller cache always holds a part of what the larger one
 * holds. The contents of all sizes at once are then a *stack*: the first k of it are what a cache of size k holds, and
 * a request hits in all sizes from its depth in the stack on. Mattson, Gecsei, Slutz and Traiger, "Evaluation
 * techniques for storage hierarchies", IBM Systems Journal 9(2), 1970.
 *
 * Depths beyond `deepest` are not told apart, so a pass takes at most so many steps a request and mostly few.
 */
import { nextUses, type ReferenceString } from './reference-string.js';

/**
 * `counts[d]`: requests at depth d, from 1 to `deepest`: those that hit in caches of d or more, and in no smaller one.
 */
export type DepthCounts = Float64Array;

/** LRU: the stack is the order of last use. */
export function lruDistances(reference: ReferenceString, deepest: number): DepthCounts {
  const counts = new Float64Array(deepest + 1);
  const stack = new Int32Array(deepest);
  let length = 0;
  for (const path of reference.events) {
    if (path < 0) continue;
    const at = stack.subarray(0, length).indexOf(path);
    if (at >= 0) counts[at + 1] = (counts[at + 1] as number) + 1;
    else if (length < deepest) length++;
    stack.copyWithin(1, 0, at >= 0 ? at : length - 1);
    stack[0] = path;
  }
  return counts;
}

/**
 * Belady's optimum with bypass: each size keeps those that are asked for again soonest, the newcomer among them. So
 * going down the stack, at each place the one that is needed sooner stays and the other goes on, until the place that
 * the request left (or the end) takes what is left over.
 */
export function beladyDistances(
  reference: ReferenceString,
  deepest: number,
  next: Float64Array = nextUses(reference),
): DepthCounts {
  const counts = new Float64Array(deepest + 1);
  const stack = new Int32Array(deepest);
  const nextOf = new Float64Array(reference.paths).fill(Number.POSITIVE_INFINITY);
  let length = 0;
  const { events } = reference;
  for (let i = 0; i < events.length; i++) {
    const path = events[i] as number;
    if (path < 0) continue;
    nextOf[path] = next[i] as number;
    const at = stack.subarray(0, length).indexOf(path);
    if (at >= 0) counts[at + 1] = (counts[at + 1] as number) + 1;
    const end = at >= 0 ? at : length;
    let carried = path;
    for (let d = 0; d < end; d++) {
      const other = stack[d] as number;
      if ((nextOf[carried] as number) >= (nextOf[other] as number)) continue;
      stack[d] = carried;
      carried = other;
    }
    if (end < deepest) stack[end] = carried;
    if (at < 0 && length < deepest) length++;
  }
  return counts;
}

/** Hits of a cache of each size from 0 to `deepest`. */
export function hitsBySize(counts: DepthCounts): Float64Array {
  const hits = new Float64Array(counts.length);
  for (let size = 1; size < counts.length; size++) hits[size] = (hits[size - 1] as number) + (counts[size] as number);
  return hits;
}
