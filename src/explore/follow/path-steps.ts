/**
 * What a run depended on, in order: comparisons that came out one way or the other, and elements that were there or
 * not. Each step can be turned round, which gives the start of another path.
 */
import type { Term } from '../../solve/index.js';
import type { KeyClass } from './map-keys.js';

/** Why a comparison is part of the path. */
export type ConditionKind =
  /** A jump, or what decides the result of a call. */
  | 'branch'
  /** Two keys of one map are the same, or not. */
  | 'key'
  /** An address or a size that was taken as it was. */
  | 'pin';

/** One step; `term` was true. Of a pin: `pinned` is what was taken as it was, and `term` that it is what it was. */
export type PathStep =
  | { readonly kind: ConditionKind; readonly term: Term; readonly way: number; readonly pinned?: Term | undefined }
  /** `way`: of the jump that came next, which most often asks for just that. */
  | { readonly kind: 'presence'; readonly key: KeyClass; readonly isPresent: boolean; way: number };

/** A number for a way out of a conditional jump, as coverage counts them: program, slot, jumped or not. */
export function wayOf(program: number, pc: number, isTaken: boolean): number {
  return (program * 0x100000 + pc) * 2 + (isTaken ? 1 : 0);
}

/** The jump of a way. */
export function jumpOfWay(way: number): { readonly program: number; readonly pc: number; readonly isTaken: boolean } {
  const jump = Math.floor(way / 2);
  return { program: Math.floor(jump / 0x100000), pc: jump % 0x100000, isTaken: way % 2 === 1 };
}

/** No jump. */
export const noWay = -1;
