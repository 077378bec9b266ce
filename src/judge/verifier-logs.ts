/**
 * The log of jitnic's verifier beside the running kernel's. Ids, addresses and the numbers of this boot are put aside,
 * and so is what only Linux writes: times, stack depths, the listing of live registers, how precision is followed
 * back.
 */
import { UserError } from '../base/index.js';
import { type Bpf, KernelObject } from '../linux/index.js';
import { verify } from '../verifier/index.js';
import type { AgreementCase } from './agreement-cases.js';

/** A log that the kernel's buffer holds whole; longer ones are cut at the beginning. */
const mostInsns = 2000;

/** What only one side has, and what is another number at each boot. */
const aside: readonly RegExp[] = [
  /^(?:verification time|stack depth|processed|func#\d+|Live regs|mark_precise|force_precise|frame \d+: propagating)/,
  /^(?:(?:\d+ )?\d+: [.0-9]{10} \(|\([\d,]+\) |Validating|Func#)/,
];

/** Two logs, reduced to the lines that can be compared. */
export interface VerifierLogs {
  readonly ours: readonly string[];
  readonly theirs: readonly string[];
}

/**
 * Both logs (level 2) of a program; undefined where one of the two has none that can be compared. `cpus`: how many the
 * running kernel may come to have.
 */
export function verifierLogs(
  bpf: Bpf,
  { program, object, skipped }: AgreementCase,
  cpus: number,
): VerifierLogs | undefined {
  if (skipped !== undefined) return undefined;
  const { maps, btf, kernelBtf, license } = object;
  let kernel: KernelObject;
  let ours: ReturnType<typeof verify>;
  try {
    ours = verify(program, maps, { btf, kernelBtf, license, logLevel: 2, cpus });
    if (ours.stats.insns > mostInsns) return undefined;
    kernel = KernelObject.load(bpf, object, { programs: [] });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return undefined;
  }
  try {
    const { log } = kernel.loadProgram(program, { logLevel: 2 });
    return log === '' ? undefined : { ours: readable(ours.log), theirs: readable(log) };
  } finally {
    kernel.close();
  }
}

function readable(log: string): string[] {
  return log
    .split('\n')
    .map((line) =>
      line
        .replace(/\b(?:id|ref_obj_id|ref_id|dynptr_id)=\d+/g, 'id=N')
        .replace(/\brefs=[\d,]+/g, 'refs=N')
        .replace(/\bfd -?\d+ is/, 'fd N is')
        .replace(/0xffff[0-9a-f]{8,12}|map\[[^\]]*\](?:\[0\]\+\d+)?/g, 'ADDRESS')
        .replace(/(\bcall [\w.]+)#\d+/g, '$1')
        .replace(/\s+/g, ' ')
        .trim(),
    )
    .filter((line) => line !== '' && !aside.some((pattern) => pattern.test(line)));
}

/**
 * Pairs of lines, ours and Linux's, at which the logs part; what follows a line too many on either side is skipped.
 */
export function differingLines({ ours, theirs }: VerifierLogs): (readonly [string, string])[] {
  const found: (readonly [string, string])[] = [];
  let at = 0;
  for (let i = 0; i < theirs.length; i++) {
    const line = theirs[i] ?? '';
    if (ours[at] === line) {
      at++;
      continue;
    }
    found.push([ours[at] ?? '', line]);
    // Which side has a line too many: the one whose next lines the other side comes to.
    const ahead = ours.indexOf(line, at);
    const next = theirs[i + 1];
    if (next !== undefined && ours[at + 1] === next) at++;
    else if (ahead >= 0 && ahead < at + 8) at = ahead + 1;
  }
  if (at < ours.length) found.push([ours[at] ?? '', '']);
  return found;
}
