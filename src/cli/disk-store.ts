/**
 * Results on disk, a file each, named by the SHA-256 of what they follow from and of the build that made them. In a
 * file:
 *
 *     "jitnic" 1 0 | SHA-256 of the file's name and the result, 32 bytes | result
 *
 * A file that is anything else is no result, and the next one takes its place. Files are written beside and renamed,
 * so other processes see all of a result or nothing. Whatever the file system refuses means that nothing is kept: a
 * cache is never a reason to fail.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Content, ResultStore } from '../base/index.js';

/** The last two bytes are a version of the format and 0. */
const magic = Buffer.from('jitnic\x01\x00', 'latin1');
const headerSize = magic.length + 32;

/** Bytes of all files together. */
const defaultCapacity = 64 << 20;

/**
 * Our own files: finished ones, and those that a process which was ended left half written (its id behind the dot).
 */
const fileName = /^[0-9a-f]{64}(\.[0-9]+)?$/;

/** Where results are kept, whose they are, and how much room they have. */
export interface DiskStoreOptions {
  readonly directory: string;
  /** Names the code that makes the results. */
  readonly build: string;
  /** Bytes of all files together; default 64 MiB. */
  readonly capacity?: number;
}

/** A {@link ResultStore} in a folder. Several processes may use it at a time; none of them waits for another. */
export class DiskStore implements ResultStore {
  private readonly directory: string;
  private readonly build: string;
  private readonly capacity: number;

  constructor({ directory, build, capacity = defaultCapacity }: DiskStoreOptions) {
    this.directory = directory;
    this.build = build;
    this.capacity = capacity;
  }

  load(kind: string, content: Content): Uint8Array | undefined {
    const path = this.pathOf(kind, content);
    try {
      const file = readFileSync(path);
      if (file.length < headerSize || !file.subarray(0, magic.length).equals(magic)) return undefined;
      const result = file.subarray(headerSize);
      if (!this.sumOf(path, result).equals(file.subarray(magic.length, headerSize))) return undefined;
      const now = new Date();
      // The time of a file is that of its last use: eviction goes by it.
      utimesSync(path, now, now);
      return new Uint8Array(result);
    } catch {
      return undefined;
    }
  }

  save(kind: string, content: Content, result: Uint8Array): void {
    const path = this.pathOf(kind, content);
    const written = `${path}.${process.pid}`;
    try {
      mkdirSync(this.directory, { recursive: true, mode: 0o700 });
      writeFileSync(written, Buffer.concat([magic, this.sumOf(path, result), result]), { mode: 0o600 });
      renameSync(written, path);
      this.evict();
    } catch {
      attempt(() => rmSync(written, { force: true }));
    }
  }

  /** Removes what was not used for longest until the rest fits. Files that are not ours are left alone. */
  private evict(): void {
    const files = readdirSync(this.directory)
      .filter((name) => fileName.test(name))
      .map((name) => {
        const path = join(this.directory, name);
        const { size, mtimeMs } = statSync(path);
        return { path, size, mtimeMs };
      })
      .sort((a, b) => a.mtimeMs - b.mtimeMs);
    let size = files.reduce((sum, file) => sum + file.size, 0);
    for (const file of files) {
      if (size <= this.capacity) return;
      rmSync(file.path, { force: true });
      size -= file.size;
    }
  }

  /** Covers the name too: a file that was renamed or copied over another is no result. */
  private sumOf(path: string, result: Uint8Array): Buffer {
    return sha256([basename(path), result]);
  }

  /** What a result follows from, and the build, name its file: a new build never reads what an old one wrote. */
  private pathOf(kind: string, content: Content): string {
    return join(this.directory, sha256([this.build, kind, ...content]).toString('hex'));
  }
}

/** Does something whose failure changes nothing. */
function attempt(action: () => void): void {
  try {
    action();
  } catch {
    // Nothing was kept, then.
  }
}

/** Of the parts, each with its length before it. */
function sha256(parts: Content): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${part.length} `).update(part);
  return hash.digest();
}
