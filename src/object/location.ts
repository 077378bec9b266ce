/**
 * Where bytes of a map are, wherever the map itself may lie: what traces, assumptions and logs of map operations name
 * them by. A location is a value and means the same on every machine that has the object's maps.
 *
 * Elements of an array are numbered by their index. Those of a hash map by the slot that the map keeps them in, which
 * says nothing of their key: who names one has to know (by a guard, or because it was looked up) that it is where it
 * was.
 */

/**
 * What of a map: an element's value or key, the link that begins a bucket or follows an element (u32, an element's
 * number plus 1; 0: none), or the cell in which a walk over an array shows its callback the index.
 */
export type MapPart = 'value' | 'key' | 'bucket' | 'next' | 'cursor';

/** An object of a map that bytes belong to. */
export interface MapCell {
  /** Index in `ObjectSpec.maps`. */
  readonly map: number;
  readonly part: MapPart;
  /** Number of the element or bucket; 0 for the cursor. */
  readonly element: number;
  /** Whose value, where each CPU has its own; undefined where all share one. */
  readonly cpu: number | undefined;
}

/** A byte of it. */
export interface Location extends MapCell {
  /** Bytes from the beginning of the value, key or link. */
  readonly offset: number;
}

/** `3.value[5]@1+8`: one text for one location. For keys, not for people. */
export function locationKey({ map, part, element, cpu, offset }: Location): string {
  return `${map}.${part}[${element}]${cpu === undefined ? '' : `@${cpu}`}+${offset}`;
}
