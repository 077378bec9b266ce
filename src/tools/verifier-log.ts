/**
 * `npm run verifier-log -- FILE.jsonl|DIR... [--fuzz N] [--count N] [--seed N]`: our verifier's log beside the running
 * kernel's, line by line. Ids, addresses and the numbers of this boot are put aside, and so is what only Linux knows
 * (times, stack depths, the listing of live registers). A row each: programs whose logs are the same, lines that are;
 * then the kinds of lines that are not, most frequent first, each with an example. Exit 0: this is a measurement.
 */
import { readFileSync } from 'node:fs';
import { UnsupportedError, UsageError } from '../base/index.js';
import { fromObjects } from '../cli/check/objects.js';
import {
  type AgreementCase,
  differingLines,
  generatedObject,
  objectCases,
  readAgreementLines,
  verifierLogs,
} from '../judge/index.js';
import { Bpf, possibleCpus } from '../linux/index.js';
import { formatShare, formatTable } from '../text/index.js';
import { numberFlag, runTool } from './tool.js';

const usage = 'npm run verifier-log -- FILE.jsonl|DIR... [--fuzz N] [--count N] [--seed N]';

const shownKinds = 25;

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
  const cpus = possibleCpus();
  const kinds = new Map<string, { count: number; readonly example: string }>();
  const sum = { programs: 0, equal: 0, lines: 0, same: 0 };
  for (const item of cases) {
    if (sum.programs === count) break;
    const logs = verifierLogs(bpf, item, cpus);
    if (logs === undefined) continue;
    const differences = differingLines(logs);
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

/** The line without its numbers: what is said, not of what. */
function kindOf(line: string): string {
  return line
    .replace(/0x[0-9a-f]+|-?\d+/g, 'N')
    .replace(/R?N(?==)/g, 'N')
    .slice(0, 90);
}
