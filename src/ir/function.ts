/**
 * A whole program in SSA form: basic blocks over the values of {@link Graph}. Make one with {@link FunctionDraft}.
 *
 * Pure values belong to no block: where they are computed is decided when code is made. Phis stand at the head of a
 * block, with one argument for each entry of `preds`, in that order. What touches memory or the machine is *pinned*:
 * it stays in its block, in order.
 *
 * Addresses: a load, store, atomic operation or fill has a base value and, in `imm`, a signed constant that is added
 * to it. Frames, the context, maps and code are leaves of their own, so an address is `frame + constant` or `element +
 * constant` and never just a number. The base of a packet access is an address too, `ptr(x)` where its offset is known
 * (in a trace it is the offset itself).
 *
 * Nothing of a function ever changes: a pass makes another one, which shares values and blocks with it (see {@link
 * Graph.extend}).
 */
import { nestedHelper } from '../platform/index.js';
import type { Graph } from './graph.js';
import type { Value } from './value.js';
import type { Program } from './world.js';

/** How a block ends; `to`, `yes` and `no` are ids of blocks. */
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

/** A value that is one of its arguments, by the predecessor that control came from. */
export interface Phi {
  /** Of operation `phi`; what others read. */
  readonly value: Value;
  /** In the order of the block's `preds`. */
  readonly args: readonly Value[];
}

/**
 * A basic block. `preds` may name a block twice only if it branches here both ways, which {@link branchEnd} makes a
 * jump.
 */
export interface Block {
  readonly id: number;
  readonly preds: readonly number[];
  readonly phis: readonly Phi[];
  readonly pinned: readonly Value[];
  readonly end: End;
}

/** A function: blocks by id (a hole where one is gone) and the values that they use. */
export interface FunctionCode {
  readonly program: Program;
  /** Its values, and what makes more of them. */
  readonly graph: Graph;
  /** How many of the graph's first values are this function's; what comes after them was made for others. */
  readonly size: number;
  /** By id; the first is the entry. Blocks that cannot be reached are undefined. */
  readonly blocks: readonly (Block | undefined)[];
  /** Access checks are in the code: nothing is known to be safe. */
  readonly checked: boolean;
  /** Pure values may be computed in front of the loops in which they do not change. */
  readonly hoists: boolean;
}

/** Does it tail-call, so that other programs have to be there with it? */
export function makesTailCalls({ blocks }: FunctionCode): boolean {
  const isNested = ({ detail }: Value): boolean => detail?.kind === 'call' && detail.helper === nestedHelper.enter;
  return blocks.some((block) => block?.end.kind === 'tail call' || block?.pinned.some(isNested) === true);
}

/**
 * A block. All of them are made here: engines tell objects apart by the order in which their fields were added, and a
 * spread copy counts as one of its own, which makes every access to a block or a function slow while the code that
 * does it is still cold.
 */
export function makeBlock(
  id: number,
  preds: readonly number[],
  phis: readonly Phi[],
  pinned: readonly Value[],
  end: End,
): Block {
  return { id, preds, phis, pinned, end };
}

/** The function with other blocks, made with `graph`; the same object where nothing is different. */
export function withBlocks(
  code: FunctionCode,
  blocks: FunctionCode['blocks'],
  graph: Graph = code.graph,
  hoists: boolean = code.hoists,
): FunctionCode {
  const size = graph === code.graph ? code.size : graph.code.length;
  if (blocks === code.blocks && size === code.size && hoists === code.hoists) return code;
  const { program, checked } = code;
  return { program, graph, size, blocks, checked, hoists };
}

/** Ids of the blocks that an end may lead to. */
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

/**
 * The same end with `map` applied to what it reads and `to` to where it goes; the same object where nothing changes.
 */
export function mapEnd(end: End, map: (value: Value) => Value, to: (block: number) => number = (id) => id): End {
  switch (end.kind) {
    case 'jump':
      return jump(end, to(end.to));
    case 'branch': {
      const yes = to(end.yes);
      const no = to(end.no);
      if (yes === no) return { kind: 'jump', to: yes };
      const condition = map(end.condition);
      return condition === end.condition && yes === end.yes && no === end.no
        ? end
        : { kind: 'branch', condition, yes, no };
    }
    case 'return': {
      const value = map(end.value);
      return value === end.value ? end : { kind: 'return', value };
    }
    case 'tail call': {
      const table = map(end.table);
      const slot = map(end.slot);
      const next = to(end.to);
      if (table === end.table && slot === end.slot && next === end.to) return end;
      return { kind: 'tail call', map: end.map, table, slot, to: next, pc: end.pc };
    }
    case 'miss': {
      const exit = map(end.exit);
      return exit === end.exit ? end : { kind: 'miss', exit };
    }
    case 'trap':
      return end;
  }
}

/** A branch; a jump where both ways lead to one block. */
export function branchEnd(condition: Value, yes: number, no: number): End {
  return yes === no ? { kind: 'jump', to: yes } : { kind: 'branch', condition, yes, no };
}

function jump(end: End & { readonly kind: 'jump' }, to: number): End {
  return to === end.to ? end : { kind: 'jump', to };
}

/** Is its first argument an address, to which `imm` is added? */
export function hasAddress(value: Value): boolean {
  return value.op === 'load' || value.op === 'store' || value.op === 'atomic' || value.op === 'fill';
}

/** Blocks that are there, by id. */
export function liveBlocks(code: FunctionCode): readonly Block[] {
  return code.blocks.filter((block): block is Block => block !== undefined);
}
