/**
 * Results on disk, a file each. In it stands what the result follows from, all of it, and that is compared:
 *
 *     "jitnic" 2 0 | u32 bytes of the key | u32 sum of the result | key, padded to 4 bytes | result
 *
 * The key is build, kind and content, each with its length; where it is long (BTF of a kernel has megabytes) its
 * SHA-256. Node takes longer to load what makes one than to do all else here, and most runs need none. The file's name
 * only says where to look: results whose keys have one name take each other's place.
 *
 * A file that is anything else is no result, and the next one takes its place. Files are written beside and renamed,
 * so other processes see all of a result or nothing. Whatever the file system refuses means that nothing is kept: a
 * cache is never a reason to fail.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Content, ResultStore } from '../base/index.js';

/** The last two bytes are a version of the format and 0. */
const magic = Buffer.from('jitnic\x02\x00', 'latin1');
const headerSize = magic.length + 8;

/** Bytes of all files together. */
const defaultCapacity = 64 << 20;

/** A longer key is not kept: its SHA-256 is. */
const longestKey = 1 << 20;

/** Bytes of each part that a file's name follows from. */
const mostSampled = 4096;

/**
 * Our own files: finished ones, and those that a process which was ended left half written (its id behind the dot).
 * Those of earlier versions have longer names.
 */
const fileName = /^([0-9a-f]{16}|[0-9a-f]{64})(\.[0-9]+)?$/;

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
    const parts = this.partsOf(kind, content);
    const path = this.pathOf(parts);
    try {
      const file = readFileSync(path);
      const key = keyOf(parts);
      const start = headerSize + key.length;
      if (file.length < start || !file.subarray(0, magic.length).equals(magic)) return undefined;
      if (file.readUInt32LE(magic.length) !== key.length || !file.subarray(headerSize, start).equals(key))
        return undefined;
      const result = new Uint8Array(file.subarray(start));
      if (file.readUInt32LE(magic.length + 4) !== sumOf(result)) return undefined;
      const now = new Date();
      // The time of a file is that of its last use: eviction goes by it.
      utimesSync(path, now, now);
      return result;
    } catch {
      return undefined;
    }
  }

  save(kind: string, content: Content, result: Uint8Array): void {
    const parts = this.partsOf(kind, content);
    const path = this.pathOf(parts);
    const written = `${path}.${process.pid}`;
    try {
      mkdirSync(this.directory, { recursive: true, mode: 0o700 });
      const key = keyOf(parts);
      const sizes = Buffer.alloc(8);
      sizes.writeUInt32LE(key.length, 0);
      sizes.writeUInt32LE(sumOf(new Uint8Array(result)), 4);
      writeFileSync(written, Buffer.concat([magic, sizes, key, result]), { mode: 0o600 });
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

  /** What a result follows from, and the build: a new build never takes what an old one wrote. */
  private partsOf(kind: string, content: Content): readonly Buffer[] {
    return [this.build, kind, ...content].map((part) =>
      typeof part === 'string' ? Buffer.from(part) : Buffer.from(part.buffer, part.byteOffset, part.length),
    );
  }

  private pathOf(parts: readonly Buffer[]): string {
    return join(this.directory, nameOf(parts));
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

/** All of the parts, each with its length before it, in whole words. */
function keyOf(parts: readonly Buffer[]): Buffer {
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  const pieces = parts.flatMap((part) => [Buffer.from(`${part.length} `), part]);
  if (size > longestKey) {
    const { createHash } = createRequire(import.meta.url)('node:crypto') as typeof import('node:crypto');
    const hash = createHash('sha256');
    for (const piece of pieces) hash.update(piece);
    return hash.digest();
  }
  const key = Buffer.concat(pieces);
  return key.length % 4 === 0 ? key : Buffer.concat([key, Buffer.alloc(4 - (key.length % 4))]);
}

const prime = 0x01000193;

/** Sixteen hex digits from the length of each part and some of its bytes: FNV-1a and a relative of it. */
function nameOf(parts: readonly Buffer[]): string {
  let a = 0x811c9dc5;
  let b = 0;
  for (const part of parts) {
    const step = Math.ceil(part.length / mostSampled);
    a = Math.imul(a ^ part.length, prime);
    for (let at = 0; at < part.length; at += step) {
      const byte = part[at] as number;
      a = Math.imul(a ^ byte, prime);
      b = Math.imul(b + byte + 1, 0x9e3779b1);
    }
  }
  return [a, b ^ (b >>> 15)].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('');
}

/** FNV-1a by words, over bytes that begin at one, and their number: a change of a word is always seen. */
function sumOf(bytes: Uint8Array): number {
  let sum = bytes.length;
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
  for (let i = 0; i < words.length; i++) sum = Math.imul(sum ^ (words[i] as number), prime);
  for (let i = words.length << 2; i < bytes.length; i++) sum = Math.imul(sum ^ (bytes[i] as number), prime);
  return sum >>> 0;
}
