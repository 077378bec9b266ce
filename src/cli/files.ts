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
    // As it is: what goes to a file is no text for a terminal.
    io.out(typeof content === 'string' ? new TextEncoder().encode(content) : content);
    return;
  }
  try {
    await writeFile(path, content);
  } catch (error) {
    throw fileError(error, path);
  }
}

/** What the file system said, as an InputError; what it did not say, as it is. */
export function fileError(error: unknown, path: string): unknown {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' ? new InputError(ioReason(code), { file: path }) : error;
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EDQUOT: 'no space left for this user',
  EFBIG: 'grows beyond the largest file',
  EIO: 'the device reports an error',
  EISDIR: 'is a directory',
  ELOOP: 'its symbolic links go in a circle',
  EMFILE: 'too many open files',
  ENAMETOOLONG: 'its name is too long',
  ENODEV: 'no such device',
  ENOENT: 'no such file',
  ENOSPC: 'no space left',
  ENOTDIR: 'a part of the path is no directory',
  ENXIO: 'no such device',
  EPERM: 'not permitted',
  EPIPE: 'its reader is gone',
  EROFS: 'file system is read-only',
  ERR_FS_FILE_TOO_LARGE: 'is larger than 2 GiB',
  ESTALE: 'the file is gone',
  ETXTBSY: 'is being executed',
};

/** An error code of Node's in words. */
export function ioReason(code: string | undefined): string {
  return reasons[code ?? ''] ?? `cannot be read or written (${code ?? 'no reason given'})`;
}
