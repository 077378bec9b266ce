/**
 * `npm run verifier-log -- FILE.jsonl|DIR... [--fuzz N] [--count N] [--seed N]`: our verifier's log beside the running
 * kernel's, line by line. Ids, addresses and the numbers of this boot are put aside, and so is what only Linux knows
 * (times, stack depths, the listing of live registers). A row each: programs whose logs are the same, lines that are;
 * then the kinds of lines that are not, most frequent first, each with an example. Exit 0: this is a measurement.
 */
import { readFileSync } from 'node:fs';
import { UnsupportedError, UsageError } from '../base/index.js';
import { fromObjects } from '../cli/check/objects.js';
import { type AgreementCase, generatedObject, objectCases, readAgreementLines } from '../judge/index.js';
import { Bpf, KernelObject } from '../linux/index.js';
import { formatShare, formatTable } from '../text/index.js';
import { verify } from '../verifier/index.js';
import { numberFlag, runTool } from './tool.js';

const usage = 'npm run verifier-log -- FILE.jsonl|DIR... [--fuzz N] [--count N] [--seed N]';

/** A log that the kernel's buffer holds whole; longer ones are cut at the beginning. */
const mostInsns = 2000;
const shownKinds = 25;

/** What only one side has, and what is another number at each boot. */
const aside: readonly RegExp[] = [
  /^(?:verification time|stack depth|processed|func#\d+|Live regs|mark_precise|\d+: [.0-9]{10} \(|\([\d,]+\) )/,
  /^(?:Validating|Func#)/,
];

await runTool(
  usage,
  { fuzz: { type: 'string' }, count: { type: 'string' }, seed: { type: 'string' } },
  (operands, flags) => {
    const bpf = Bpf.tryOpen();
    if (bpf === undefined) throw new UnsupportedError('there is no kernel here that writes a log');
    const fuzz = numberFlag(flags, 'fuzz', 0);
    const seed = numberFlag(flags, 'seed', 1);
    if (operands.length === 0 && fuzz === 0) throw new UsageError('give files or folders', {}, usage);
    const cases = operands.flatMap((path) =>
      path.endsWith('.jsonl')
        ? readAgreementLines(readFileSync(path, 'utf8'), path)
        : fromObjects(path, (object) => objectCases(object)),
    );
    for (let i = 0; i < fuzz; i++) cases.push(...objectCases(generatedObject(seed + i), 'generated'));
    return compareLogs(bpf, cases, numberFlag(flags, 'count', 300));
  },
);

function compareLogs(bpf: Bpf, cases: readonly AgreementCase[], count: number): number {
  const kinds = new Map<string, { count: number; readonly example: string }>();
  const sum = { programs: 0, equal: 0, lines: 0, same: 0 };
  for (const item of cases) {
    if (sum.programs === count) break;
    const logs = item.skipped === undefined ? bothLogs(bpf, item) : undefined;
    if (logs === undefined) continue;
    const differences = differ(logs.ours, logs.theirs);
    sum.programs++;
    if (differences.length === 0) sum.equal++;
    sum.lines += logs.theirs.length;
    sum.same += logs.theirs.length - differences.length;
    for (const [ours, theirs] of differences) {
      const kind = `${kindOf(ours)} | ${kindOf(theirs)}`;
      const known = kinds.get(kind);
      if (known === undefined) kinds.set(kind, { count: 1, example: `${item.name}\n  ${ours}\n  ${theirs}` });
      else known.count++;
    }
  }
  const titles = ['programs', 'same log', 'lines', 'same', 'share'];
  process.stdout.write(
    formatTable(
      titles.map((title) => ({ title })),
      [[sum.programs, sum.equal, sum.lines, sum.same, formatShare(sum.same, sum.lines, 2)]],
    ),
  );
  const sorted = [...kinds.values()].sort((a, b) => b.count - a.count);
  for (const { count: times, example } of sorted.slice(0, shownKinds)) console.log(`${times} x ${example}`);
  console.log(`${sum.equal} of ${sum.programs} logs are the same line by line`);
  return 0;
}

/** Lines that a reader sees, of both; undefined where one of the two has no log that can be compared. */
function bothLogs(
  bpf: Bpf,
  { program, object }: AgreementCase,
): { readonly ours: readonly string[]; readonly theirs: readonly string[] } | undefined {
  const { maps, btf, license } = object;
  let ours: ReturnType<typeof verify>;
  try {
    ours = verify(program, maps, { btf, license, logLevel: 2 });
  } catch (error) {
    if (!(error instanceof UnsupportedError)) throw error;
    return undefined;
  }
  if (ours.stats.insns > mostInsns) return undefined;
  const kernel = KernelObject.load(bpf, object, { programs: [] });
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
        .replace(/\bid=\d+/g, 'id=N')
        .replace(/0xffff[0-9a-f]{8,12}|map\[[^\]]*\](?:\[0\]\+\d+)?/g, 'ADDRESS')
        .replace(/(\bcall [\w.]+)#\d+/g, '$1')
        .replace(/\s+/g, ' ')
        .trim(),
    )
    .filter((line) => line !== '' && !aside.some((pattern) => pattern.test(line)));
}

/** Pairs of lines at which the logs part, by position after what they have in common was skipped on either side. */
function differ(ours: readonly string[], theirs: readonly string[]): (readonly [string, string])[] {
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
  return found;
}

/** The line without its numbers: what is said, not of what. */
function kindOf(line: string): string {
  return line
    .replace(/0x[0-9a-f]+|-?\d+/g, 'N')
    .replace(/R?N(?==)/g, 'N')
    .slice(0, 90);
}
