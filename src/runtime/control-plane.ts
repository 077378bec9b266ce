/**
 * A control plane that changes maps at random, for runs that interleave updates with packets: elements get another's
 * value, a flipped bit, or random bytes, come and go. The same seed makes the same change on every machine that is in
 * the same state.
 */
import type { Prng } from '../packet/index.js';
import { keyedMaps } from '../platform/index.js';
import type { BpfMap, Machine } from '../vm/index.js';

/** Elements that a change chooses among. */
const maxChoices = 64;

/** One change of one map; false where there was nothing to change, or the map refused. */
export function changeMap(machine: Machine, random: Prng): boolean {
  const maps = machine.maps.filter(({ spec, isConstant }) => keyedMaps.has(spec.type) && !isConstant);
  if (maps.length === 0) return false;
  const map = random.pick(maps);
  const entries: { readonly key: Uint8Array; readonly value: Uint8Array }[] = [];
  for (const entry of map.entries()) {
    if (entries.length === maxChoices) break;
    entries.push(entry);
  }
  const choice = random.below(10);
  if (entries.length === 0 || choice === 1) return insert(map, random, entries[0]?.value.length);
  const entry = random.pick(entries);
  if (choice === 0) return map.deleteElem(entry.key) === 0;
  const value = (choice < 5 ? random.pick(entries) : entry).value.slice();
  if (choice >= 7 && value.length > 0) {
    const at = random.below(value.length);
    value[at] = (value[at] as number) ^ (1 << random.below(8));
  }
  return map.updateElem(entry.key, value) === 0;
}

/**
 * A new element, its key of small bytes so that it is met again. `valueSize`: of an element that is there, else the
 * specification's.
 */
function insert(map: BpfMap, random: Prng, valueSize = map.spec.valueSize): boolean {
  const key = new Uint8Array(map.spec.keySize).map(() => random.below(4));
  return (
    map.updateElem(
      key,
      new Uint8Array(valueSize).map(() => random.below(4)),
    ) === 0
  );
}
