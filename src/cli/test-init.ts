/** `jitnic test --init PROG`: a first test file, with a case for each path that is found. */
import { existsSync } from 'node:fs';
import { type ExitCode, exitCodes, InputError } from '../base/index.js';
import { count } from '../text/index.js';
import { Verdicts } from '../verifier/index.js';
import { MapStore } from '../vm/index.js';
import { caseFileText } from './case-file.js';
import type { Io } from './command.js';
import { writeOutput } from './files.js';
import { findPaths } from './path-finder.js';
import { caseHead, chosenName, defaultBudget } from './paths.js';
import { openProgram, type SessionFlags, worldOptions } from './run-options.js';
import { testSuffix } from './test-suites.js';

/** Cases of a first file: those that go new ways come first. */
const mostCases = 64;

/** `rest`: a program's name. The file lies beside PROG; one that is there is left alone. */
export async function initTests(
  file: string,
  rest: readonly string[],
  options: SessionFlags,
  io: Io,
): Promise<ExitCode> {
  const path = `${file.replace(/(?:\.bpf)?\.[cos]$/, '')}${testSuffix}`;
  if (existsSync(path))
    throw new InputError('is there already', { file: path }, 'remove it, or: jitnic paths PROG --tests FILE');
  const { object, program } = await openProgram(file, rest[0], options, io);
  const world = await worldOptions(options, io);
  const found = await io.work('searching for paths', () =>
    findPaths(object, program, {
      ...world,
      verdicts: Verdicts.of(object),
      budget: defaultBudget,
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
  const head = caseHead(file, chosenName(object, program), options, path, new MapStore(object, world.cpus));
  await writeOutput(path, caseFileText(head, paths), io);
  if (io.flags.json) io.json('jitnic.test-init/1', { file: path, cases: paths.length, paths: found.paths.length });
  else
    io.out(
      `${path}: ${count(paths.length, 'case')} of ${count(found.paths.length, 'path')}; run it: jitnic test ${path}\n`,
    );
  return exitCodes.ok;
}
