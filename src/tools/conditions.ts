/**
 * `npm run conditions -- [DIR...] [-c packets] [--cases N] [--traces N] [--seed S] [--programs N]`: path conditions on
 * trial, see `src/judge/conditions`. A row for each program below the folders (default: the examples), with the real
 * contents of maps; then `--programs` small generated programs, whose conditions are compared with every packet there
 * is. Closes with `N passed, N failed`; exit code 1 if any failed.
 */

import { corpusTraffic, stopped } from '../cli/check/card-run.js';
import { findObjects, type ObjectFile } from '../cli/check/objects.js';
import { notForBpf, packetsBeside, readSubject } from '../cli/check/subjects.js';
import { type ConditionTally, ConditionTrial, judgeSmallPrograms, newTally } from '../judge/index.js';
import { xdpCandidates } from '../object/index.js';
import { Prng } from '../packet/index.js';
import type { Arrival } from '../runtime/index.js';
import { formatNumber, formatTable } from '../text/index.js';
import { loadMaps } from '../vm/map-json.js';
import { type Flags, negativeIf, numberFlag, runTool } from './tool.js';

const usage =
  'usage: npm run conditions -- [DIR...] [-c packets] [--cases N a program] [--traces N a program] [--programs N generated] [--seed S]';

/** All programs, then the small ones. Returns the exit code. */
async function main(folders: readonly string[], flags: Flags): Promise<number> {
  const seed = numberFlag(flags, 'seed', 1);
  const limits = { traces: numberFlag(flags, 'traces', 60), cases: numberFlag(flags, 'cases', 20_000) };
  const count = numberFlag(flags, 'count', 2000);
  const rows: (readonly (string | number)[])[] = [];
  const total = newTally();
  let passed = 0;
  let failed = 0;
  const faults: string[] = [];
  for (const file of (folders.length === 0 ? ['examples'] : folders).flatMap(findObjects)) {
    for (const { program, tally, refused } of await judgeObject(file, count, seed, limits)) {
      const name = `${file.name} ${program}`;
      if (tally === undefined) {
        rows.push([name, '', '', '', '', '', '', '', refused]);
        continue;
      }
      if (tally.faults > 0) failed++;
      else passed++;
      add(total, tally);
      faults.push(...tally.examples.map((text) => `${name}: ${text}`));
      rows.push([name, ...cells(tally), tally.faults === 0 ? '' : `${tally.faults} faults`]);
    }
  }
  rows.push(['all', ...cells(total), total.faults === 0 ? '' : `${total.faults} faults`]);
  const numbers = ['traces', 'aborts', 'packets tried', 'held', 'narrow', 'pairs', 'led by regions'];
  process.stdout.write(
    `${formatTable([{ title: 'program' }, ...numbers.map((title) => ({ title, align: 'right' as const })), { title: 'notes' }], rows)}\n`,
  );
  for (const fault of faults) process.stdout.write(`${fault}\n`);
  const small = judgeSmallPrograms(seed, numberFlag(flags, 'programs', 200));
  process.stdout.write(
    `\n${formatNumber(small.programs)} small programs, ${formatNumber(small.traces)} traces, every one of ${formatNumber(small.cases)} packets: ` +
      `${small.unsound} unsound, ${small.narrow} narrow, ${small.freeBits} of ${formatNumber(small.bits)} mentioned bits free, ` +
      `${small.redundantParts} of ${formatNumber(small.parts)} parts redundant\n`,
  );
  for (const example of small.examples) process.stdout.write(`  ${example}\n`);
  // One part in ten thousand may be left that the rest implies: those that hang on more bits than are enumerated.
  if (small.unsound + small.narrow + small.freeBits > 0 || small.redundantParts * 10_000 > small.parts) failed++;
  else passed++;
  process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
  return negativeIf(failed);
}

/** A tally as the columns of the table, in the order of `numbers` there. */
function cells(tally: ConditionTally): (string | number)[] {
  const { traces, aborts, cases, held, narrow, pairs, led } = tally;
  return [traces, aborts, cases, held, narrow, pairs, led];
}

/** Adds one program's tally to the total; examples stay with the program. */
function add(total: ConditionTally, one: ConditionTally): void {
  for (const key of ['traces', 'aborts', 'cases', 'held', 'narrow', 'pairs', 'led', 'faults'] as const)
    total[key] += one[key];
}

/** A program and what its conditions were found to be; `refused` says why there is no tally. */
interface Judged {
  readonly program: string;
  readonly tally: ConditionTally | undefined;
  readonly refused: string;
}

/**
 * Each XDP program of one file on trial, over its own capture and then over generated packets, until enough traces and
 * cases were seen. Maps are those of the example: conditions over empty maps would not ask for keys.
 */
async function judgeObject(
  file: ObjectFile,
  count: number,
  seed: number,
  limits: { readonly traces: number; readonly cases: number },
): Promise<Judged[]> {
  const judged: Judged[] = [];
  try {
    const subject = readSubject(file);
    if (subject === undefined) return [{ program: '', tally: undefined, refused: notForBpf }];
    const { object, maps } = subject;
    const packets: Arrival[] = [...((await packetsBeside(file, count)) ?? []), ...corpusTraffic(seed, count)];
    for (const program of xdpCandidates(object)) {
      try {
        const trial = new ConditionTrial(object, program, new Prng(seed), limits);
        if (maps !== undefined) loadMaps(trial.machine, maps.contents, maps.file);
        for (const packet of packets) {
          if (trial.done) break;
          // A long packet lies in fragments only for a program whose section says `frags`, as in Linux.
          trial.packet({ data: packet.data, now: packet.time, frags: program.frags });
        }
        judged.push({ program: program.name, tally: trial.tally, refused: '' });
      } catch (error) {
        judged.push({ program: program.name, tally: undefined, refused: stopped(file.name, program.name, error).why });
      }
    }
    if (judged.length === 0) judged.push({ program: '', tally: undefined, refused: 'no XDP program in it' });
  } catch (error) {
    judged.push({ program: '', tally: undefined, refused: stopped(file.name, '', error).why });
  }
  return judged;
}

await runTool(
  usage,
  {
    count: { type: 'string', short: 'c' },
    cases: { type: 'string' },
    traces: { type: 'string' },
    programs: { type: 'string' },
    seed: { type: 'string' },
  },
  main,
);
