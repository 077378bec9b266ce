/**
 * A whole program in SSA form: basic blocks over the values of {@link Graph}.
 *
 * Pure values are shared by the whole function and belong to no block: where they are computed is decided when code is made. So common
 * subexpressions, loop invariants and dead code need no passes. Phis stand at the head of a block, one argument for each entry of
 * `preds`. What touches memory or the machine is *pinned*: it stays in its block, in order.
 *
 * Addresses: a load or store has a base value and, in `imm`, a signed constant that is added to it. Frames lie at fixed guest addresses, so a
 * stack address is a constant; so is the context's. What is left of the stack here are the bytes that someone else sees.
 */
import type { LoadedProgram } from '../vm/index.js';
import type { Value } from './value.js';

export type End =
  | { readonly kind: 'jump'; readonly to: number }
  | { readonly kind: 'branch'; readonly condition: Value; readonly yes: number; readonly no: number }
  /** r0. */
  | { readonly kind: 'return'; readonly value: Value }
  /** To the program in this slot of PROG_ARRAY `map`, for good; to block `to` if there is none. */
  | { readonly kind: 'tail call'; readonly map: number; readonly slot: Value; readonly to: number; readonly pc: number }
  | { readonly kind: 'trap'; readonly pc: number; readonly what: string; readonly unsupported: boolean };

export interface Block {
  readonly id: number;
  readonly preds: readonly number[];
  readonly phis: readonly Value[];
  readonly pinned: readonly Value[];
  readonly end: End;
}

export interface FunctionCode {
  readonly program: LoadedProgram;
  /** By id; the first is the entry. Blocks that cannot be reached are undefined. */
  readonly blocks: readonly (Block | undefined)[];
  /** Access checks are in the code: nothing is known to be safe. */
  readonly checked: boolean;
}

export function successors(end: End): readonly number[] {
  switch (end.kind) {
    case 'jump':
    case 'tail call':
      return [end.to];
    case 'branch':
      return [end.yes, end.no];
    default:
      return [];
  }
}

/** Values that an end reads. */
export function endUses(end: End): readonly Value[] {
  switch (end.kind) {
    case 'branch':
      return [end.condition];
    case 'return':
      return [end.value];
    case 'tail call':
      return [end.slot];
    default:
      return [];
  }
}
