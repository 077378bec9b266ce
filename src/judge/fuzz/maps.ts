/** The maps that every generated program may use: one of each type whose contents two machines can compare. */
import { type MapSpec, mapSpec } from '../../object/index.js';
import { type MapTypeName, mapFlags } from '../../platform/index.js';

function map(
  name: string,
  type: MapTypeName,
  keySize: number,
  valueSize: number,
  maxEntries: number,
  flags = 0,
): MapSpec {
  return mapSpec({ name, type, keySize, valueSize, maxEntries, flags });
}

/** Strings in the constant section, each at a multiple of 8 bytes. */
const constants = ['GET', 'abc', 'abcdefg', ''];
/** Bytes from one string to the next in the map of constants. */
export const stringStride = 8;
/** Strings in it. */
export const stringCount: number = constants.length;

/** Strings for bpf_strncmp, each at a multiple of {@link stringStride}. */
function constantSection(): Uint8Array {
  const bytes = new Uint8Array(constants.length * stringStride);
  for (const [i, text] of constants.entries()) bytes.set(new TextEncoder().encode(text), i * stringStride);
  return bytes;
}

/** Keys that programs form are small numbers, so tables of a few entries are hit, missed and filled up. */
export const fuzzMaps: readonly MapSpec[] = [
  map('array', 'array', 4, 64, 6),
  map('hash', 'hash', 8, 24, 6),
  map('percpu_array', 'percpu_array', 4, 16, 4),
  map('percpu_hash', 'percpu_hash', 4, 8, 4),
  map('lru', 'lru_hash', 4, 16, 16),
  map('trie', 'lpm_trie', 8, 16, 8, mapFlags.noPrealloc),
  map('queue', 'queue', 0, 8, 4),
  map('stack', 'stack', 0, 16, 4),
  map('lru_percpu', 'lru_percpu_hash', 4, 16, 16),
  map('ringbuf', 'ringbuf', 0, 0, 4096),
  map('events', 'perf_event_array', 4, 4, 4),
  map('devmap', 'devmap', 4, 4, 4),
  map('bloom', 'bloom_filter', 0, 8, 32, mapFlags.zeroSeed),
  map('inner', 'array', 4, 16, 3),
  {
    ...map('outer', 'array_of_maps', 4, 4, 3),
    inner: map('inner', 'array', 4, 16, 3),
    init: { kind: 'maps', slots: new Map([[0, 13]]) },
  },
  {
    ...map('.rodata', 'array', 4, constants.length * stringStride, 1, mapFlags.rdonlyProg),
    section: '.rodata',
    init: { kind: 'data', bytes: constantSection() },
  },
  {
    ...map('programs', 'prog_array', 4, 4, 4),
    init: {
      kind: 'programs',
      slots: new Map([
        [0, 'tail_0'],
        [1, 'tail_1'],
      ]),
    },
  },
];

/** Index of the map of that name. */
export function fuzzMap(name: string): number {
  return fuzzMaps.findIndex((spec) => spec.name === name);
}
