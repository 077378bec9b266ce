/**
 * Programs to ask two verifiers about: those of object files and generated ones. For lines of JSON see
 * agreement-lines.ts.
 */
import { type ObjectSpec, type ProgramSpec, sizeMaps, xdpCandidates } from '../object/index.js';
import { Prng } from '../packet/index.js';
import { generatePrograms } from './fuzz/generate.js';
import { programObject } from './fuzz/program-object.js';

/** A program to ask both verifiers about. */
export interface AgreementCase {
  readonly name: string;
  readonly category: string;
  readonly program: ProgramSpec;
  /** What the program is part of: maps, BTF, licence. */
  readonly object: ObjectSpec;
  /** What the line says: does it load? */
  readonly expected: boolean | undefined;
  /** Why it is not judged at all. */
  readonly skipped: string | undefined;
}

/** The object that the fuzzer generates from a seed: the same one for the same seed. */
export function generatedObject(seed: number): ObjectSpec {
  return programObject(generatePrograms(new Prng(seed)), `generated-${seed}`);
}

/** Entries of maps whose size the object leaves to its loader. */
const openMapEntries = 64;

/**
 * The XDP programs of an object file. Maps that a loader would size are given entries, so that they can be created.
 */
export function objectCases(object: ObjectSpec, category = 'objects'): AgreementCase[] {
  const sized = sizeMaps(object, openMapEntries).object;
  return xdpCandidates(object).map((program) => ({
    name: `${object.name} ${program.name}`,
    category,
    program,
    object: sized,
    expected: undefined,
    skipped: undefined,
  }));
}
