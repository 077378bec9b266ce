/**
 * `npm run paths-bench -- FILE|DIR [--seconds N] [--paths N] [--program NAME] [--missed]`: how many paths `jitnic
 * paths` finds in N seconds (default 120; of the processor's time, so that a busy machine counts the same) of each
 * object's programs, and how far that goes: ways out of conditional jumps that some path goes; such as no run can go
 * by what the verifier knows; such as the solver refuted on each path that came to the jump; and such as were missed,
 * about which nothing is known (`--missed` lists these). Each path counts once it has been run again, packet and maps,
 * on a machine of its own. A row passes if no way was missed, and if there are at least as many paths as `--paths`
 * asks for.
 */

import { InputError } from '../base/index.js';
import { fromObjects } from '../cli/check/objects.js';
import { notForBpf, readSubject, type Subject } from '../cli/check/subjects.js';
import { openSearch } from '../cli/path-finder.js';
import { countWays, type Way } from '../explore/index.js';
import { type ProgramSpec, xdpCandidates } from '../object/index.js';
import { formatNumber, formatTable } from '../text/index.js';
import { Verdicts } from '../verifier/index.js';
import { lineAt } from '../vm/index.js';
import { negativeIf, numberFlag, oneOperand, runTool } from './tool.js';

const usage = 'npm run paths-bench -- FILE|DIR [--seconds N] [--paths N] [--program NAME] [--missed]';
const flags = {
  seconds: { type: 'string' },
  paths: { type: 'string' },
  program: { type: 'string' },
  missed: { type: 'boolean' },
} as const;

/** Starts between two looks at the time. */
const askEvery = 16;

/** What came of one object. */
interface Row {
  readonly name: string;
  readonly paths: number;
  readonly tried: number;
  readonly unsure: number;
  readonly seconds: number;
  readonly processor: number;
  readonly ways: number;
  readonly reached: number;
  readonly infeasible: number;
  readonly refuted: number;
  readonly missed: readonly { readonly program: ProgramSpec; readonly way: Way }[];
}

await runTool(usage, flags, (operands, given) => {
  const seconds = numberFlag(given, 'seconds', 120);
  const wanted = numberFlag(given, 'paths', 0);
  let [passed, failed] = [0, 0];
  const rows = fromObjects(oneOperand(operands, usage), (_, file) => {
    const subject = readSubject(file);
    if (subject === undefined) throw new InputError(notForBpf, { file: file.name });
    const programs = xdpCandidates(subject.object).filter(
      ({ name }) => given['program'] === undefined || name === given['program'],
    );
    return programs.length === 0 ? [] : [measure(file.name, subject, programs, seconds)];
  });
  const cells = rows.map((row) => {
    const isGood = row.missed.length === 0 && row.paths >= wanted;
    if (isGood) passed++;
    else failed++;
    const each = row.paths === 0 ? 0 : (1000 * row.processor) / row.paths;
    return [
      row.name,
      formatNumber(row.paths),
      row.processor.toFixed(1),
      row.seconds.toFixed(1),
      each.toFixed(2),
      `${row.reached} of ${row.ways}`,
      row.infeasible,
      row.refuted,
      row.missed.length,
      isGood ? 'ok' : 'FAIL',
    ];
  });
  const titles = [
    'object',
    'paths',
    'processor s',
    'clock s',
    'ms a path',
    'ways',
    'infeasible',
    'refuted',
    'missed',
    '',
  ];
  console.log(
    formatTable(
      titles.map((title, i) => ({ title, align: i === 0 || i === 9 ? 'left' : 'right' })),
      cells,
    ),
  );
  if (given['missed'] === true) for (const row of rows) console.log(missedText(row));
  console.log(`${passed} passed, ${failed} failed`);
  return negativeIf(failed);
});

/** Each program has its share of the time; ways that tail calls lead to count wherever the search began. */
function measure(name: string, { object, maps }: Subject, programs: readonly ProgramSpec[], seconds: number): Row {
  const verdicts = Verdicts.of(object, { facts: true });
  const gone = new Set<number>();
  const refuted: ReadonlySet<number>[] = [];
  const left = new Set<number>();
  const sums = { paths: 0, tried: 0, unsure: 0 };
  const began = performance.now();
  const processor = process.cpuUsage();
  for (const [i, program] of programs.entries()) {
    let asked = 0;
    // To ask takes longer than to turn a step.
    const isOver = (): boolean =>
      asked++ % askEvery === 0 && processorSince(processor) >= (seconds * (i + 1)) / programs.length;
    const options = { maps, verdicts: Verdicts.trusting(), seeds: [], known: [], searchSeed: 1, budget: 0 };
    const search = openSearch(object, program, options);
    search.explore(Number.POSITIVE_INFINITY, isOver);
    search.settle();
    sums.paths += search.found.length;
    sums.tried += search.tried;
    sums.unsure += search.unsure;
    for (const way of search.ways) gone.add(way);
    refuted.push(search.refutedWays);
    for (const way of search.leftWays) left.add(way);
  }
  const used = processorSince(processor);
  const time = (performance.now() - began) / 1000;
  // A search that began elsewhere, and came to the jump by a tail call, has to agree.
  const refutedByAll = new Set(refuted.flatMap((ways) => [...ways]).filter((way) => !left.has(way)));
  const counts = programs.map((program) => ({
    program,
    count: countWays(program, object.programs.indexOf(program), gone, refutedByAll, verdicts.factsOf(program)),
  }));
  const sum = (of: (count: (typeof counts)[number]['count']) => number): number =>
    counts.reduce((total, { count }) => total + of(count), 0);
  return {
    name,
    ...sums,
    seconds: time,
    processor: used,
    ways: sum(({ all }) => all),
    reached: sum(({ reached }) => reached),
    infeasible: sum(({ infeasible }) => infeasible.length),
    refuted: sum((count) => count.refuted.length),
    missed: counts.flatMap(({ program, count }) => count.missed.map((way) => ({ program, way }))),
  };
}

/** Seconds of the processor's time, threads of V8 with it. */
function processorSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

function missedText({ name, missed }: Row): string {
  const lines = missed.map(({ program, way: { pc, isTaken } }) => {
    const line = lineAt(program.lines, pc);
    const place = line === undefined ? '' : ` (${line.file.split('/').at(-1)}:${line.line}: ${line.text.trim()})`;
    return `  ${program.name}, insn ${pc}, ${isTaken ? 'jump' : 'fall through'}${place}`;
  });
  return [`${name}: ${missed.length} missed`, ...lines].join('\n');
}
