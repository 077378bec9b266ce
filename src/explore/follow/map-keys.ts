/**
 * Keys under which a run looked into maps. A map is taken for a function from keys to elements of which nothing is
 * known but what the run asked: each key that it asked for is a *class*, with the term that the key is; two classes of
 * one map have different keys (which are steps of the path), and each has an element at the start, or none.
 */
import type { Term } from '../../solve/index.js';

/** One key of one map. */
export interface KeyClass {
  readonly map: number;
  /**
   * Order in which the classes of the map came up: elements of the same class on two paths have the same variables.
   */
  readonly ordinal: number;
  /** What the key was. */
  readonly bytes: Uint8Array;
  /** What the key is a function of; undefined: nothing, it is always this one. */
  readonly term: Term | undefined;
  /** Was there an element at the start? Undefined as long as nothing has depended on it. */
  atStart: boolean | undefined;
  /** Is there one now? Undefined: as at the start. */
  now: boolean | undefined;
  /** The element's value at the start; undefined where it was not seen. */
  value: Uint8Array | undefined;
  /** The element comes with the object or with maps that stay as they are: no start makes it. */
  isGiven: boolean;
  /** The object brings the element, and the start takes it away. */
  isTaken: boolean;
  /** Where its element's value lies; undefined: nobody saw. */
  element: { readonly at: number; readonly size: number } | undefined;
  /** Steps before the first that depended on it. */
  readonly since: number;
}

/** Name of the variable of a byte of an element's value. */
export function valueName(map: number, ordinal: number, offset: number): string {
  return `map ${map}.${ordinal}.${offset}`;
}

/** All classes of a run. */
export class MapKeys {
  /** In the order in which they came up. */
  readonly all: KeyClass[] = [];
  private readonly byMap = new Map<number, KeyClass[]>();

  /** Classes of one map. */
  of(map: number): readonly KeyClass[] {
    return this.byMap.get(map) ?? [];
  }

  /** The class with these bytes. */
  find(map: number, bytes: Uint8Array): KeyClass | undefined {
    return this.of(map).find((key) => key.bytes.every((byte, i) => byte === bytes[i]));
  }

  /**
   * A class that is new. `known`: classes of another version of the program, of which the one with these bytes has the
   * same variables.
   */
  add(map: number, bytes: Uint8Array, term: Term | undefined, since: number, known?: MapKeys): KeyClass {
    const own = this.byMap.get(map) ?? [];
    this.byMap.set(map, own);
    const same = known?.find(map, bytes)?.ordinal;
    const ordinal = known === undefined ? own.length : (same ?? known.of(map).length + own.length);
    const key: KeyClass = {
      ...{ map, ordinal, bytes, term, since },
      ...{ atStart: undefined, now: undefined, value: undefined, isGiven: false, isTaken: false, element: undefined },
    };
    own.push(key);
    this.all.push(key);
    return key;
  }
}
