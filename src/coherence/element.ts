/**
 * What is shared: elements of maps, each by a number that both sides give it. A side keeps a copy of every element in
 * a store of its own; whether that copy may be used is the protocols' matter.
 */

/** The two sides of the link. */
export type Side = 'card' | 'host';

/** The other one. */
export function otherSide(side: Side): Side {
  return side === 'card' ? 'host' : 'card';
}

/** An element: a key of a map, or a map as a whole. */
export type ElementId = number;

/** The bytes of an element; undefined: there is no such key. */
export type Value = Uint8Array | undefined;

/**
 * What a transaction does with an element: reads it, writes it (and may have read it), or adds to it without having
 * read it.
 */
export type Use = 'read' | 'write' | 'add';

/** The elements of a transaction, each with the most that is done with it. */
export type Uses = ReadonlyMap<ElementId, Use>;

/** One side's copies. */
export interface ElementStore {
  /** A copy of the bytes. */
  read(element: ElementId): Value;
  write(element: ElementId, value: Value): void;
  /** Adds a share, number by number, each with its own wrap. */
  add(element: ElementId, share: Value): void;
  /** The share that makes of the element what `after` is. */
  difference(element: ElementId, after: Value): Value;
  /** Takes the share that was added here since the last time, and leaves none. */
  takeShare(element: ElementId): Value;
}

/** Are they the same bytes? */
export function isSameValue(a: Value, b: Value): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
