/**
 * A value of the intermediate representation: one operation and its arguments, in SSA form. Values without effect are
 * shared: the {@link Graph} hands out the same object for the same operation on the same arguments.
 */
import type { MapCell, MapPart } from '../object/index.js';
import type { OpName } from './ops.js';

/** All bits of a value. */
export const mask64 = 0xffff_ffff_ffff_ffffn;
/** Its low half: the numbers of 32-bit operations, and guest addresses. */
export const mask32 = 0xffff_ffffn;

/** What a memory operation touches. Packet memory of traces is addressed by offset, the rest by address. */
export type Space = 'packet' | 'stack' | 'map' | 'context' | 'other';

/** Bytes that an operation finds in memory because who made it knows them: `size` low bytes of a value. */
export interface Piece {
  /**
   * Of a look-up's key: bytes from the key's first one. Of a call in a trace: where on the stack (stack-address.ts).
   */
  readonly at: number;
  readonly size: number;
}

/** What an operation needs to know besides its arguments. */
export type Detail =
  | {
      readonly kind: 'memory';
      readonly space: Space;
      readonly size: number;
      readonly map: number;
      readonly checked: boolean;
    }
  | {
      readonly kind: 'atomic';
      readonly space: Space;
      readonly size: number;
      readonly map: number;
      readonly checked: boolean;
      /** The instruction's `imm`: operation and FETCH bit. */
      readonly atomic: number;
    }
  | {
      readonly kind: 'lookup';
      readonly map: number;
      /**
       * What the key is put together from, one for each argument, without gaps. None: the argument is the key's
       * address.
       */
      readonly pieces: readonly Piece[];
      /** A look-up that leaves a mark (LRU) has to be done even if nothing reads its result. */
      readonly marks: boolean;
    }
  | { readonly kind: 'slot'; readonly map: number }
  /** With the value's `imm`, the index of the map: a {@link MapCell}. */
  | { readonly kind: 'cell'; readonly part: MapPart; readonly element: number; readonly cpu: number | undefined }
  | {
      readonly kind: 'call';
      readonly helper: number;
      readonly name: string;
      /** Arguments after the fifth are written here before the call. */
      readonly pieces: readonly Piece[];
      /** Something outside of the stack changes: not to be dropped, and to be rolled back when a later guard fails. */
      readonly visible: boolean;
    }
  | { readonly kind: 'guard'; readonly expect: boolean };

/** Where in the program a value was born. */
export interface Origin {
  readonly program: number;
  readonly pc: number;
}

/**
 * An operation and its arguments; never changed once it is made, so it may be shared by functions and compared by
 * identity.
 */
export interface Value {
  /** Order of birth, which is an order of evaluation. */
  readonly id: number;
  readonly op: OpName;
  readonly args: readonly Value[];
  /**
   * const: the value, unsigned; load, store, fill, atomic: constant part of the address, signed; ctx: byte offset;
   * env: number of a helper;
   * frame: call depth; map, data, element, cell: index of the map; code: slot.
   */
  readonly imm: bigint;
  readonly detail: Detail | undefined;
  /** Bits that can be 1. */
  readonly ones: bigint;
  /**
   * Depends on nothing but the state in which the packet arrived: may be evaluated before every effect of the trace.
   */
  readonly early: boolean;
  /** A pinned value's is the instruction that it does: a trap names it. */
  readonly origin: Origin;
}

/** A number that is known now. */
export function isConst(value: Value): boolean {
  return value.op === 'const';
}

/**
 * A number that is known when code is made: constants, and addresses of frames, of the context, of maps, of their only
 * value, of code.
 */
export function isFixed({ op }: Value): boolean {
  return op === 'const' || isPlace(op);
}

/** Leaves that are the address of something. */
export function isPlace(op: OpName): boolean {
  return op === 'frame' || op === 'context' || op === 'map' || op === 'data' || op === 'code' || op === 'cell';
}

/**
 * A number that a machine knows before any packet comes: something fixed, an element of an array by a constant index,
 * or one of these plus a constant.
 */
export function isStatic(value: Value): boolean {
  const [a, b] = value.args;
  if (isFixed(value)) return true;
  if (value.op === 'element') return a?.op === 'const';
  return value.op === 'add' && b?.op === 'const' && a !== undefined && isStatic(a);
}

/** What of a map a value is the address of; undefined if it is none that is known without a machine. */
export function cellOf({ op, args, imm, detail }: Value): MapCell | undefined {
  const map = Number(imm);
  if (op === 'data') return { map, part: 'value', element: 0, cpu: undefined };
  if (op === 'cell' && detail?.kind === 'cell') {
    const { part, element, cpu } = detail;
    return { map, part, element, cpu };
  }
  const [index] = args;
  if (op !== 'element' || index?.op !== 'const') return undefined;
  return { map, part: 'value', element: Number(index.imm & mask32), cpu: undefined };
}

/** Signed reading of a 64-bit constant. */
export function signed(x: bigint): bigint {
  return BigInt.asIntN(64, x);
}
