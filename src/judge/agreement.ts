/**
 * Our verifier's verdict beside another's: the running kernel's where there is one, else what the case says of itself.
 */
import { UnsupportedError, UserError } from '../base/index.js';
import { type Bpf, KernelObject, type LoadedFd, type LoadRefusal, lastWords, possibleCpus } from '../linux/index.js';
import { errnoName } from '../platform/index.js';
import { verify } from '../verifier/index.js';
import type { AgreementCase } from './agreement-cases.js';

/** What the two said. `laxer`: ours accepts what the other refuses, which is a hole. */
export interface AgreementRow {
  readonly name: string;
  readonly category: string;
  readonly outcome: 'same' | 'laxer' | 'stricter' | 'skipped';
  /** Verdict and words of both, for a disagreement; why, for a skipped case. */
  readonly reason: string;
  /** Instructions that ours checked, and those that the kernel did where it says so. */
  readonly insns: number;
  readonly kernelInsns: number | undefined;
  readonly milliseconds: number;
}

/** One side's verdict. `insns`: instructions that it processed, where that is known. */
interface Judgement {
  readonly accepted: boolean;
  readonly words: string;
  readonly insns: number | undefined;
}

/** The kernel's verdict from what loading came to; the program is closed again. */
function judgedBy(bpf: Bpf, loaded: LoadedFd | LoadRefusal): Judgement {
  if ('fd' in loaded) bpf.close(loaded.fd);
  const insns = /processed (\d+) insns/.exec(loaded.log)?.[1];
  return {
    accepted: 'fd' in loaded,
    words: 'fd' in loaded ? 'accepted' : `${errnoName(loaded.errno)}: ${lastWords(loaded.log)}`,
    insns: insns === undefined ? undefined : Number(insns),
  };
}

/** Loads the case into the running kernel and takes it out again. Throws InputError when its maps cannot be made. */
function kernelJudgement(bpf: Bpf, item: AgreementCase): Judgement {
  const kernel = KernelObject.load(bpf, item.object, { programs: [] });
  try {
    return judgedBy(bpf, kernel.loadProgram(item.program, { logLevel: 4 }));
  } finally {
    kernel.close();
  }
}

/** What our verifier refuses on purpose where Linux does not (docs/verifier.md): it says so in these words. */
const refusedOnPurpose = [
  /^access to (bpf_map|a kernel object) at offset/,
  /^Possibly NULL pointer passed to trusted arg/,
];

/** True for a disagreement that the docs announce. Accepting what Linux rejects is never one. */
export function isOnPurpose(row: AgreementRow): boolean {
  return (
    row.outcome === 'stricter' && refusedOnPurpose.some((words) => words.test(row.reason.replace(/^jitnic: /, '')))
  );
}

/** From the two verdicts: true is accepted. */
export function outcomeOf(ours: boolean, other: boolean): 'same' | 'laxer' | 'stricter' {
  if (ours === other) return 'same';
  return ours ? 'laxer' : 'stricter';
}

/** The kernel's word, else what the case says of itself; or why there is neither. */
function otherJudgement(item: AgreementCase, bpf: Bpf | undefined): Judgement | string {
  let reason = 'no kernel here, and no verdict of its own';
  if (bpf !== undefined) {
    try {
      return kernelJudgement(bpf, item);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      reason = error.format();
    }
  }
  if (item.expected === undefined) return reason;
  return {
    accepted: item.expected,
    words: item.expected ? 'expected to load' : 'expected to be refused',
    insns: undefined,
  };
}

/** What our verifier says, or that the program asks for something of which jitnic knows nothing. */
export function verifyIfSupported<T>(judge: () => T): T | string {
  try {
    return judge();
  } catch (error) {
    if (!(error instanceof UnsupportedError)) throw error;
    return error.message;
  }
}

/** Judges one case. `bpf` undefined: compare with what the case says of itself. */
export function compareVerdicts(item: AgreementCase, bpf: Bpf | undefined): AgreementRow {
  const base = { name: item.name, category: item.category, insns: 0, kernelInsns: undefined, milliseconds: 0 };
  if (item.skipped !== undefined) return { ...base, outcome: 'skipped', reason: item.skipped };
  const other = otherJudgement(item, bpf);
  if (typeof other === 'string') return { ...base, outcome: 'skipped', reason: other };
  const start = performance.now();
  const { maps, btf, kernelBtf, license } = item.object;
  // The kernel knows its own CPUs, and that `bpf_get_smp_processor_id` names no other.
  const cpus = bpf === undefined ? {} : { cpus: possibleCpus() };
  const ours = verifyIfSupported(() => verify(item.program, maps, { btf, kernelBtf, license, logLevel: 0, ...cpus }));
  if (typeof ours === 'string') return { ...base, outcome: 'skipped', reason: ours };
  const milliseconds = performance.now() - start;
  const words = ours.message ?? 'accepted';
  return {
    ...base,
    outcome: outcomeOf(ours.accepted, other.accepted),
    reason: ours.accepted === other.accepted ? '' : `jitnic: ${words}; other: ${other.words}`,
    insns: ours.stats.insns,
    kernelInsns: other.insns,
    milliseconds,
  };
}
