/** `jitnic scr analyze` as a value: what of a program is state, what cores have to be told, and whether that will do.
 * */

import { UnsupportedError } from '../base/index.js';
import { Unsupported } from '../ir/index.js';
import type { ObjectSpec, ProgramSpec } from '../object/index.js';
import { checkSlice, type Finding } from './analysis-checks.js';
import { ScrCode } from './analysis-code.js';
import { sliceOf } from './analysis-slice.js';
import type { StateMap } from './analysis-state.js';
import { addedBytes, coresThatFit } from './layout.js';
import { layoutFor, type Metadata, metadataOf } from './metadata.js';
import { compileReplay } from './replay-code.js';

/** Numbers of cores that are printed. */
export const tabledCores: readonly number[] = [1, 2, 4, 8, 14, 16, 32, 64];

/** What becomes of a program. */
export type ScrVerdict =
  /** It writes no state: any number of cores runs it as it is. */
  | 'no state'
  | 'replicable'
  /** See the findings. */
  | 'not replicable';

/** All that is known of a program. */
export interface ScrAnalysis {
  readonly program: ProgramSpec;
  readonly maps: readonly StateMap[];
  readonly verdict: ScrVerdict;
  readonly findings: readonly Finding[];
  readonly metadata: Metadata;
  /** Most cores whose frames fit (layout.ts). */
  readonly mostCores: number;
  /** Instructions that replay one item, all of the code; undefined where there is none, and then why. */
  readonly replay: { readonly insns: number } | { readonly why: string } | undefined;
  /** Bytes before each packet by number of cores, for those of {@link tabledCores} that fit. */
  readonly added: readonly { readonly cores: number; readonly bytes: number }[];
}

/** Throws RejectedError for a program that Linux would not load, UnsupportedError for one that has no IR. */
export function analyzeScr(object: ObjectSpec, program: ProgramSpec): ScrAnalysis {
  const scr = codeOf(object, program);
  const slice = sliceOf(scr);
  const metadata = metadataOf(slice);
  const findings = checkSlice(slice);
  const isRefused = findings.some(({ weight }) => weight === 'refusal');
  const hasState = scr.roots.size > 0;
  const verdict = isRefused ? 'not replicable' : hasState ? 'replicable' : 'no state';
  const mostCores = hasState ? coresThatFit(metadata.layout) : 64;
  const compiled = verdict === 'replicable' ? compileReplay(metadata) : undefined;
  const replay =
    compiled === undefined
      ? undefined
      : compiled.kind === 'code'
        ? { insns: compiled.code.insns.length }
        : { why: compiled.why };
  const added = tabledCores.map((cores) => ({ cores, bytes: addedBytes(layoutFor(metadata, cores)) }));
  return { program, maps: scr.maps, verdict, findings, metadata, mostCores, replay, added };
}

function codeOf(object: ObjectSpec, program: ProgramSpec): ScrCode {
  try {
    return new ScrCode(object, program);
  } catch (error) {
    if (!(error instanceof Unsupported)) throw error;
    throw new UnsupportedError(error.message, { file: object.name, section: program.section, insn: error.insn });
  }
}
