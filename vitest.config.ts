import { defineConfig } from 'vitest/config';
import LongestFirst from './test/support/longest-first.ts';

/**
 * Time-outs are there to end what hangs. A machine under load may take ten times as long as an idle one, and that is
 * no failure.
 */
const hang = 900_000;

const include = ['src/**/*.test.ts', 'test/**/*.test.ts'];
/** Files that ask what a process does the first time. */
const alone = ['test/same-code.test.ts'];

export default defineConfig({
  test: {
    testTimeout: hang,
    hookTimeout: hang,
    teardownTimeout: hang,
    setupFiles: ['test/support/setup.ts'],
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    // As in the command line (src/cli/bundle.ts): most functions of a test run a few times, and V8's optimizing
    // compiler takes up to a third of the processor's time to make code of them that is hardly used.
    execArgv: ['--interrupt-budget=1081344'],
    projects: [
      // Most of what a file of tests costs is reading what it imports: a worker keeps that for its next file.
      { extends: true, test: { name: 'shared', isolate: false, include, exclude: alone } },
      { extends: true, test: { name: 'alone', isolate: true, include: alone } },
    ],
    // Stripped TypeScript is kept by content between runs: half of what a single test file costs is transforming what
    // it imports.
    experimental: { fsModuleCache: true },
  },
});
