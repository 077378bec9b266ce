/**
 * A whole program in SSA form: basic blocks over the values of {@link Graph}. Make one with {@link FunctionDraft}.
 *
 * Pure values belong to no block: where they are computed is decided when code is made. Phis stand at the head of a block, one argument for each
 * entry of `preds`, in that order. What touches memory or the machine is *pinned*: it stays in its block, in order.
 *
 * Addresses: a load, store, atomic operation or fill has a base value and, in `imm`, a signed constant that is added to it. Frames and the context
 * are leaves of their own (`frame`, `context`), so a stack address is `frame + constant` and never just a number. The base of a packet access is an address too,
 * `ptr(x)` where its offset is known (in a trace it is the offset itself).
 *
 * Values never change, with one exception: the arguments of a phi are filled in when a loop is closed, and a pass that rewrites a function
 * keeps its phis and gives them new arguments. So a pass takes its input over.
 */
import type { LoadedProgram } from '../vm/index.js';
import type { Graph } from './graph.js';
import type { Value } from './value.js';

export type End =
  | { readonly kind: 'jump'; readonly to: number }
  /** `condition` is a comparison or a constant; `yes` and `no` differ. */
  | { readonly kind: 'branch'; readonly condition: Value; readonly yes: number; readonly no: number }
  /** r0. */
  | { readonly kind: 'return'; readonly value: Value }
  /** To the program in this slot of PROG_ARRAY `map`, for good; to block `to` if there is none. */
  | {
      readonly kind: 'tail call';
      /** Index; -1 while only `table`, the map's handle, is there. */
      readonly map: number;
      readonly table: Value;
      readonly slot: Value;
      readonly to: number;
      readonly pc: number;
    }
  /** Traces of a card: none of them takes the packet. `exit`: where it left them, 32 bits. */
  | { readonly kind: 'miss'; readonly exit: Value }
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
  /** Its values, and what makes more of them. */
  readonly graph: Graph;
  /** By id; the first is the entry. Blocks that cannot be reached are undefined. */
  readonly blocks: readonly (Block | undefined)[];
  /** Access checks are in the code: nothing is known to be safe. */
  readonly checked: boolean;
  /** A branch on a constant becomes a jump whenever the code is rewritten. */
  readonly prunes: boolean;
  /** Pure values may be computed in front of the loops in which they do not change. */
  readonly hoists: boolean;
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
      return end.map >= 0 ? [end.slot] : [end.slot, end.table];
    case 'miss':
      return [end.exit];
    default:
      return [];
  }
}

/** The same end with `map` applied to what it reads and `to` to where it goes. */
export function mapEnd(end: End, map: (value: Value) => Value, to: (block: number) => number = (id) => id): End {
  switch (end.kind) {
    case 'jump':
      return { ...end, to: to(end.to) };
    case 'branch': {
      const [yes, no] = [to(end.yes), to(end.no)];
      return yes === no ? { kind: 'jump', to: yes } : { ...end, condition: map(end.condition), yes, no };
    }
    case 'return':
      return { ...end, value: map(end.value) };
    case 'tail call':
      return { ...end, table: map(end.table), slot: map(end.slot), to: to(end.to) };
    case 'miss':
      return { ...end, exit: map(end.exit) };
    case 'trap':
      return end;
  }
}

/** Is its first argument an address, to which `imm` is added? */
export function hasAddress(value: Value): boolean {
  return value.op === 'load' || value.op === 'store' || value.op === 'atomic' || value.op === 'fill';
}

/** Blocks that are there, by id. */
export function liveBlocks(code: FunctionCode): readonly Block[] {
  return code.blocks.filter((block): block is Block => block !== undefined);
}
