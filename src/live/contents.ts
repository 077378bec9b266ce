/**
 * Contents of a map that user space can read, and the promise that they are what the map holds at an epoch.
 *
 * It is read as behind a sequence lock: the guard before and after, and again if anything changed or was under way.
 * The promise holds for maps that are watched before the first look, and that nothing but bpf(2) changes.
 */
import type { Bpf } from '../linux/index.js';
import type { KnownEntry } from './specialise.js';
import { type GuardState, readGuard } from './watcher.js';

/** What was read while nothing changed. */
export interface Steady<T> {
  readonly epoch: bigint;
  readonly value: T;
}

/** Reads while nothing changes; undefined: something changed each time. */
export function readSteady<T>(bpf: Bpf, guardFd: number, read: () => T, tries = 3): Steady<T> | undefined {
  for (let i = 0; i < tries; i++) {
    const before: GuardState = readGuard(bpf, guardFd);
    if (before.active !== 0n) continue;
    const value = read();
    const after = readGuard(bpf, guardFd);
    if (after.epoch === before.epoch && after.active === 0n) return { epoch: before.epoch, value };
  }
  return undefined;
}

/** All entries of a hash or trie; undefined: more than `most`. */
export function allEntries(
  bpf: Bpf,
  fd: number,
  sizes: { readonly keySize: number; readonly valueSize: number },
  most: number,
): KnownEntry[] | undefined {
  const entries: KnownEntry[] = [];
  for (const key of bpf.mapKeys(fd, sizes.keySize)) {
    if (entries.length === most) return undefined;
    const value = bpf.mapLookup(fd, key, sizes.valueSize);
    if (typeof value !== 'number') entries.push({ key, value });
  }
  return entries;
}

/** The entry that a key finds. */
export function entryAt(bpf: Bpf, fd: number, key: Uint8Array, valueSize: number): KnownEntry {
  const value = bpf.mapLookup(fd, key, valueSize);
  return { key, value: typeof value === 'number' ? undefined : value };
}
