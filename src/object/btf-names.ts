/**
 * Finds types by name among a kernel's 150,000. A table of strings would take longer to fill than all look-ups of a
 * program take together, so names are hashed where they lie, as bytes, and chained in typed arrays:
 *
 *     heads[hash & mask] -> id -> next[id] -> ... -> 0
 *
 * The hash covers the name up to a `___flavor`, so that all flavors of a name are in one chain.
 */
import { encodeUtf8 } from '../base/index.js';

const underscore = 0x5f;

/** Longest part of a name that is hashed. */
const hashed = 512;

/** FNV-1a. */
const seed = 0x811c9dc5;
const prime = 0x01000193;

/** FNV-1a over the first bytes of a name, which is enough to tell most names apart. */
function hashAll(bytes: Uint8Array): number {
  let hash = seed;
  for (const byte of bytes.subarray(0, hashed)) hash = Math.imul(hash ^ byte, prime);
  return hash >>> 0;
}

/** Hash of the bytes of a name up to its flavor; the name ends at a zero byte. */
function hashEssential(bytes: Uint8Array, start: number): number {
  let hash = seed;
  // A flavor begins with exactly three underscores between other characters; what was hashed before the last such run
  // counts.
  let essential = 0;
  let before = 0;
  let run = 0;
  let cut = false;
  const end = Math.min(bytes.length, start + hashed);
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? 0;
    if (byte === 0) break;
    if (byte === underscore) {
      if (run === 0) before = hash;
      run++;
    } else {
      if (run === 3 && at - 3 > start) {
        essential = before;
        cut = true;
      }
      run = 0;
    }
    hash = Math.imul(hash ^ byte, prime);
  }
  return (cut ? essential : hash) >>> 0;
}

/**
 * The chains: a look-up hashes the name's bytes, walks one chain and compares bytes, so no string is made for any of
 * the types that are
 * not asked for. Ids come back in ascending order, as libbpf sees them.
 */
export class NameIndex {
  private readonly mask: number;
  private readonly heads: Int32Array;
  private readonly next: Int32Array;

  /** `nameOffset` gives where a type's name lies in `strings`; 0 for anonymous types. */
  constructor(strings: Uint8Array, count: number, nameOffset: (id: number) => number) {
    let size = 16;
    while (size < count) size *= 2;
    this.mask = size - 1;
    this.heads = new Int32Array(size);
    this.next = new Int32Array(count);
    // From the last to the first, so that a chain is in order of id.
    for (let id = count - 1; id > 0; id--) {
      const offset = nameOffset(id);
      if (offset === 0 || offset >= strings.length) continue;
      const bucket = hashEssential(strings, offset) & this.mask;
      this.next[id] = this.heads[bucket] ?? 0;
      this.heads[bucket] = id;
    }
  }

  /** Ids of types whose name may be `essential` with any flavor, in order; the caller compares. */
  *mayBe(essential: string): Generator<number> {
    const bytes = encodeUtf8(essential);
    for (let id = this.heads[hashAll(bytes) & this.mask] ?? 0; id !== 0; id = this.next[id] ?? 0) {
      yield id;
    }
  }
}
