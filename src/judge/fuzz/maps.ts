/** The maps that every generated program may use: one of each type whose contents two machines can compare. */
import type { MapSpec } from '../../object/index.js';
import { type MapTypeName, mapTypeNumber } from '../../platform/index.js';

function map(
  name: string,
  type: MapTypeName,
  keySize: number,
  valueSize: number,
  maxEntries: number,
  flags = 0,
): MapSpec {
  return {
    name,
    type,
    typeNumber: mapTypeNumber(type),
    keySize,
    valueSize,
    maxEntries,
    flags,
    extra: 0n,
    pinning: false,
    section: '.maps',
    btfKeyId: 0,
    btfValueId: 0,
  };
}

/** Keys that programs form are small numbers, so tables of a few entries are hit, missed and filled up. */
export const fuzzMaps: readonly MapSpec[] = [
  map('array', 'array', 4, 64, 6),
  map('hash', 'hash', 8, 24, 6),
  map('percpu_array', 'percpu_array', 4, 16, 4),
  map('percpu_hash', 'percpu_hash', 4, 8, 4),
  map('lru', 'lru_hash', 4, 16, 16),
  map('trie', 'lpm_trie', 8, 16, 8, 1),
  map('queue', 'queue', 0, 8, 4),
  map('stack', 'stack', 0, 16, 4),
];
