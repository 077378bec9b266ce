/**
 * Hits by size and policy over one recorded sequence of paths: in one pass for all sizes where the policy is a stack
 * algorithm, else run by run.
 */
import { type AdmissionRow, isOpen } from './admission.js';
import type { PolicyRow } from './policy.js';
import { nextUses, type ReferenceString } from './reference-string.js';
import { simulate } from './simulate.js';
import { beladyDistances, hitsBySize, lruDistances } from './stack-distances.js';

/** What is varied: sizes and policies, over one sequence. */
export interface CurveOptions {
  readonly sizes: readonly number[];
  /** What sizes count; default traces. */
  readonly unit?: 'traces' | 'bits' | undefined;
  readonly policies: readonly PolicyRow[];
  readonly admission?: AdmissionRow | undefined;
  readonly seed?: number | undefined;
}

/** One policy's hits; shares follow from the packets of the sequence. */
export interface Curve {
  readonly policy: PolicyRow;
  /** Hits for each size, in the order of the sizes. */
  readonly hits: readonly number[];
}

/**
 * Hits of each policy at each size. A stack algorithm without admission, in traces, takes one pass for all sizes
 * (Mattson et al. 1970); everything else is simulated size by size.
 */
export function hitCurves(reference: ReferenceString, options: CurveOptions): Curve[] {
  const { sizes, unit = 'traces', admission, seed } = options;
  const next = nextUses(reference);
  // Every trace has its place from there on.
  const deepest = Math.min(Math.max(...sizes), Math.max(1, reference.paths));
  const isPlain = unit === 'traces';
  return options.policies.map((policy): Curve => {
    const counts =
      isPlain && policy.name === 'lru' && isOpen(admission)
        ? lruDistances(reference, deepest)
        : isPlain && policy.offline
          ? beladyDistances(reference, deepest, next)
          : undefined;
    if (counts !== undefined) {
      const hits = hitsBySize(counts);
      return { policy, hits: sizes.map((size) => hits[Math.min(size, deepest)] as number) };
    }
    // The optimum needs no gate: it knows better.
    const gate = policy.offline ? undefined : admission;
    const hits = sizes.map(
      (size) => simulate(reference, { capacity: { [unit]: size }, policy, admission: gate, seed }, next).hits,
    );
    return { policy, hits };
  });
}
