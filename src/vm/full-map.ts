/**
 * Maps that are full before a packet comes: what a program does then is a way of its own, and one that is forgotten
 * easily.
 */
import { errno, isPercpuMap } from '../platform/index.js';
import { withArticle } from '../text/index.js';
import type { BpfMap } from './map.js';
import { RingbufMap } from './maps/ringbuf.js';

/** More elements are not made: that would take longer than all else that is done with them. */
const mostElements = 65_536;

/** Types that refuse one element more than they have room for. */
const limited: ReadonlySet<string> = new Set(['hash', 'percpu_hash', 'lpm_trie', 'queue', 'stack']);

/** Why a map cannot be filled; undefined: it can. */
export function cannotBeFull({ spec }: BpfMap): string | undefined {
  if (spec.type === 'ringbuf') return undefined;
  if (!limited.has(spec.type)) return `${withArticle(spec.type)} is never full`;
  return spec.maxEntries > mostElements ? `it has room for ${spec.maxEntries} elements` : undefined;
}

/**
 * Fills a map up: a ring buffer by a record that nobody reads, others by elements whose keys have all upper bits set,
 * so that hardly any program looks for them. False: it is not full now.
 */
export function fillMap(map: BpfMap, cpus: number): boolean {
  if (map instanceof RingbufMap) return map.fill();
  if (cannotBeFull(map) !== undefined) return false;
  const { spec } = map;
  const size = isPercpuMap(spec.type) ? Math.ceil(spec.valueSize / 8) * 8 * cpus : spec.valueSize;
  const value = new Uint8Array(size);
  const key = new Uint8Array(spec.keySize).fill(0xff);
  const view = new DataView(key.buffer);
  const isTrie = spec.type === 'lpm_trie';
  if (isTrie) view.setUint32(0, 8 * (spec.keySize - 4), true);
  // The number that tells keys apart: the last bytes of a trie's, the first ones of others.
  const width = Math.min(4, isTrie ? spec.keySize - 4 : spec.keySize);
  const at = isTrie ? spec.keySize - width : 0;
  for (let i = 0; i <= mostElements + 1; i++) {
    if (width > 0 && i >= 2 ** (8 * width)) return false;
    for (let byte = 0; byte < width; byte++) key[at + byte] = ~i >>> (8 * byte);
    const result = map.updateElem(key, value);
    if (result === -errno.E2BIG || result === -errno.ENOSPC) return true;
    if (result !== 0) return false;
  }
  return false;
}

/**
 * The same for who only asks what a program does then: tables are full of elements that nobody sees, which takes no
 * time. A program that walks over the map, or that looks for just these keys, does see the difference.
 */
export function leaveNoRoom(map: BpfMap, cpus: number): boolean {
  if (cannotBeFull(map) !== undefined) return false;
  return map.takeRoom() || fillMap(map, cpus);
}
