import { InputError, UsageError } from '../base/index.js';
import type { ObjectSpec, ProgramSpec } from './spec.js';
import { findPrograms, xdpPrograms } from './xdp-fitness.js';

/**
 * The program of that name or section; without a name the only XDP program there is. Throws UsageError that lists the
 * programs where none or several are meant, InputError where the object has none at all.
 */
export function pickProgram(object: ObjectSpec, name?: string): ProgramSpec {
  const found = name === undefined ? xdpPrograms(object) : findPrograms(object, name);
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  if (object.programs.length === 0) throw new InputError('has no program', { file: object.name });
  const list = `programs: ${object.programs.map((program) => `\`${program.name}\` (${program.section})`).join(', ')}`;
  if (name !== undefined)
    throw new UsageError(
      `${found.length === 0 ? 'no' : 'more than one'} program or section \`${name}\``,
      { file: object.name },
      list,
    );
  throw new UsageError(
    found.length === 0 ? 'no XDP program' : `${found.length} XDP programs, which one?`,
    { file: object.name },
    list,
  );
}
