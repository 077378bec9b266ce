/** The way back from guest addresses to locations: whose value lies there. For logs, not for engines. */
import type { MapCell } from '../object/index.js';
import type { BpfMap } from './map.js';
import { cellAddress } from './map-cells.js';

/** The values of a map: element e of CPU c at `start + (e * cpus + c) * stride`, up to `end`. */
interface Values {
  readonly map: number;
  readonly start: number;
  readonly end: number;
  readonly stride: number;
  readonly cpus: number;
}

export class CellIndex {
  private readonly maps: readonly BpfMap[];
  private readonly values: readonly Values[];

  constructor(maps: readonly BpfMap[]) {
    this.maps = maps;
    this.values = maps
      .flatMap((map): Values[] => {
        const layout = map.layout();
        if (layout?.kind !== 'array' && layout?.kind !== 'hash') return [];
        const { base: start, stride, cpus } = layout;
        const elements = layout.kind === 'array' ? map.spec.maxEntries : layout.table.slots;
        return [{ map: map.index, start, stride, cpus, end: start + elements * cpus * stride }];
      })
      .sort((a, b) => a.start - b.start);
  }

  /**
   * The value that the address lies in (or in the gap behind it); undefined if that is none of an array or hash map.
   */
  cellAt(address: number): MapCell | undefined {
    let low = 0;
    let high = this.values.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.values[middle] as Values).end <= address) low = middle + 1;
      else high = middle;
    }
    const found = this.values[low];
    if (found === undefined || address < found.start) return undefined;
    const slot = Math.floor((address - found.start) / found.stride);
    return {
      map: found.map,
      part: 'value',
      element: Math.floor(slot / found.cpus),
      cpu: found.cpus > 1 ? slot % found.cpus : undefined,
    };
  }

  /** Guest address of a cell that there is. */
  startOf(cell: MapCell): number {
    return cellAddress(this.maps[cell.map] as BpfMap, cell) ?? 0;
  }
}
