/** What a start says besides its packet, as test files, map files and people read it. */
import type { StartAbsence, StartState } from '../explore/index.js';
import { dumpEntry, encodeEntry, encodeKey, type MapEntryJson, type MapHolder } from '../vm/index.js';

/** The part of a start that is in maps. */
type Elements = Pick<StartState, 'entries' | 'absent'>;

/** Elements by map, as entries of a map file: by types where these say all of the bytes, else in hex. */
export function entriesJson(
  holder: MapHolder,
  { entries, absent }: Elements,
): Readonly<Record<string, readonly MapEntryJson[]>> {
  const maps: Record<string, MapEntryJson[]> = {};
  const note = (index: number, entry: MapEntryJson): void => {
    const name = holder.maps[index]?.spec.name ?? '';
    const own = maps[name] ?? [];
    maps[name] = own;
    own.push(entry);
  };
  for (const one of absent) note(one.map, absenceJson(holder, one));
  for (const entry of entries) note(entry.map, entryJson(holder, entry));
  return maps;
}

function absenceJson(holder: MapHolder, { map: index, key }: StartAbsence): MapEntryJson {
  const map = holder.maps[index] as MapHolder['maps'][number];
  const { key: plain, formatted } = dumpEntry(holder, map, key, new Uint8Array(map.spec.valueSize), true);
  const typed = { key: formatted?.key ?? plain, absent: true };
  const read = encodeKey(holder, map, JSON.parse(JSON.stringify(typed.key)));
  return sameBytes(read, key) ? typed : { key: plain, absent: true };
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return b.every((byte, i) => a[i] === byte);
}

/** Names of maps by their index. */
export function mapNames(holder: MapHolder, maps: readonly number[]): string[] {
  return maps.flatMap((map) => holder.maps[map]?.spec.name ?? []);
}

function entryJson(holder: MapHolder, { map: index, key, value }: StartState['entries'][number]): MapEntryJson {
  const map = holder.maps[index] as MapHolder['maps'][number];
  const { key: plainKey, value: plain, values, formatted } = dumpEntry(holder, map, key, value, true);
  const hex = { ...(plainKey === undefined ? {} : { key: plainKey }), value: plain ?? values?.[0] };
  const typed = {
    ...(plainKey === undefined ? {} : { key: formatted?.key ?? plainKey }),
    value: formatted?.value ?? formatted?.values?.[0] ?? hex.value,
  };
  return readsBack(holder, map, typed, key, value) ? typed : hex;
}

/** Do the words say these bytes, padding and all? */
function readsBack(
  holder: MapHolder,
  map: MapHolder['maps'][number],
  json: MapEntryJson,
  key: Uint8Array,
  value: Uint8Array,
): boolean {
  try {
    // Numbers and texts as they come out of a file again.
    const read = encodeEntry(holder, map, JSON.parse(JSON.stringify(json)) as MapEntryJson);
    return sameBytes(read.key, key) && sameBytes(read.value, value);
  } catch {
    return false;
  }
}

/** `00 1f a0`. */
export function hexText(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
}

/** `flows, counters 2, stages without 3`: how many elements of which map, and what is not in it. */
export function entriesText(holder: MapHolder, { entries, absent }: Elements): string {
  const without = absent.map((one) => {
    const { key } = absenceJson(holder, one);
    return `${holder.maps[one.map]?.spec.name} without ${typeof key === 'string' ? key : JSON.stringify(key)}`;
  });
  const counts = new Map<string, number>();
  for (const { map } of entries) {
    const name = holder.maps[map]?.spec.name ?? '';
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const made = [...counts].map(([name, count]) => (count === 1 ? name : `${name} ${count}`));
  return [...made, ...without].join(', ');
}
