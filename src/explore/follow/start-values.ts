/**
 * What the variables of a path's terms stand for: bytes of the packet, of metadata, of map values at the start,
 * results of calls, and the few numbers that a start has beside them.
 */
import { evaluateTerm, type Values } from '../../solve/index.js';
import type { KeyClass } from './map-keys.js';
import { type StartState, startNames } from './start-state.js';

/** A path, as far as variables name it. */
export interface NamedPath {
  readonly start: StartState;
  readonly keys: readonly KeyClass[];
  /** Results of calls, by the order of the calls. */
  readonly results: readonly bigint[];
}

/** What variables are on a path. */
export function valuesOf({ start, keys, results }: NamedPath): Values {
  const get = (name: string): bigint | undefined => {
    if (name === startNames.length) return BigInt(start.packet.length);
    if (name === startNames.clock) return start.now;
    if (name === startNames.ifindex) return BigInt(start.ifindex);
    const place = placeOf(name);
    if (place?.kind === 'result') return results[place.offset];
    const bytes =
      place?.kind === 'value'
        ? keyAt(keys, place.map, place.ordinal)?.value
        : start[place?.kind === 'metadata' ? 'metadata' : 'packet'];
    const byte = place && bytes?.[place.offset];
    return byte === undefined ? undefined : BigInt(byte);
  };
  return { get };
}

/** The class of keys of that number of a map; undefined: the path has none. */
export function keyAt(keys: readonly KeyClass[], map: number, ordinal: number): KeyClass | undefined {
  return keys.find((key) => key.map === map && key.ordinal === ordinal);
}

/** Where a variable's byte is. */
type Place =
  | { readonly kind: 'packet' | 'metadata' | 'result'; readonly offset: number }
  | { readonly kind: 'value'; readonly map: number; readonly ordinal: number; readonly offset: number };

const places = new Map<string, Place | undefined>();

/** Where the byte is that a variable stands for; undefined for what is no byte of a start. */
export function placeOf(name: string): Place | undefined {
  if (places.has(name)) return places.get(name);
  const [kind, rest = ''] = name.split(' ');
  const [map = 0, ordinal = 0, offset = 0] = rest.split('.').map(Number);
  const place: Place | undefined =
    kind === 'packet' || kind === 'metadata' || kind === 'result'
      ? { kind, offset: map }
      : kind === 'map'
        ? { kind: 'value', map, ordinal, offset }
        : undefined;
  places.set(name, place);
  return place;
}

/** The key that a class has with these values. */
export function keyOf({ term, bytes }: KeyClass, values: Values): Uint8Array {
  if (term === undefined) return bytes;
  let rest = evaluateTerm(term, { values, arrays: new Map(), functions: new Map() });
  return bytes.map(() => {
    const byte = Number(rest & 0xffn);
    rest >>= 8n;
    return byte;
  });
}

/** Bytes as a little-endian number. */
export function numberOf(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = value * 256n + BigInt(bytes[i] as number);
  return value;
}
