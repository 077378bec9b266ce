/**
 * A trace: one straight line of values, in an order in which they can be evaluated. Early guards (those that depend on
 * the arriving state alone) are all evaluated before the first effect; guards that depend on an effect stand in the
 * body.
 */
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
