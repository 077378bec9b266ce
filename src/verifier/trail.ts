/**
 * Where a fact came from, so that "this was needed" can flow backwards.
 *
 * Two states are equal for pruning only in what the rest of the program depends on: a scalar whose range some check
 * relied on must be matched (it is *precise*), a stack slot that someone read must be matched (it is *live*),
 * everything else need not. Both are known only later. Linux finds them by walking its instruction history backwards
 * and re-interpreting it (mark_chain_precision). Here every abstract value carries a Trail that points to the trails
 * of the values that it was computed from; needing it marks it and, through the pointers, its origins.
 *
 * Invariants:
 * 1. Marks only ever go from unset to set, and a set trail's origins are set too. So walks stop at marked trails and
 * all walks of a
 *    verification together take linear time.
 * 2. A checkpoint re-issues the trails of everything it saves (`fork`): the saved value and the running one then share
 * an origin,
 *    but a later need on one path marks the checkpoints on that path only, and no sibling's.
 */
export class Trail {
  marked = false;
  readonly origin: Trail | undefined;
  readonly origin2: Trail | undefined;
  /** Origins beyond two: linked registers that one comparison refined together. */
  readonly more: readonly Trail[] | undefined;

  constructor(origin?: Trail, origin2?: Trail, more?: readonly Trail[]) {
    this.origin = origin;
    this.origin2 = origin2;
    this.more = more;
  }

  /** A trail that leads here. */
  fork(): Trail {
    return new Trail(this);
  }

  /** Marks this trail and everything that it came from. Returns whether it came from {@link theCaller}. */
  mark(): boolean {
    if (this.marked) return false;
    this.marked = true;
    let reached = false;
    const work: Trail[] = [this];
    for (let trail = work.pop(); trail !== undefined; trail = work.pop()) {
      if (trail.origin === theCaller) reached = true;
      push(trail.origin, work);
      push(trail.origin2, work);
      if (trail.more !== undefined) for (const origin of trail.more) push(origin, work);
    }
    return reached;
  }
}

/** Where arguments of a global function come from: nothing is known of that. */
export const theCaller: Trail = new Trail();
theCaller.marked = true;

function push(trail: Trail | undefined, work: Trail[]): void {
  if (trail === undefined || trail.marked) return;
  trail.marked = true;
  work.push(trail);
}
