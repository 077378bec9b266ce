/**
 * Mutants of known programs, judged by our verifier and by the running kernel's. What ours accepts and the kernel
 * refuses is a hole; the other way round is a nuisance. Cases get mutants in inverse proportion to their length, so
 * that time goes to many programs.
 */
import { InputError } from '../../base/index.js';
import { type Bpf, KernelObject, lastWords } from '../../linux/index.js';
import { Prng } from '../../packet/index.js';
import { type VerifyResult, verify } from '../../verifier/index.js';
import { type AgreementRow, outcomeOf, verifyIfSupported } from '../agreement.js';
import type { AgreementCase } from '../agreement-cases.js';
import { mutateProgram } from './mutate-insns.js';
import { mutateMaps } from './mutate-maps.js';

/** Size of a campaign. Equal options give equal mutants. */
export interface MutantOptions {
  /** Mutants in all. */
  readonly count: number;
  readonly seed: number;
  /** Called for every mutant on which the two disagree. */
  readonly disagreement: (mutant: AgreementCase, row: AgreementRow) => void;
}

/** Counts of a campaign; `laxer` is what must be 0. */
export interface MutantResult {
  judged: number;
  /** Accepted by both. */
  accepted: number;
  same: number;
  stricter: number;
  laxer: number;
  /** Instructions that ours checked, and seconds that it took. */
  insns: number;
  seconds: number;
}

/** A program of this many slots gets half as many mutants as a tiny one. */
const halfWeight = 48;
/** Mutants that share one set of maps, and how often that is not the program's own. */
const batch = 8;
const otherMaps = 0.35;

/** Short programs get more mutants for each of their instructions than long ones. */
export function judgeMutants(bpf: Bpf, cases: readonly AgreementCase[], options: MutantOptions): MutantResult {
  const weights = cases.map(({ program }) => 1 / (1 + program.insns.length / halfWeight));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const result: MutantResult = { judged: 0, accepted: 0, same: 0, stricter: 0, laxer: 0, insns: 0, seconds: 0 };
  let due = 0;
  for (const [i, item] of cases.entries()) {
    due += (options.count * (weights[i] ?? 0)) / total;
    const count = Math.round(due);
    due -= count;
    if (count > 0) judgeCase(bpf, item, new Prng(options.seed * 1_000_003 + i), count, options, result);
  }
  return result;
}

/** Mutants of one case, in batches that share their maps: making maps costs more than a load. */
function judgeCase(
  bpf: Bpf,
  item: AgreementCase,
  random: Prng,
  count: number,
  options: MutantOptions,
  result: MutantResult,
): void {
  for (let done = 0; done < count; done += batch) {
    const object = random.chance(otherMaps) ? mutateMaps(item.object, random) : item.object;
    let kernel: KernelObject;
    try {
      kernel = KernelObject.load(bpf, object, { programs: [] });
    } catch (error) {
      // Not every map that was drawn can be created.
      if (!(error instanceof InputError)) throw error;
      continue;
    }
    for (let i = done; i < Math.min(count, done + batch); i++) {
      const keep = object !== item.object && random.chance(0.3);
      const program = keep ? item.program : mutateProgram(item.program, object.maps.length, random);
      judge(bpf, kernel, { ...item, name: `${item.name} mutant ${i}`, program, object }, options, result);
    }
    kernel.close();
  }
}

/** One mutant: the kernel first, without a log, since that is what takes its time. */
function judge(
  bpf: Bpf,
  kernel: KernelObject,
  mutant: AgreementCase,
  options: MutantOptions,
  result: MutantResult,
): void {
  const { program, object } = mutant;
  const loaded = kernel.loadProgram(program, { refusalLog: false });
  if ('fd' in loaded) bpf.close(loaded.fd);
  const start = performance.now();
  const { btf, kernelBtf, license, maps } = object;
  const ours = verifyIfSupported(() => verify(program, maps, { btf, kernelBtf, license, logLevel: 0 }));
  if (typeof ours === 'string') return;
  result.seconds += (performance.now() - start) / 1000;
  result.insns += ours.stats.insns;
  result.judged++;
  const outcome = outcomeOf(ours.accepted, 'fd' in loaded);
  result[outcome]++;
  if (outcome !== 'same') report(bpf, kernel, mutant, ours, options);
  else if (ours.accepted) result.accepted++;
}

/** Two verdicts differ: the kernel is asked once more, for its reason. */
function report(
  bpf: Bpf,
  kernel: KernelObject,
  mutant: AgreementCase,
  ours: VerifyResult,
  options: MutantOptions,
): void {
  const again = kernel.loadProgram(mutant.program, { logLevel: 1 });
  const accepted = 'fd' in again;
  if (accepted) bpf.close(again.fd);
  options.disagreement(mutant, {
    name: mutant.name,
    category: mutant.category,
    outcome: outcomeOf(ours.accepted, accepted),
    reason: `jitnic: ${ours.message ?? 'accepted'}; other: ${accepted ? 'accepted' : lastWords(again.log)}`,
    insns: ours.stats.insns,
    kernelInsns: undefined,
    milliseconds: 0,
  });
}
