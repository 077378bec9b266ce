/** `jitnic test --init PROG`: a first test file, with a case for each path that is found. */
import { existsSync } from 'node:fs';
import { type ExitCode, exitCodes, InputError, UsageError } from '../base/index.js';
import { creationOf, type MapSpec, mapFacts, type ObjectSpec } from '../object/index.js';
import { count, wholeNumber } from '../text/index.js';
import { Verdicts } from '../verifier/index.js';
import { MapStore } from '../vm/index.js';
import { caseFileText } from './case-file.js';
import type { Io } from './command.js';
import { writeOutput } from './files.js';
import { findPaths } from './path-finder.js';
import { caseHead, chosenName } from './paths.js';
import { openProgramFile } from './program-file.js';
import { chooseProgram, type SessionFlags, worldOptions } from './run-options.js';
import { testSuffix } from './test-suites.js';

/** Cases of a first file: those that go new ways come first. */
const mostCases = 64;

/**
 * Starts that are tried unless told otherwise, and how much the search may take (StateSearch.effort), some seconds:
 * few programs have ways that only a longer search finds, and `jitnic paths` is for these.
 */
export const defaultInitBudget = 4000;
const mostEffort = 30_000_000;

/** What `--init` is told. */
export interface InitFlags extends SessionFlags {
  readonly budget?: string;
}

/** `rest`: a program's name. The file lies beside PROG; one that is there is left alone. */
export async function initTests(file: string, rest: readonly string[], options: InitFlags, io: Io): Promise<ExitCode> {
  if (file === '-')
    throw new UsageError('a test file names its program, and stdin has no name', {}, 'write it to a file first');
  const budget = wholeNumber('--budget', options.budget, 1);
  const path = `${file.replace(/(?:\.bpf)?\.[cos]$/, '')}${testSuffix}`;
  if (existsSync(path))
    throw new InputError('is there already', { file: path }, 'remove it, or: jitnic paths PROG --tests FILE');
  const read = await openProgramFile(file, io, options);
  // Sizes that a loader sets: any will do for a first look, and the file says which.
  const open = openSizes(read, options.mapEntries ?? []);
  const sized = { ...options, mapEntries: [...(options.mapEntries ?? []), ...open] };
  const { object, program } = chooseProgram(read, rest[0], sized, io);
  const world = await worldOptions(options, io);
  const found = await io.work('searching for paths', () =>
    findPaths(object, program, {
      ...world,
      verdicts: Verdicts.of(object),
      budget: budget ?? defaultInitBudget,
      // Who names a budget means it.
      mostEffort: budget === undefined ? mostEffort : undefined,
      searchSeed: 1,
      seeds: [],
      known: [],
    }),
  );
  // In the order in which they were found, but those that go no new ways only where there is room.
  const paths = [...found.paths.filter(({ isNew }) => isNew), ...found.paths.filter(({ isNew }) => !isNew)].slice(
    0,
    mostCases,
  );
  const head = caseHead(file, chosenName(object, program), sized, path, new MapStore(object, world.cpus));
  const all = found.paths.length;
  const left = found.isDone || found.unanswered !== undefined ? undefined : `${count(found.tried, 'start')} were tried`;
  const notes = [
    ...(paths.length < all
      ? [`${paths.length} of ${count(all, 'path')}: those that go new ways, and the first others.`]
      : []),
    ...(open.length === 0
      ? []
      : [`The object leaves the size of ${count(open.length, 'map')} to its loader: \`map-entries\` has some for it.`]),
    ...(left === undefined ? [] : [`The search ended early: ${left}, and there may be more paths.`]),
  ];
  await writeOutput(path, caseFileText({ ...head, notes }, paths), io);
  if (io.flags.json)
    io.json('jitnic.test-init/1', {
      file: path,
      cases: paths.length,
      paths: all,
      tried: found.tried,
      exhausted: found.isDone,
    });
  else {
    io.out(
      `${path}: ${count(paths.length, 'case')} of ${count(all, 'path')}; run it: jitnic test ${shellWord(path)}\n`,
    );
    if (left !== undefined)
      io.out(`the search ended early: ${left}, and there may be more paths; \`--budget\` tries more\n`);
  }
  return exitCodes.ok;
}

/** Elements of a map whose size is left to its loader; ring buffers have bytes, a page at least. */
const usualSizes = [64, 4096];

/** `MAP=N` for maps that Linux would create if they had a size. */
function openSizes({ maps, btf }: ObjectSpec, given: readonly string[]): string[] {
  const isRefused = (spec: MapSpec): boolean => creationOf(spec, 1, mapFacts(btf, spec)).refusal !== undefined;
  return maps
    .filter((spec) => spec.maxEntries === 0 && !given.some((word) => word.startsWith(`${spec.name}=`)))
    .filter(isRefused)
    .flatMap((spec) => {
      const size = usualSizes.find((maxEntries) => !isRefused({ ...spec, maxEntries }));
      return size === undefined ? [] : [`${spec.name}=${size}`];
    });
}

/** A word as a shell takes it for one. */
function shellWord(text: string): string {
  return /^[\w./@%+,:=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
