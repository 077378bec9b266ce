/** What `run` and `trace` ask first: would Linux load the program? */
import { type Content, contentOf, type ExitCode, exitCodes, type ResultStore, UserError } from '../base/index.js';
import { encodeInsns } from '../isa/index.js';
import type { ObjectSpec, ProgramSpec } from '../object/index.js';
import { verify } from '../verifier/index.js';
import { placeOf } from '../vm/index.js';

/** Linux would not load the program: a negative answer, exit 1. */
class RejectedError extends UserError {
  readonly exitCode: ExitCode = exitCodes.negative;
  readonly code: string = 'rejected';
}

/** The program and those that it may tail-call from the start. Throws when one of them is rejected. */
export function requireVerified(
  object: ObjectSpec,
  program: ProgramSpec,
  store: ResultStore | undefined,
): ReadonlySet<ProgramSpec> {
  const targets = new Set([program.name]);
  for (const map of object.maps) {
    if (map.init?.kind === 'programs') for (const name of map.init.slots.values()) targets.add(name);
  }
  const verified = object.programs.filter(({ name }) => targets.has(name));
  for (const candidate of verified) {
    const content = store === undefined ? [] : verdictContent(object, candidate);
    // Only acceptance is kept: whoever is refused wants to read why.
    if (store?.load(kind, content) !== undefined) continue;
    const result = verify(candidate, object.maps, { btf: object.btf, license: object.license, logLevel: 0 });
    const failure = result.failures[0];
    if (result.accepted) store?.save(kind, content, new Uint8Array(0));
    if (result.accepted || failure === undefined) continue;
    throw new RejectedError(
      `Linux would not load \`${candidate.name}\`: ${failure.message}`,
      placeOf(candidate, failure.insn, object.name),
      '`jitnic verify` explains it; `--no-verify` runs it all the same, on the interpreter only',
    );
  }
  return new Set(verified);
}

const kind = 'accepted';

/** All that the verifier reads. */
function verdictContent(object: ObjectSpec, { insns, lines: _, ...program }: ProgramSpec): Content {
  const { maps, license, btf } = object;
  return contentOf({ program, insns: encodeInsns(insns), maps, license, btf: btf?.bytes });
}
