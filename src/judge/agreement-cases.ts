/** Programs to ask two verifiers about: those of object files and generated ones. For lines of JSON see agreement-lines.ts. */
import { type ObjectSpec, type ProgramSpec, xdpFitness } from '../object/index.js';
import { Prng } from '../packet/index.js';
import { generatePrograms } from './fuzz/generate.js';
import { programObject } from './fuzz/program-object.js';

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

/** The XDP programs of an object file. Maps that a loader would size are given entries, so that they can be created. */
export function objectCases(object: ObjectSpec, category = 'objects'): AgreementCase[] {
  const maps = object.maps.map((map) =>
    map.maxEntries === 0 && map.type !== 'perf_event_array' ? { ...map, maxEntries: 64 } : map,
  );
  const sized: ObjectSpec = { ...object, maps };
  const declared = object.programs.filter((program) => xdpFitness(program) === 'declared');
  const programs =
    declared.length > 0 ? declared : object.programs.filter((program) => xdpFitness(program) === 'possible');
  return programs.map((program) => ({
    name: `${object.name} ${program.name}`,
    category,
    program,
    object: sized,
    expected: undefined,
    skipped: undefined,
  }));
}
