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

/** Bytes at a guest address in an array: `config.mode`, `table[3].mode`, and for data sections the variable. */
export function addressName(machine: Machine, map: number, address: number, width: number): string {
  const found = machine.maps[map];
  if (found === undefined) return `map${map}[${address}:${width}]`;
  const { name, valueSize, maxEntries, init } = found.spec;
  const first = found.elements(0).next();
  const from = address - (first.done === true ? address : first.value.value);
  const stride = Math.ceil(valueSize / 8) * 8;
  const index = Math.floor(from / stride);
  const offset = from - index * stride;
  const element = maxEntries === 1 ? name : `${name}[${index}]`;
  const path = valueName(machine, map, offset, width);
  if (path === undefined) return `${element}[${offset}:${width}]`;
  return init !== undefined && !path.startsWith('.') && !path.startsWith('[') ? path : `${element}${path}`;
}
