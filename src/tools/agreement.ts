/**
 * `npm run agreement -- FILE.jsonl|DIR... [--fuzz N] [--mutants N] [--seed N] [--no-kernel]`: asks our verifier and
 * the running kernel about every program, prints a table by category and each disagreement with both reasons. Without
 * a kernel the lines' own verdicts are the other side. `--mutants N`: about N mutants of these programs instead. Exit
 * 0 when none disagrees.
 */
import { readFileSync, statSync } from 'node:fs';
import { InputError, UsageError } from '../base/index.js';
import { fromObjects } from '../cli/check/objects.js';
import {
  type AgreementCase,
  type AgreementRow,
  agreementLine,
  compareVerdicts,
  generatedObject,
  isOnPurpose,
  judgeMutants,
  objectCases,
  readAgreementLines,
} from '../judge/index.js';
import { Bpf } from '../linux/index.js';
import { formatShare, formatTable } from '../text/index.js';
import { negativeIf, numberFlag, runTool } from './tool.js';

const usage = 'npm run agreement -- FILE.jsonl|DIR... [--fuzz N] [--mutants N] [--seed N] [--no-kernel]';

const flagTypes = {
  'no-kernel': { type: 'boolean' },
  fuzz: { type: 'string' },
  mutants: { type: 'string' },
  seed: { type: 'string' },
} as const;

await runTool(usage, flagTypes, (operands, flags) => {
  const generated = numberFlag(flags, 'fuzz', 0);
  const seed = numberFlag(flags, 'seed', 1);
  if (operands.length === 0 && generated === 0)
    throw new UsageError('give files of JSON lines or folders of objects', {}, usage);
  const bpf = flags['no-kernel'] === true ? undefined : Bpf.tryOpen();
  console.log(
    bpf === undefined ? 'no kernel here: compared with the verdicts in the lines' : 'compared with the running kernel',
  );
  const cases = operands.flatMap(readCases);
  for (let i = 0; i < generated; i++) cases.push(...objectCases(generatedObject(seed + i), 'generated'));
  const mutants = numberFlag(flags, 'mutants', 0);
  if (mutants > 0) {
    if (bpf === undefined) throw new UsageError('--mutants needs the kernel: nothing else knows whether they load');
    return runMutants(bpf, cases, mutants, seed);
  }
  const rows = cases.map((item) => compareVerdicts(item, bpf));
  printTable(rows);
  printDisagreements(rows);
  const judged = rows.filter((row) => row.outcome !== 'skipped');
  const same = judged.filter((row) => row.outcome === 'same').length;
  const onPurpose = judged.filter(isOnPurpose).length;
  const failed = judged.length - same - onPurpose;
  if (onPurpose > 0) console.log(`${onPurpose} refused on purpose, as docs/verifier.md says`);
  console.log(`${same} passed, ${failed} failed`);
  return negativeIf(failed);
});

/**
 * Judges mutants and prints one row of figures, then each class of disagreement once: what the rows say, numbers
 * apart, with how often it came up and one program as a line of the cases' format. A run of 100,000 mutants that goes
 * wrong goes wrong a few ways thousands of times, so the classes are what a person wants to read.
 */
function runMutants(bpf: Bpf, cases: readonly AgreementCase[], count: number, seed: number): number {
  let onPurpose = 0;
  const classes = new Map<string, { count: number; readonly example: AgreementCase }>();
  const result = judgeMutants(bpf, cases, {
    count,
    seed,
    disagreement: (mutant, row) => {
      if (isOnPurpose(row)) onPurpose++;
      // Registers, offsets and instruction numbers differ from mutant to mutant; the reason is what is left without
      // them.
      const title = `${row.outcome}: ${row.reason.replace(/\d+/g, 'N')}`;
      const known = classes.get(title);
      if (known === undefined) classes.set(title, { count: 1, example: mutant });
      else known.count++;
    },
  });
  const columns = ['mutants', 'accepted', 'same', 'stricter', 'on purpose', 'laxer', 'agreement', 'insns', 'insns/s'];
  const { judged, accepted, same, stricter, laxer, insns, seconds } = result;
  process.stdout.write(
    formatTable(
      columns.map((title) => ({ title })),
      [
        [
          judged,
          accepted,
          same,
          stricter,
          onPurpose,
          laxer,
          formatShare(same, judged, 2),
          insns,
          Math.round(insns / seconds),
        ],
      ],
    ),
  );
  for (const [title, { count, example }] of [...classes].sort()) {
    // -1 as verdict: the kernel refuses it. The line can be given to this tool again, without a kernel as well.
    console.log(`${count} ${title}\n  ${JSON.stringify(agreementLine(example, title.startsWith('laxer') ? -1 : 0))}`);
  }
  const failed = judged - same - onPurpose;
  console.log(`${same} passed, ${failed} failed`);
  return negativeIf(failed);
}

/**
 * Cases of one operand: a file of JSON lines, or an object file or folder of those, of which each program is a case.
 */
function readCases(path: string): AgreementCase[] {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) throw new InputError('no such file or folder', { file: path });
  if (stat.isFile() && !path.endsWith('.o')) return readAgreementLines(readFileSync(path, 'utf8'), path);
  return fromObjects(path, (object) => objectCases(object));
}

/**
 * A row a category, then all. Speed is that of our verifier alone; the kernel's column counts what its log says it
 * processed, where there was a log.
 */
function printTable(rows: readonly AgreementRow[]): void {
  const categories = [...new Set(rows.map((row) => row.category))].sort();
  const line = (title: string, some: readonly AgreementRow[]): (string | number | undefined)[] => {
    const of = (outcome: AgreementRow['outcome']): number => some.filter((row) => row.outcome === outcome).length;
    const judged = some.length - of('skipped');
    // `milliseconds` is the verifier's own time; reading objects and asking the kernel are not in it.
    const seconds = some.reduce((sum, row) => sum + row.milliseconds, 0) / 1000;
    const insns = some.reduce((sum, row) => sum + row.insns, 0);
    const kernel = some.reduce((sum, row) => sum + (row.kernelInsns ?? 0), 0);
    return [
      title,
      some.length,
      of('skipped'),
      of('same'),
      of('stricter'),
      of('laxer'),
      formatShare(of('same'), judged, 2),
      insns,
      kernel === 0 ? undefined : kernel,
      seconds === 0 ? undefined : Math.round(insns / seconds),
    ];
  };
  const columns = [
    'category',
    'programs',
    'skipped',
    'same',
    'stricter',
    'laxer',
    'agreement',
    'insns',
    'kernel insns',
    'insns/s',
  ];
  process.stdout.write(
    formatTable(
      columns.map((title) => ({ title, align: title === 'category' ? 'left' : 'right' })),
      [
        ...categories.map((name) =>
          line(
            name,
            rows.filter((row) => row.category === name),
          ),
        ),
        line('all', rows),
      ],
    ),
  );
}

/**
 * What a person has to look at, a line each: verdicts that differ, equal verdicts after another number of instructions
 * (states that were pruned at other places: the first sign that the two walk programs differently), reasons for which
 * programs were skipped, and programs that took longer than two seconds.
 */
function printDisagreements(rows: readonly AgreementRow[]): void {
  const skipped = new Map<string, number>();
  for (const row of rows) {
    if (row.outcome === 'skipped') skipped.set(row.reason, (skipped.get(row.reason) ?? 0) + 1);
    else if (row.outcome !== 'same') console.log(`${row.outcome}: ${row.name}: ${row.reason}`);
  }
  const counted = rows.filter((row) => row.kernelInsns !== undefined && row.outcome === 'same');
  const differ = counted.filter((row) => row.kernelInsns !== row.insns);
  for (const row of differ) console.log(`insns: ${row.name}: ${row.insns}, the kernel ${row.kernelInsns}`);
  if (counted.length > 0)
    console.log(`${counted.length - differ.length} of ${counted.length} after as many instructions`);
  for (const [reason, count] of skipped) console.log(`skipped ${count}: ${reason.replaceAll('\n', '; ')}`);
  const slow = rows.filter((row) => row.milliseconds > 2000);
  for (const row of slow)
    console.log(`slow: ${row.name}: ${row.insns} instructions in ${(row.milliseconds / 1000).toFixed(1)} s`);
}
