/** Our verifier's verdict beside another's: the running kernel's where there is one, else what the case says of itself. */
import { InputError, UserError } from '../base/index.js';
import { encodeInsns, type Insn, isLddw, op } from '../isa/index.js';
import { type Bpf, KernelObject } from '../linux/index.js';
import { errnoName } from '../platform/index.js';
import { verify } from '../verifier/index.js';
import type { AgreementCase } from './agreement-cases.js';

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

interface Judgement {
  readonly accepted: boolean;
  readonly words: string;
  readonly insns: number | undefined;
}

/** Lines of the kernel's log that are no reason. */
const noise = /^(processed |mark_precise|verification time|stack depth|\(\d+\) |$)/;

function lastWords(log: string): string {
  const lines = log.trim().split('\n');
  for (let i = lines.length - 1; i >= 0; i--) if (!noise.test(lines[i] ?? '')) return lines[i] ?? '';
  return '';
}

function judgedBy(
  loaded: { readonly fd: number; readonly log: string } | { readonly errno: number; readonly log: string },
): Judgement {
  const insns = /processed (\d+) insns/.exec(loaded.log)?.[1];
  return {
    accepted: 'fd' in loaded,
    words: 'fd' in loaded ? 'accepted' : `${errnoName(loaded.errno)}: ${lastWords(loaded.log)}`,
    insns: insns === undefined ? undefined : Number(insns),
  };
}

/** Loads the case into the running kernel and takes it out again. Throws InputError when its maps cannot be made. */
export function kernelJudgement(bpf: Bpf, item: AgreementCase): Judgement {
  if (item.object !== undefined) {
    const kernel = KernelObject.load(bpf, item.object, { programs: [item.program.name], logLevel: 4 });
    try {
      const loaded = kernel.programs[0]?.loaded;
      if (loaded === undefined) throw new InputError('the program was not loaded');
      return judgedBy(loaded);
    } finally {
      kernel.close();
    }
  }
  const fds: number[] = [];
  try {
    for (const map of item.maps) fds.push(createMap(bpf, map));
    const isReference = (insn: Insn): boolean =>
      isLddw(insn) && (insn.src === op.PSEUDO_MAP_FD || insn.src === op.PSEUDO_MAP_VALUE);
    const insns = item.program.insns.map((insn) => (isReference(insn) ? { ...insn, imm: fds[insn.imm] ?? -1 } : insn));
    const loaded = bpf.progLoad({ insns: encodeInsns(insns), license: item.license, logLevel: 4 });
    if ('fd' in loaded) bpf.close(loaded.fd);
    return judgedBy(loaded);
  } finally {
    for (const fd of fds) bpf.close(fd);
  }
}

function createMap(bpf: Bpf, map: AgreementCase['maps'][number]): number {
  const innerFd = map.inner === undefined ? undefined : createMap(bpf, map.inner);
  const fd = bpf.mapCreate({
    type: map.typeNumber,
    keySize: map.keySize,
    valueSize: map.valueSize,
    maxEntries: map.maxEntries,
    flags: map.flags,
    ...(innerFd === undefined ? {} : { innerFd }),
  });
  if (innerFd !== undefined) bpf.close(innerFd);
  if (fd < 0) throw new InputError(`the kernel refuses map \`${map.name}\` with ${errnoName(fd)}`);
  return fd;
}

/** What our verifier refuses on purpose where Linux does not (docs/verifier.md): it says so in these words. */
const refusedOnPurpose = [
  /^may_goto is not supported/,
  /^access to bpf_map at offset/,
  /^calling kernel function .* is not allowed/,
];

/** True for a disagreement that the docs announce. Accepting what Linux rejects is never one. */
export function isOnPurpose(row: AgreementRow): boolean {
  return (
    row.outcome === 'stricter' && refusedOnPurpose.some((words) => words.test(row.reason.replace(/^jitnic: /, '')))
  );
}

/** Judges one case. `bpf` undefined: compare with what the case says of itself. */
export function compareVerdicts(item: AgreementCase, bpf: Bpf | undefined): AgreementRow {
  const base = { name: item.name, category: item.category, insns: 0, kernelInsns: undefined, milliseconds: 0 };
  if (item.skipped !== undefined) return { ...base, outcome: 'skipped', reason: item.skipped };
  let other: Judgement;
  if (bpf !== undefined) {
    try {
      other = kernelJudgement(bpf, item);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return { ...base, outcome: 'skipped', reason: error.format() };
    }
  } else if (item.expected !== undefined) {
    other = {
      accepted: item.expected,
      words: item.expected ? 'expected to load' : 'expected to be refused',
      insns: undefined,
    };
  } else return { ...base, outcome: 'skipped', reason: 'no kernel here, and no verdict of its own' };

  const start = performance.now();
  const ours = verify(item.program, item.maps, { btf: item.btf, license: item.license, logLevel: 0 });
  const milliseconds = performance.now() - start;
  const words = ours.message ?? 'accepted';
  return {
    ...base,
    outcome: ours.accepted === other.accepted ? 'same' : ours.accepted ? 'laxer' : 'stricter',
    reason: ours.accepted === other.accepted ? '' : `jitnic: ${words}; other: ${other.words}`,
    insns: ours.stats.insns,
    kernelInsns: other.insns,
    milliseconds,
  };
}
