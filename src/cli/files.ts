/** Files that commands read and write: `-` is stdin or stdout, and what the file system refuses is an InputError. */
import { constants, promises, readFile } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { InputError } from '../base/index.js';
import type { Io } from './command.js';

/** A file's bytes; `-` is stdin. */
export async function readInput(path: string, io: Io): Promise<Uint8Array> {
  if (path === '-') return io.readStdin();
  try {
    // A plain array: what is cut from a Buffer is a Buffer, and tests and JSON tell them apart.
    return new Uint8Array(await contentOf(path));
  } catch (error) {
    throw fileError(error, path);
  }
}

/** As `promises.readFile`; Node loads `promises` when it is first asked for, and most commands only read. */
const contentOf = (path: string): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    readFile(path, (error, bytes) => (error === null ? resolve(bytes) : reject(error)));
  });

/**
 * Writes a result to a file; `-` is stdout. A file is there whole or not at all: what is written goes beside it and
 * takes its place at the end, so that a full disk or Ctrl-C leaves the old one. Devices, pipes and what cannot be
 * replaced are written to as they are.
 */
export async function writeOutput(
  path: string,
  content: string | Uint8Array | Iterable<string>,
  io: Io,
): Promise<void> {
  const pieces = typeof content === 'string' || content instanceof Uint8Array ? [content] : [...inChunks(content)];
  if (path === '-') {
    // As it is: what goes to a file is no text for a terminal.
    for (const piece of pieces) io.out(typeof piece === 'string' ? new TextEncoder().encode(piece) : piece);
    return;
  }
  try {
    const target = await replaceable(path);
    if (target === undefined) await promises.writeFile(path, pieces);
    else await replaceFile(target, pieces);
  } catch (error) {
    throw fileError(error, path);
  }
}

/** Small pieces joined to some that are worth a system call. */
function* inChunks(pieces: Iterable<string>): IterableIterator<string> {
  let chunk = '';
  for (const piece of pieces) {
    chunk += piece;
    if (chunk.length < 1 << 18) continue;
    yield chunk;
    chunk = '';
  }
  yield chunk;
}

/** A file that a new one may take the place of, links followed, and its mode if it is there. */
export interface Replaceable {
  readonly path: string;
  readonly mode: number | undefined;
}

/** Where the new one is written until it is whole. */
export function besideOf({ path }: Replaceable): string {
  return join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
}

/** What may be replaced; undefined: write into what is there. */
export async function replaceable(path: string): Promise<Replaceable | undefined> {
  const found = await promises
    .stat(path)
    .catch((error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? undefined : error));
  if (found instanceof Error) throw found;
  if (found === undefined) {
    const link = await promises.lstat(path).catch(() => undefined);
    // A link to nothing: the file that it names is to be made.
    return link?.isSymbolicLink() === true ? undefined : { path, mode: undefined };
  }
  // Replacing one of several names would part it from the others, and another's file would become ours.
  const isOwn = found.isFile() && found.nlink === 1 && found.uid === (process.geteuid?.() ?? found.uid);
  if (!isOwn) return undefined;
  await promises.access(path, constants.W_OK);
  return { path: await promises.realpath(path), mode: found.mode & 0o7777 };
}

/** Writes beside the file and renames. The mode is set twice: `writeFile` obeys the umask, `chmod` does not. */
async function replaceFile(target: Replaceable, pieces: Iterable<string | Uint8Array>): Promise<void> {
  const beside = besideOf(target);
  try {
    await promises.writeFile(beside, pieces, { flag: 'wx', mode: target.mode ?? 0o666 });
    if (target.mode !== undefined) await promises.chmod(beside, target.mode);
    await promises.rename(beside, target.path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') await promises.rm(beside, { force: true });
    if (!mayWriteInto(target, error)) throw error;
    await promises.writeFile(target.path, pieces);
  }
}

/** A folder in which no file may be made can hold one that may be written. */
export function mayWriteInto({ mode }: Replaceable, error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return mode !== undefined && (code === 'EACCES' || code === 'EROFS' || code === 'EPERM');
}

/** What the file system said, as an InputError; what it did not say, as it is. */
export function fileError(error: unknown, path: string): unknown {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' ? new InputError(ioReason(code), { file: path }) : error;
}

/** Error numbers in words that go on behind a file's name. */
const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EADDRINUSE: 'another process listens there',
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
