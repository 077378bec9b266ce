/** The examples as tests use them: object, program, map contents. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type ObjectSpec, type ProgramSpec, readObject } from '../../src/object/index.js';
import { Verdicts } from '../../src/verifier/index.js';
import { type MapsFile, parseMapsFile } from '../../src/vm/map-json.js';

const root = fileURLToPath(new URL('../../examples/', import.meta.url));

/** All of them, by name. */
export const exampleNames: readonly string[] = readdirSync(root).filter((name) =>
  existsSync(`${root}${name}/${name}.o`),
);

export interface Example {
  /** Path of its folder, with a slash at the end. */
  readonly folder: string;
  readonly object: ObjectSpec;
  /** First program of the object. */
  readonly first: ProgramSpec;
  /** Last one that is attached as plain XDP: where there are several, the one that packets come to. */
  readonly main: ProgramSpec;
  /** What the verifier says of its programs, for whoever need not ask anew. */
  readonly verdicts: Verdicts;
  /** Undefined where it has no map file. */
  readonly maps: { readonly contents: MapsFile; readonly file: string } | undefined;
}

const opened = new Map<string, Example>();

/** Read once, and verified once: both are values, and a worker goes through many files of tests. */
export function openExample(name: string): Example {
  const example = opened.get(name) ?? readExample(name);
  opened.set(name, example);
  return example;
}

function readExample(name: string): Example {
  const folder = `${root}${name}/`;
  const object = readObject(readFileSync(`${folder}${name}.o`), { name });
  const [first] = object.programs;
  const main = object.programs.filter(({ attach }) => attach === 'xdp').at(-1);
  if (first === undefined || main === undefined) throw new Error(`${name} has no program`);
  const file = `${folder}${name}.maps.json`;
  const maps = existsSync(file) ? { contents: parseMapsFile(readFileSync(file, 'utf8'), file), file } : undefined;
  return { folder, object, first, main, maps, verdicts: Verdicts.of(object) };
}
