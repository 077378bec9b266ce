/**
 * A trace: one straight line of values, in an order in which they can be evaluated. Early guards (those that depend on
 * the arriving state alone) are all evaluated before the first effect; guards that depend on an effect stand in the
 * body.
 *
 * Accesses take addresses, as in functions. Those of the packet are always a `ptr`, which makes an address of an
 * offset from where the packet began when it arrived. So packets need no place: conditions, cards and trace files
 * speak of byte 12 ({@link packetOffset}), and two accesses are told apart by their offsets whatever has moved in
 * between.
 */
import { InternalError } from '../base/index.js';
import type { Value } from './value.js';

/** The straight line of a recording: values in order, guards where the program chose. */
export interface TraceCode {
  /** Live values in order, guards and effects among them; the last one is `ret`. */
  readonly values: readonly Value[];
  /**
   * True if a guard, or an access that may fail, comes after a visible effect: the body needs to be undone when it
   * fails.
   */
  readonly transactional: boolean;
}

/** Is this an access to the packet? */
export function isPacketAccess({ detail }: Value): boolean {
  return detail?.kind === 'memory' && detail.space === 'packet';
}

/** What the place of a trace's access to the packet counts from, in bytes from where the packet began on arrival. */
export function packetOffset(access: Value): Value {
  const [place] = access.args;
  if (place?.op !== 'ptr') throw new InternalError('trace', `v${access.id} (${access.op}): ${noPtr}`);
  return place.args[0] as Value;
}

/** What is wrong with such an access. */
export const noPtr = 'goes to the packet, but not through a `ptr`';

/**
 * Pointers that nothing but accesses to the packet go through: parts of those, as an immediate is, to who counts or
 * shows instructions.
 */
export function placesOfAccesses(values: readonly Value[]): ReadonlySet<Value> {
  const places = new Set<Value>();
  // Users come after what they use.
  const others = new Set<Value>();
  for (const value of values) {
    const isAccess = isPacketAccess(value);
    for (const [i, arg] of value.args.entries()) {
      if (arg.op !== 'ptr') continue;
      if (isAccess && i === 0) places.add(arg);
      else others.add(arg);
    }
  }
  for (const place of others) places.delete(place);
  return places;
}
