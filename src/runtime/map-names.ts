/** Names of bytes in map values, for conditions: by the BTF of the map's value type, or of the data section. */
import type { TraceNames } from '../condition/index.js';
import { btfPath, btfScalar } from '../object/index.js';
import type { Machine } from '../vm/index.js';

/** How conditions of a machine's traces speak of its maps and programs. */
export function traceNames(machine: Machine): TraceNames {
  return {
    map: (map) => machine.maps[map]?.spec.name ?? `map${map}`,
    program: (number) => machine.programs[number]?.spec.name ?? `program ${number}`,
    value: (map, offset, width) => valueName(machine, map, offset, width),
    address: (map, address, width) => addressName(machine, map, address, width),
    valueField: (map, offset) => valueField(machine, map, offset),
    addressField: (map, address) => addressField(machine, map, address),
  };
}

/** `width` bytes at `offset` of an element: `.last_seen`; undefined without BTF that names them. */
function valueName(machine: Machine, map: number, offset: number, width: number): string | undefined {
  const spec = machine.maps[map]?.spec;
  const { btf } = machine.object;
  return btf === undefined || spec === undefined || spec.btfValueId === 0
    ? undefined
    : btfPath(btf, spec.btfValueId, offset, width);
}

/** The field of an element that holds the byte at `offset`; undefined without BTF that names it. */
function valueField(machine: Machine, map: number, offset: number): Extent | undefined {
  const spec = machine.maps[map]?.spec;
  const { btf } = machine.object;
  return btf === undefined || spec === undefined || spec.btfValueId === 0
    ? undefined
    : btfScalar(btf, spec.btfValueId, offset);
}

/** A part of a value, in bytes. */
interface Extent {
  readonly offset: number;
  readonly width: number;
}

/**
 * What a guest address that a map owns is: part of an element's value or key, or a link of the walk over a hash map.
 */
type Place =
  | { readonly kind: 'value'; readonly element: number; readonly cpu: number | undefined; readonly offset: number }
  | { readonly kind: 'key'; readonly element: number; readonly offset: number }
  | { readonly kind: 'bucket'; readonly bucket: number }
  | { readonly kind: 'next'; readonly element: number };

/**
 * What lies at an address of a map's memory: an element's value or key, a link of the hash table, or nothing that has
 * a name.
 */
function placeOf(machine: Machine, map: number, address: number): Place | undefined {
  const layout = machine.maps[map]?.layout();
  if (layout?.kind !== 'array' && layout?.kind !== 'hash') return undefined;
  if (layout.kind === 'hash') {
    const { bucketsAt, buckets, nodesAt, nodeStride, elements, keys, keyStride } = layout.table;
    const bucket = Math.floor((address - bucketsAt) / 4);
    if (bucket >= 0 && bucket < buckets) return { kind: 'bucket', bucket };
    const node = Math.floor((address - nodesAt) / nodeStride);
    if (node >= 0 && node < elements) return { kind: 'next', element: node };
    const key = Math.floor((address - keys) / keyStride);
    if (key >= 0 && key < elements) return { kind: 'key', element: key, offset: address - keys - key * keyStride };
  }
  const slot = Math.floor((address - layout.base) / layout.stride);
  return {
    kind: 'value',
    element: Math.floor(slot / layout.cpus),
    cpu: layout.cpus > 1 ? slot % layout.cpus : undefined,
    offset: address - layout.base - slot * layout.stride,
  };
}

/** The same for a guest address. */
function addressField(machine: Machine, map: number, address: number): Extent | undefined {
  const place = placeOf(machine, map, address);
  if (place === undefined) return undefined;
  if (place.kind === 'bucket' || place.kind === 'next') return { offset: address & ~3, width: 4 };
  if (place.kind === 'key') return undefined;
  const field = valueField(machine, map, place.offset);
  return field === undefined ? undefined : { offset: address - place.offset + field.offset, width: field.width };
}

/**
 * Bytes at a guest address that a map owns: `config.mode`, `table[3].mode`, and for data sections the variable. Of a
 * hash map, element e (a number of the map's own, not a key) is `flows{e}`: `flows{2}.last_seen`, `flows{2}.key[0:4]`;
 * the links of its walk are `flows.bucket[7]` and `flows{2}.next`, which hold an element's number plus 1. A CPU's
 * value is `counters[3]@1`.
 */
function addressName(machine: Machine, map: number, address: number, width: number): string {
  const spec = machine.maps[map]?.spec;
  const place = placeOf(machine, map, address);
  if (spec === undefined || place === undefined) return `map${map}[${address}:${width}]`;
  const { name, type, maxEntries, init } = spec;
  if (place.kind === 'bucket') return `${name}.bucket[${place.bucket}]`;
  if (place.kind === 'next') return `${name}{${place.element}}.next`;
  if (place.kind === 'key') return `${name}{${place.element}}.key[${place.offset}:${width}]`;
  const { element, cpu, offset } = place;
  const isHash = type.endsWith('hash');
  const which = isHash ? `{${element}}` : maxEntries === 1 ? '' : `[${element}]`;
  const owner = `${name}${which}${cpu === undefined ? '' : `@${cpu}`}`;
  const path = valueName(machine, map, offset, width);
  if (path === undefined) return `${owner}[${offset}:${width}]`;
  return init !== undefined && !path.startsWith('.') && !path.startsWith('[') ? path : `${owner}${path}`;
}
