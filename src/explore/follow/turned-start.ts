/** Starts of other paths than one that was followed: with some values changed, or an element more or less. */
import type { KeyClass } from './map-keys.js';
import { type StartEntry, type StartState, startNames } from './start-state.js';
import { keyAt, keyOf, type NamedPath, placeOf, valuesOf } from './start-values.js';

/** No value is changed. */
export const unchanged: ReadonlyMap<string, bigint> = new Map();

/**
 * The start with some values changed, and with the elements that the path needs up to step `index`; of `turned` the
 * presence is the contrary.
 */
export function turnedStart(
  path: NamedPath,
  index: number,
  changes: ReadonlyMap<string, bigint>,
  turned: { readonly key: KeyClass; readonly value: Uint8Array | undefined } | undefined,
): StartState {
  const { start, keys } = path;
  const packet = new Uint8Array(Number(changes.get(startNames.length) ?? start.packet.length));
  packet.set(start.packet.subarray(0, packet.length));
  const metadata = start.metadata.slice();
  const values = new Map<KeyClass, Uint8Array>();
  const gone: KeyClass[] = [];
  for (const key of keys) {
    if (key.since > index) continue;
    const isTurned = key === turned?.key;
    if (isTurned ? key.isGiven : key.isTaken) gone.push(key);
    if (isTurned && turned.value === undefined) continue;
    const before = key === turned?.key ? turned.value : key.atStart === true ? key.value : undefined;
    if (before !== undefined) values.set(key, before.slice());
  }
  for (const [name, value] of changes) {
    const place = placeOf(name);
    if (place?.kind === 'packet' && place.offset < packet.length) packet[place.offset] = Number(value);
    if (place?.kind === 'metadata') metadata[place.offset] = Number(value);
    if (place?.kind !== 'value') continue;
    const own = values.get(keyAt(keys, place.map, place.ordinal) as KeyClass);
    if (own !== undefined) own[place.offset] = Number(value);
  }
  const known = valuesOf(path);
  const get = (name: string): bigint | undefined => changes.get(name) ?? known.get(name);
  const entries: StartEntry[] = [];
  for (const [key, value] of values)
    if (!key.isGiven || value.some((byte, i) => byte !== key.value?.[i]))
      entries.push({ map: key.map, key: keyOf(key, { get }), value });
  const now = changes.get(startNames.clock) ?? start.now;
  const ifindex = Number(changes.get(startNames.ifindex) ?? start.ifindex);
  const absent = gone.map((key) => ({ map: key.map, key: keyOf(key, { get }) }));
  return { packet, metadata, now, ifindex, entries, absent, full: start.full };
}
