/** Names of bytes in map values, for conditions: by the BTF of the map's value type, or of the data section. */
import { btfPath } from '../object/index.js';
import type { Machine } from '../vm/index.js';

/** `width` bytes at `offset` of an element: `.last_seen`; undefined without BTF that names them. */
export function valueName(machine: Machine, map: number, offset: number, width: number): string | undefined {
  const spec = machine.maps[map]?.spec;
  const { btf } = machine.object;
  return btf === undefined || spec === undefined || spec.btfValueId === 0
    ? undefined
    : btfPath(btf, spec.btfValueId, offset, width);
}

/**
 * Bytes at a guest address that a map owns: `config.mode`, `table[3].mode`, and for data sections the variable. Of a hash map, element e (a number of the map's own,
 * not a key) is `flows{e}`: `flows{2}.last_seen`, `flows{2}.key[0:4]`; the links of its walk are `flows.bucket[7]` and `flows{2}.next`, which hold an
 * element's number plus 1.
 */
export function addressName(machine: Machine, map: number, address: number, width: number): string {
  const found = machine.maps[map];
  const layout = found?.layout();
  if (found === undefined || (layout?.kind !== 'array' && layout?.kind !== 'hash'))
    return `map${map}[${address}:${width}]`;
  const { name, maxEntries, init } = found.spec;
  if (layout.kind === 'hash') {
    const { bucketsAt, buckets, nodesAt, nodeStride, elements, keys, keyStride } = layout.table;
    if (address >= bucketsAt && address < bucketsAt + 4 * buckets)
      return `${name}.bucket[${(address - bucketsAt) / 4}]`;
    const node = Math.floor((address - nodesAt) / nodeStride);
    if (node >= 0 && node < elements) return `${name}{${node}}.next`;
    const key = Math.floor((address - keys) / keyStride);
    if (key >= 0 && key < elements) return `${name}{${key}}.key[${address - keys - key * keyStride}:${width}]`;
  }
  const slot = Math.floor((address - layout.base) / layout.stride);
  const offset = address - layout.base - slot * layout.stride;
  const index = Math.floor(slot / layout.cpus);
  const cpu = layout.cpus > 1 ? `@${slot % layout.cpus}` : '';
  const element =
    layout.kind === 'hash' ? `${name}{${index}}${cpu}` : maxEntries === 1 ? `${name}${cpu}` : `${name}[${index}]${cpu}`;
  const path = valueName(machine, map, offset, width);
  if (path === undefined) return `${element}[${offset}:${width}]`;
  return init !== undefined && !path.startsWith('.') && !path.startsWith('[') ? path : `${element}${path}`;
}
