/** Files that commands read and write: `-` is stdin or stdout, and what the file system refuses is an InputError. */
import { readFile, writeFile } from 'node:fs/promises';
import { InputError } from '../base/index.js';
import type { Io } from './command.js';

/** A file's bytes; `-` is stdin. */
export async function readInput(path: string, io: Io): Promise<Uint8Array> {
  if (path === '-') return io.readStdin();
  try {
    // A plain array: what is cut from a Buffer is a Buffer, and tests and JSON tell them apart.
    return new Uint8Array(await readFile(path));
  } catch (error) {
    throw fileError(error, path);
  }
}

/** Writes a result to a file; `-` is stdout. */
export async function writeOutput(path: string, content: string | Uint8Array, io: Io): Promise<void> {
  if (path === '-') {
    io.out(content);
    return;
  }
  try {
    await writeFile(path, content);
  } catch (error) {
    throw fileError(error, path);
  }
}

/** What the file system said, as an InputError. */
export function fileError(error: unknown, path: string): unknown {
  const code = (error as { code?: unknown }).code;
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: 'no such file',
    EACCES: 'permission denied',
    EISDIR: 'is a directory',
    ENOTDIR: 'a part of the path is no directory',
    ENOSPC: 'no space left',
    EROFS: 'file system is read-only',
  };
  if (typeof code !== 'string') return error;
  return new InputError(reasons[code] ?? `cannot be opened (${code})`, { file: path });
}
