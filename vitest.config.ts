import { defineConfig } from 'vitest/config';

/** Time-outs are there to end what hangs. A machine under load may take ten times as long as an idle one, and that is no failure. */
const hang = 900_000;

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    testTimeout: hang,
    hookTimeout: hang,
    teardownTimeout: hang,
    setupFiles: ['test/support/setup.ts'],
    maxWorkers: 2,
    // Stripped TypeScript is kept by content between runs: half of what a single test file costs is transforming what it imports.
    experimental: { fsModuleCache: true },
  },
});
