/**
 * What programs do with the words of a map's values. The unit that adds atomically wants them in big endian, all else
 * in little endian, so a word is either read or added to, in all programs that share the map; and a word that was
 * filled with anything but zero before the driver knew that it is a counter can't become one. What is found out stays
 * with the map, also where the program is refused in the end.
 */

/** What a word is used for: enum nfp_bpf_map_use of main.h. It leaves `unused` once, and never changes again. */
export const wordUses = ['unused', 'read', 'write', 'atomic'] as const;

/** One of {@link wordUses}. */
export type WordUse = (typeof wordUses)[number];

/** What is known of a word. */
export interface WordRecord {
  use: WordUse;
  /** Something that reads differently in the other byte order may stand there. */
  nonZero: boolean;
}

/** Words of the values of one map, in order: 4 bytes each, the last may be cut short. */
export type MapUse = WordRecord[];

/** Nothing is known yet. */
export function newMapUse(valueSize: number): MapUse {
  return Array.from({ length: Math.ceil(valueSize / 4) }, () => ({ use: 'unused', nonZero: false }));
}

/**
 * A value with the words that are added to in the other byte order: what the card holds, or what it is for the host.
 * It is its own inverse, so one function serves both ways.
 */
export function swapCounters(use: MapUse, value: Uint8Array): Uint8Array {
  const swapped = value.slice();
  for (const [i, word] of use.entries())
    if (word.use === 'atomic') swapped.set(value.slice(4 * i, 4 * i + 4).reverse(), 4 * i);
  return swapped;
}

/**
 * A value is put before it is known what its words are for: those that are no palindromes may not
 * become counters (nfp_map_bpf_byte_swap_record). Zero is one, which is why a fresh value is no obstacle.
 */
export function recordValue(use: MapUse, value: Uint8Array): void {
  for (const [i, word] of use.entries()) {
    const bytes = [0, 1, 2, 3].map((b) => value[4 * i + b] ?? 0);
    const isSame = bytes[0] === bytes[3] && bytes[1] === bytes[2];
    if (word.use === 'unused' && !isSame) word.nonZero = true;
  }
}
