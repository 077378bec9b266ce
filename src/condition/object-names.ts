/** Names of bytes of maps, for conditions: by the BTF of the map's value type, or of the data section. */
import {
  type Btf,
  btfBitField,
  btfPath,
  btfScalar,
  type Location,
  type MapCell,
  type ObjectSpec,
} from '../object/index.js';
import type { TraceNames } from './describe.js';
import type { Extent, KeyField } from './key-text.js';

/** How conditions speak of an object's maps and programs. */
export function traceNames(object: ObjectSpec): TraceNames {
  return {
    map: (map) => object.maps[map]?.name ?? `map${map}`,
    program: (number) => object.programs[number]?.name ?? `program ${number}`,
    value: (map, offset, width) => valueName(object, map, offset, width),
    valueField: (map, offset) => valueField(object, map, offset),
    valueBits: (map, bit, size) => valueBits(object, map, bit, size),
    locationBits: (cell, bit, size) => locationBits(object, cell, bit, size),
    cell: (cell) => cellName(object, cell),
    location: (at, width) => locationName(object, at, width),
    locationField: (at) => locationField(object, at),
    keyField: (map, offset) => keyField(object, map, offset),
  };
}

/** Fields that people call an address. */
const addressName = /addr|^(?:ip|src|dst|source|dest|local|remote|from|to)[46]?$|ip[46]?$|^[sd]ip/i;

/** The field of a map's key that holds the byte at `offset`; undefined without BTF that names it. */
function keyField({ btf, maps }: ObjectSpec, map: number, offset: number): KeyField | undefined {
  const id = maps[map]?.btfKeyId ?? 0;
  return btf === undefined || id === 0 ? undefined : keyFieldOf(btf, id, '', 0, offset);
}

/**
 * Goes down to the member that holds the byte; 16 bytes that are called an address, or are nothing but an array of
 * bytes or words, stay together. What is written in the byte order of the network is told by the names that Linux's
 * headers have for such types (`__be16`, `__be32`).
 */
function keyFieldOf(btf: Btf, id: number, name: string, at: number, offset: number): KeyField | undefined {
  const type = btf.resolve(id);
  const width = btf.sizeOf(id) ?? 0;
  if (offset < at || offset >= at + width) return undefined;
  const isAddress = addressName.test(name) || /in6?_addr|^addr/.test(type.kind === 'struct' ? type.name : '');
  if (isAddress && width === 16) return { offset: at, width, format: 'ipv6' };
  if (type.kind === 'array') {
    const element = btf.sizeOf(type.type) ?? 0;
    if (element === 1 && width === 6) return { offset: at, width, format: 'mac' };
    if (element === 1 && width === 4 && isAddress) return { offset: at, width, format: 'ipv4' };
    if (element === 0) return undefined;
    return keyFieldOf(btf, type.type, name, at + Math.floor((offset - at) / element) * element, offset);
  }
  if (type.kind === 'struct' || type.kind === 'union') {
    for (const member of type.members) {
      if (member.bitSize !== 0) continue;
      const inner = member.name === '' ? name : member.name;
      const found = keyFieldOf(btf, member.type, inner, at + member.bitOffset / 8, offset);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  const isNetwork = /^__be(16|32|64)$/.test(btf.type(id).name);
  if (width === 4 && (isAddress || (isNetwork && addressName.test(name)))) return { offset: at, width, format: 'ipv4' };
  return { offset: at, width, format: isNetwork ? 'be' : 'dec' };
}

/** `width` bytes at `offset` of an element: `.last_seen`; undefined without BTF that names them. */
function valueName({ btf, maps }: ObjectSpec, map: number, offset: number, width: number): string | undefined {
  const id = maps[map]?.btfValueId ?? 0;
  return btf === undefined || id === 0 ? undefined : btfPath(btf, id, offset, width);
}

/** The bit field of an element that is just these bits; undefined without BTF that names it. */
function valueBits({ btf, maps }: ObjectSpec, map: number, bit: number, size: number): string | undefined {
  const id = maps[map]?.btfValueId ?? 0;
  return btf === undefined || id === 0 ? undefined : btfBitField(btf, id, bit, size);
}

function locationBits(object: ObjectSpec, cell: MapCell, bit: number, size: number): string | undefined {
  const path = cell.part === 'value' ? valueBits(object, cell.map, bit, size) : undefined;
  if (path === undefined) return undefined;
  return isVariable(object, cell.map, path) ? path : `${cellName(object, cell)}${path}`;
}

/** Names in data sections stand by themselves. */
function isVariable({ maps }: ObjectSpec, map: number, path: string): boolean {
  return maps[map]?.init !== undefined && !path.startsWith('.') && !path.startsWith('[');
}

/** The field of an element that holds the byte at `offset`; undefined without BTF that names it. */
function valueField({ btf, maps }: ObjectSpec, map: number, offset: number): Extent | undefined {
  const id = maps[map]?.btfValueId ?? 0;
  return btf === undefined || id === 0 ? undefined : btfScalar(btf, id, offset);
}

function locationField(object: ObjectSpec, { map, part, offset }: Location): Extent | undefined {
  if (part === 'value') return valueField(object, map, offset);
  return part === 'key' ? undefined : { offset: 0, width: 4 };
}

/**
 * `config`, `table[3]`; of a hash map, element e (a number of the map's own, not a key) is `flows{e}`, its key
 * `flows{2}.key`; the links of its walk are `flows.bucket[7]` and `flows{2}.next`, which hold an element's number plus
 * 1. A CPU's value is `counters[3]@1`.
 */
function cellName({ maps }: ObjectSpec, { map, part, element, cpu }: MapCell): string {
  const spec = maps[map];
  const name = spec?.name ?? `map${map}`;
  if (part === 'bucket') return `${name}.bucket[${element}]`;
  if (part === 'cursor') return `${name}.index`;
  const which = spec?.type.endsWith('hash') === true ? `{${element}}` : spec?.maxEntries === 1 ? '' : `[${element}]`;
  return `${name}${which}${part === 'value' ? '' : `.${part}`}${cpu === undefined ? '' : `@${cpu}`}`;
}

/** `table[3].mode`, `flows{2}.key[0:4]`, and for data sections the variable. */
function locationName(object: ObjectSpec, at: Location, width: number): string {
  const { map, part, offset } = at;
  const owner = cellName(object, at);
  if (part === 'bucket' || part === 'next') return owner;
  const path = part === 'value' ? valueName(object, map, offset, width) : undefined;
  if (path === undefined) return `${owner}[${offset}:${width}]`;
  return isVariable(object, map, path) ? path : `${owner}${path}`;
}
