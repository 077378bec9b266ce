/**
 * What a look-up loads from memory, as a formula over what it walks over: elements of a chain, nodes of a trie. Maps
 * are priced: a contract that takes a look-up for one operation is wrong by as much as the map is full.
 *
 * The sums are those of our own maps (`vm/maps`), which count what they load; chains and tries have the shape that
 * they have in Linux (kernel/bpf/hashtab.c, lpm_trie.c), so the variables mean the same there.
 */
import type { MapSpec } from '../object/index.js';
import { helperId, helperName, isArrayMap, kfuncName, type MapTypeName } from '../platform/index.js';

/** Loads of one look-up: so many always, and so many for each of what it walks over. */
export interface LookupLoads {
  readonly always: number;
  /** More, where the key is there. */
  readonly found: number;
  readonly probes: number;
  readonly nodes: number;
  readonly words: number;
  readonly descents: number;
}

const none: LookupLoads = { always: 0, found: 0, probes: 0, nodes: 0, words: 0, descents: 0 };

const hashes: readonly MapTypeName[] = ['hash', 'percpu_hash', 'lru_hash', 'lru_percpu_hash'];

/** Undefined for types whose look-ups have no formula here. */
export function lookupLoads({ type, keySize }: MapSpec): LookupLoads | undefined {
  if (isArrayMap(type)) return { ...none, always: 1 };
  if (hashes.includes(type)) {
    // The key's words for the hash, and the bucket. Each element of the chain: its hash, then its link unless it is
    // the one; there both keys are read, and an LRU map looks whether it is marked as used.
    const isLru = type.startsWith('lru');
    return { ...none, always: hashLoads(keySize) + 1, probes: 2, found: comparedLoads(keySize) - 1 + (isLru ? 1 : 0) };
  }
  // Of an address whose length is no multiple of four bytes the last word is read byte by byte.
  if (type === 'lpm_trie' && (keySize - 4) % 4 === 0) return { ...none, always: 2, nodes: 2, words: 2, descents: 3 };
  return undefined;
}

/** Words and single bytes that hashing a key reads: three words at a time, the last one to twelve bytes apart. */
function hashLoads(keySize: number): number {
  let left = keySize;
  let loads = 0;
  for (; left > 12; left -= 12) loads += 3;
  for (let at = 0; at < left; at += 4) loads += left - at >= 4 ? 1 : left - at;
  return loads;
}

/** Both keys of a comparison that finds them equal. */
function comparedLoads(keySize: number): number {
  return 2 * (Math.floor(keySize / 4) + (keySize % 4));
}

/** The same of a call: undefined where it is no look-up, or has no formula. */
export function callLoads(helper: number, spec: MapSpec | undefined): LookupLoads | undefined {
  return helper === helperId.map_lookup_elem && spec !== undefined ? lookupLoads(spec) : undefined;
}

/** What a call is called in names of variables: the helper, and the map that it is given. */
export function callName(helper: number, map: string | undefined): string {
  const name = helperName(helper) ?? kfuncName(helper) ?? `helper ${helper}`;
  return map === undefined ? name : `${name}, ${map}`;
}
