/** What the running kernel says of all programs of a file. */
import { UserError } from '../../base/index.js';
import { acceptances, type Bpf } from '../../linux/index.js';
import { readObject, sizeMaps } from '../../object/index.js';
import type { Refusal } from '../../super/index.js';

/** Asks about files, each one time; refuses nothing where there is no one to ask. */
export function refusalsOf(bpf: Bpf | undefined): (bytes: Uint8Array) => readonly Refusal[] {
  const answers = new Map<Uint8Array, readonly Refusal[]>();
  return (bytes) => {
    const known = answers.get(bytes) ?? (bpf === undefined ? [] : asked(bpf, bytes));
    answers.set(bytes, known);
    return known;
  };
}

function asked(bpf: Bpf, bytes: Uint8Array): Refusal[] {
  const { object } = sizeMaps(readObject(bytes), 64);
  try {
    return acceptances(bpf, object).flatMap(({ program, refusal }) =>
      refusal === undefined ? [] : [{ program, why: refusal }],
    );
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    // A map that can't be made: no program loads, before and after.
    return object.programs.map(({ name }) => ({ program: name, why: error.message }));
  }
}
