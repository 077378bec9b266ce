/** What a start says besides its packet, as test files, map files and people read it. */
import type { StartEntry } from '../explore/index.js';
import { dumpEntry, encodeEntry, type MapEntryJson, type MapHolder } from '../vm/index.js';

/** Elements by map, as entries of a map file: by types where these say all of the bytes, else in hex. */
export function entriesJson(
  holder: MapHolder,
  entries: readonly StartEntry[],
): Readonly<Record<string, readonly MapEntryJson[]>> {
  const maps: Record<string, MapEntryJson[]> = {};
  for (const entry of entries) {
    const map = holder.maps[entry.map];
    if (map === undefined) continue;
    const own = maps[map.spec.name] ?? [];
    maps[map.spec.name] = own;
    own.push(entryJson(holder, entry));
  }
  return maps;
}

/** Names of maps by their index. */
export function mapNames(holder: MapHolder, maps: readonly number[]): string[] {
  return maps.flatMap((map) => holder.maps[map]?.spec.name ?? []);
}

function entryJson(holder: MapHolder, { map: index, key, value }: StartEntry): MapEntryJson {
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
  const same = (a: Uint8Array, b: Uint8Array): boolean => b.every((byte, i) => a[i] === byte);
  try {
    // Numbers and texts as they come out of a file again.
    const read = encodeEntry(holder, map, JSON.parse(JSON.stringify(json)) as MapEntryJson);
    return same(read.key, key) && same(read.value, value);
  } catch {
    return false;
  }
}

/** `00 1f a0`. */
export function hexText(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
}

/** `flows 1, counters 2`: how many elements of which map. */
export function entriesText(holder: MapHolder, entries: readonly StartEntry[]): string {
  const counts = new Map<string, number>();
  for (const { map } of entries) {
    const name = holder.maps[map]?.spec.name ?? '';
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts].map(([name, count]) => (count === 1 ? name : `${name} ${count}`)).join(', ');
}
