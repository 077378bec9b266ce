/** What the readers of map definitions (BTF, legacy, data sections) hand to the reader of relocations. */
import type { MapSpec } from './spec.js';

/** Most maps that a file may define: more than any program can refer to. */
export const maxMaps = 4096;

/** A map and the place in the file that stands for it. */
export interface PlacedMap {
  readonly spec: MapSpec;
  /** ELF section index. */
  readonly section: number;
  /** Byte offset of a definition in its section; undefined when the whole section is the map's value. */
  readonly offset: number | undefined;
}

/** Maps by the places that stand for them. A map's index is its position in the list. */
export class MapIndex {
  readonly count: number;
  private readonly whole = new Map<number, number>();
  private readonly placed = new Map<number, Map<number, number>>();

  constructor(maps: readonly PlacedMap[]) {
    this.count = maps.length;
    for (const [index, map] of maps.entries()) {
      if (map.offset === undefined) {
        this.whole.set(map.section, index);
        continue;
      }
      const offsets = this.placed.get(map.section) ?? new Map<number, number>();
      offsets.set(map.offset, index);
      this.placed.set(map.section, offsets);
    }
  }

  /** The map that a reference to `offset` in `section` means, and where in its value it points. */
  find(
    section: number,
    offset: number,
  ): { readonly index: number; readonly valueOffset: number | undefined } | undefined {
    const whole = this.whole.get(section);
    if (whole !== undefined) return { index: whole, valueOffset: offset };
    const index = this.placed.get(section)?.get(offset);
    return index === undefined ? undefined : { index, valueOffset: undefined };
  }
}
