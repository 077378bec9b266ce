/**
 * A process that runs test files on request, as often as asked: vitest is started and configured once, and each
 * request costs its tests and what they import. A message is `{ names, changed, bail, inOrder }`: files (names, or
 * parts of names; none: all) and which source was written since; the answer is `{ files, failed }` as run-tests.mjs
 * has it.
 */
import { BaseSequencer, createVitest } from 'vitest/node';

const root = process.cwd();
let inOrder = false;

class Sequencer extends BaseSequencer {
  async sort(files) {
    return inOrder ? files.toSorted((a, b) => (a.moduleId < b.moduleId ? -1 : 1)) : super.sort(files);
  }
}

const vitest = await createVitest('test', {
  root,
  watch: false,
  fileParallelism: false,
  reporters: [{}],
  sequence: { sequencer: Sequencer },
});

function rowOf(module) {
  const first = [...module.children.allTests('failed')][0];
  const why = module.ok() ? undefined : (first?.fullName.replaceAll(' > ', ' ') ?? 'does not load');
  const { duration, collectDuration } = module.diagnostic();
  return { name: module.moduleId.replace(`${root}/`, ''), ms: duration + collectDuration, failed: why };
}

process.on('message', async ({ names, changed, bail, inOrder: ordered }) => {
  inOrder = ordered;
  vitest.config.bail = bail ? 1 : 0;
  for (const project of vitest.projects) project.config.bail = bail ? 1 : 0;
  for (const name of changed) vitest.invalidateFile(`${root}/${name}`);
  const asked = await vitest.globTestSpecifications(names);
  const ids = new Set(asked.map(({ moduleId }) => moduleId));
  // The answer has what earlier requests came to, too.
  const before = new Set(vitest.state.getUnhandledErrors());
  const result = await vitest.runTestSpecifications(asked);
  const testModules = result.testModules.filter(({ moduleId }) => ids.has(moduleId));
  const unhandledErrors = result.unhandledErrors.filter((error) => !before.has(error));
  const files = testModules.filter((module) => module.state() !== 'skipped').map(rowOf);
  const failed = unhandledErrors.length > 0 || testModules.some((module) => !module.ok());
  process.send({ files, failed, why: unhandledErrors.map(({ message }) => message) });
});
process.send('ready');
process.on('disconnect', () => process.exit());
