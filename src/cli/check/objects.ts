/** Folders of object files, as the tools take them. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { InputError, UserError } from '../../base/index.js';
import { hostKernel } from '../../linux/index.js';
import { type ObjectSpec, parseImage, readObject, writeElf } from '../../object/index.js';

/** An object file that a tool has found. */
export interface ObjectFile {
  /** Path relative to the folder. */
  readonly name: string;
  readonly path: string;
}

/**
 * All `.o` files below a folder, sorted by name; or the one file, which may be a `.s`. Throws InputError when there is
 * none.
 */
export function findObjects(path: string): ObjectFile[] {
  let isFolder: boolean;
  try {
    isFolder = statSync(path).isDirectory();
  } catch {
    throw new InputError('no such file or folder', { file: path });
  }
  if (!isFolder) return [{ name: path, path }];
  const found = readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.name.endsWith('.o') && !entry.isDirectory())
    .map((entry) => relative(path, join(entry.parentPath, entry.name)))
    .sort()
    .map((name) => ({ name, path: join(path, name) }));
  if (found.length === 0) throw new InputError('no `.o` file in this folder', { file: path });
  return found;
}

/** Reads an object file for the running kernel, as far as this machine tells of it. */
export function loadObject(file: ObjectFile): ObjectSpec {
  const bytes = readFileSync(file.path);
  const image = file.path.endsWith('.s') ? writeElf(parseImage(bytes.toString(), file.name)) : bytes;
  return readObject(image, { name: file.name, ...hostKernel() });
}

/**
 * What `use` makes of each object below a folder (or of one file). An object that cannot be read, and one of which
 * nothing comes, gets a line on stderr and is passed over: no tool leaves one out without a word.
 */
export function fromObjects<T>(path: string, use: (object: ObjectSpec, file: ObjectFile) => readonly T[]): T[] {
  return findObjects(path).flatMap((file) => {
    try {
      const made = use(loadObject(file), file);
      if (made.length === 0) console.error(`${file.name}: left out: no XDP program in it`);
      return made;
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      console.error(`left out: ${error.format().split('\n')[0]}`);
      return [];
    }
  });
}
