/**
 * The order of test files: what takes longest begins first, so that no worker is left alone with it in the end. vitest
 * remembers how long files took; a fresh clone has nothing to remember, and the size of a file says little about it.
 *
 * Projects stay together, the isolated one first: where the next file is of another project, a worker that shares what
 * it has imported is ended, and who follows imports everything again.
 */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take more than ten seconds of a processor, the longest first. */
const longest: readonly string[] = [
  'test/proof/conditions.test.ts',
  'test/golden/verify.test.ts',
  'test/browser/lab-page.test.ts',
  'test/cli/interrupt.test.ts',
  'src/judge/conditions/conditions.test.ts',
  'test/golden/ir-text.test.ts',
  'src/scr/recovery/recovery.test.ts',
  'src/coherence/campaign.test.ts',
  'test/cli/schemas.test.ts',
  'src/runtime/side-traces.test.ts',
  'src/runtime/path-recorder.test.ts',
  'src/sim/timed-run.test.ts',
  'test/golden/verifier-log.test.ts',
  'src/opt/pure.test.ts',
  'test/browser/library-page.test.ts',
  'src/object/write-elf.test.ts',
  'test/cli/examples-tests.test.ts',
];

/** vitest's own order, with the files that are known to take long in front. */
export default class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId, project }: TestSpecification): number => {
      if (project.config.isolate) return -1;
      const at = longest.findIndex((name) => moduleId.endsWith(`/${name}`));
      return at < 0 ? longest.length : at;
    };
    // Sorting is stable: what is not told apart here stays as vitest has it.
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}
