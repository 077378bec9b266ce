/**
 * What is known of memory on a path: values that were loaded from or stored to a place and are still there. Two places are told apart
 * by their space (packet, stack, map), or by constant distances from one base.
 */
import type { Space, Value } from './value.js';

export interface Place {
  readonly space: Space;
  /** Index of the map, or -1. */
  readonly map: number;
  /** What the offset is relative to; undefined: 0, the offset is an address. */
  readonly base: Value | undefined;
  readonly offset: bigint;
}

export interface Known {
  readonly place: Place;
  readonly size: number;
  readonly value: Value;
}

/** `map` of places in the context, which only helpers change. */
export const contextMap = -2;

/** Entries that are remembered at most; the oldest go first. */
const limit = 96;

export function mayAlias(a: Place, aSize: number, b: Place, bSize: number): boolean {
  if (a.base === b.base) return a.offset < b.offset + BigInt(bSize) && b.offset < a.offset + BigInt(aSize);
  if (a.map === contextMap || b.map === contextMap) return false;
  if (a.space === 'other' || b.space === 'other') return true;
  return a.space === b.space && (a.map === b.map || a.map < 0 || b.map < 0);
}

export function findKnown(known: readonly Known[], place: Place, size: number): Value | undefined {
  return known.find((entry) => entry.size === size && samePlace(entry.place, place))?.value;
}

function samePlace(a: Place, b: Place): boolean {
  return a.base === b.base && a.offset === b.offset;
}

/** After a store. */
export function withoutAliases(known: readonly Known[], place: Place, size: number): readonly Known[] {
  return known.filter((entry) => !mayAlias(entry.place, entry.size, place, size));
}

export function withKnown(known: readonly Known[], place: Place, size: number, value: Value): readonly Known[] {
  const kept = known.length >= limit ? known.slice(known.length - limit + 1) : known;
  return [...kept, { place, size, value }];
}

/** What both paths know. */
export function commonKnown(a: readonly Known[], b: readonly Known[]): readonly Known[] {
  if (a === b) return a;
  const set = new Set(b);
  return a.filter((entry) => set.has(entry));
}

/** After a helper that may have changed any map, or also the packet. */
export function afterCall(known: readonly Known[], changesPacket: boolean): readonly Known[] {
  return known.filter(({ place }) =>
    place.space === 'packet' ? !changesPacket : place.map === contextMap && !changesPacket,
  );
}
