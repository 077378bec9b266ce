/** Folders of object files, as the tools take them. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { InputError } from '../base/index.js';
import { hostBtf } from '../linux/index.js';
import { type ObjectSpec, parseImage, readObject, writeElf } from '../object/index.js';

export interface ObjectFile {
  /** Path relative to the folder. */
  readonly name: string;
  readonly path: string;
}

/** All `.o` files below a folder, sorted by name; or the one file, which may be a `.s`. Throws InputError when there is none. */
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

/** Reads an object file with CO-RE resolved against the running kernel's BTF, where there is one. */
export function loadObject(file: ObjectFile): ObjectSpec {
  const bytes = readFileSync(file.path);
  const image = file.path.endsWith('.s') ? writeElf(parseImage(bytes.toString(), file.name)) : bytes;
  return readObject(image, { name: file.name, btf: hostBtf() });
}
