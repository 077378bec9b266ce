/** Where a map keeps what locations name: from a cell to its guest address. */
import type { MapCell } from '../object/index.js';
import type { GuestAddress } from './guest-address.js';
import type { BpfMap } from './map.js';
import { u32Bytes } from './maps/index-key.js';
import type { GuestMemory } from './memory.js';

/** Guest address of a cell's first byte; undefined if the map has no such cell. */
export function cellAddress(map: BpfMap, cell: MapCell): GuestAddress | undefined {
  return placeIn(map, cell) as GuestAddress | undefined;
}

/** Has the map such a cell? */
export function hasCell(map: BpfMap, cell: MapCell): boolean {
  return placeIn(map, cell) !== undefined;
}

function placeIn(map: BpfMap, { part, element, cpu = 0 }: MapCell): number | undefined {
  const layout = map.layout();
  if (layout?.kind === 'array') {
    if (part === 'cursor') return layout.cursor;
    return part === 'value' && element < map.spec.maxEntries && cpu < layout.cpus
      ? layout.base + (element * layout.cpus + cpu) * layout.stride
      : undefined;
  }
  if (layout?.kind !== 'hash') return undefined;
  const { buckets, bucketsAt, nodesAt, nodeStride, keys, keyStride, slots } = layout.table;
  if (part === 'bucket') return element < buckets ? bucketsAt + 4 * element : undefined;
  if (element >= slots) return undefined;
  switch (part) {
    case 'value':
      return cpu < layout.cpus ? layout.base + (element * layout.cpus + cpu) * layout.stride : undefined;
    case 'key':
      return keys + element * keyStride;
    case 'next':
      return nodesAt + element * nodeStride;
    default:
      return undefined;
  }
}

/** Key of the element that a cell belongs to, as bpf(2) has it; undefined if the map does not tell. */
export function keyOfCell(memory: GuestMemory, map: BpfMap, cell: MapCell): Uint8Array | undefined {
  if (map.layout()?.kind === 'array') return u32Bytes(cell.element);
  const at = placeIn(map, { ...cell, part: 'key' });
  return at === undefined ? undefined : memory.read(at, map.spec.keySize);
}

/** Bytes of a cell of that part of a map. */
export function cellSize({ spec }: BpfMap, part: MapCell['part']): number {
  return part === 'value' ? spec.valueSize : part === 'key' ? spec.keySize : 4;
}
