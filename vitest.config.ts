import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    testTimeout: 60_000,
    maxWorkers: 2,
    // Stripped TypeScript is kept by content between runs: half of what a single test file costs is transforming what it imports.
    experimental: { fsModuleCache: true },
  },
});
