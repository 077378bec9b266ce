/**
 * A trace: one straight line of values, in an order in which they can be evaluated. Early guards (those that depend on
 * the arriving state alone) are all evaluated before the first effect; guards that depend on an effect stand in the
 * body.
 *
 * Traces are one level above functions in one thing: what an access to the packet takes is no address but an offset,
 * from where the packet began when it arrived. Packets then need no place: conditions, cards and trace files speak of
 * byte 12, and two accesses are told apart by their offsets whatever has moved in between. `ptr` makes an address of an
 * offset where a program computes with one. What executes a trace adds the place: code for a card in
 * `nic/software/lower-value.ts`, which turns a trace into a function, the only such lowering; executors when they load.
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
