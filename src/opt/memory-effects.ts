/** What pinned values do to memory, as passes ask for it: places, aliasing, what a call or loop may change. */
import { type CallEffects, firstKfuncCall, hasAddress, isConst, isFixed, type Space, type Value } from '../ir/index.js';
import { nestedHelper, packetMoves } from '../platform/index.js';

/** Some bytes of memory: `size` of them at `base + offset`, in a space that says what they can be part of. */
export interface Place {
  readonly space: Space;
  /** Index of the map, or -1. */
  readonly map: number;
  /** What the offset is relative to; undefined: 0, the offset is an address. */
  readonly base: Value | undefined;
  readonly offset: bigint;
  readonly size: number;
}

/** Memory that a load, store, fill or atomic operation touches. */
export function placeOf(value: Value): Place | undefined {
  const { detail } = value;
  if (!hasAddress(value) || (detail?.kind !== 'memory' && detail?.kind !== 'atomic')) return undefined;
  const base = value.args[0] as Value;
  const { space, map, size } = detail;
  if (isConst(base)) return { space, map, base: undefined, offset: base.imm + value.imm, size };
  return { space, map, base, offset: value.imm, size };
}

/** May there be an access of `size` bytes? Linux wants those of a frame at multiples of their size. */
export function isAligned({ space, base, offset }: Place, size: number): boolean {
  if (space === 'packet' || space === 'context') return true;
  if (space !== 'stack') return space === 'map';
  return base?.op === 'frame' && offset % BigInt(size) === 0n;
}

/**
 * Can two accesses of verified code touch a common byte? Told apart by distance from one base, by frame, by space and
 * by map; an access of space `other` may be anywhere but in the context, which only helpers change.
 */
export function mayAlias(a: Place, b: Place): boolean {
  if (isSameBase(a.base, b.base)) return a.offset < b.offset + BigInt(b.size) && b.offset < a.offset + BigInt(a.size);
  if (a.space === 'context' || b.space === 'context') return a.space === b.space;
  if (a.space === 'other' || b.space === 'other') return true;
  if (isOtherObject(a.base, b.base)) return false;
  return a.space === b.space && (a.map === b.map || a.map < 0 || b.map < 0);
}

/** Are two bases two objects, or two elements of one? An access stays in the object that its address was made of. */
function isOtherObject(a: Value | undefined, b: Value | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  if (a.op === 'element' && b.op === 'element' && a.imm === b.imm) {
    const [i, j] = [a.args[0] as Value, b.args[0] as Value];
    return isConst(i) && isConst(j) && i.imm !== j.imm;
  }
  return a.op === b.op && (a.op === 'frame' || a.op === 'data');
}

/** Are two bases one value? Leaves need not be one object: sharing can be off. */
function isSameBase(a: Value | undefined, b: Value | undefined): boolean {
  if (a === b) return true;
  return a !== undefined && b !== undefined && a.op === b.op && a.imm === b.imm && isFixed(a);
}

/** May it move the packet's ends? A program that takes over for a function may. */
export function callMovesPacket({ detail }: Value): boolean {
  if (detail?.kind !== 'call') return false;
  if (detail.helper === nestedHelper.enter || detail.helper >= firstKfuncCall) return true;
  return packetMoves(detail.helper) !== undefined;
}

/** Is what was known of a place still so after the call? */
export function survivesCall(place: Place, effects: CallEffects): boolean {
  switch (place.space) {
    case 'packet':
      return !effects.writesPacket;
    case 'context':
      return !effects.movesPacket;
    case 'map':
      return !effects.writesMaps;
    default:
      return !effects.writesMaps && effects.args.every(({ kind }) => kind !== 'write' && kind !== 'escapes');
  }
}
