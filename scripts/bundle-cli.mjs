/**
 * Joins the modules of the command line in a few files, `dist/bundle/`, which `dist/cli/main.js` prefers: finding,
 * reading and compiling three hundred modules one by one takes longer than most commands do. Files lie as deep as
 * those of `dist/cli/`, so that paths relative to `import.meta.url` mean the same. They are CommonJS because only that
 * can be run with code that was kept (src/cli/bundle.ts, scripts/keep-code.mjs).
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const dist = fileURLToPath(new URL('../dist/', import.meta.url));
const packages = /^(node:|commander$|koffi$)/;

rmSync(`${dist}bundle`, { recursive: true, force: true });
const bundle = await rolldown({
  input: [`${dist}cli/program.js`, `${dist}cli/job-worker.js`],
  platform: 'node',
  external: packages,
});
const { output } = await bundle.write({
  dir: `${dist}bundle`,
  format: 'cjs',
  entryFileNames: '[name].cjs',
  chunkFileNames: '[name]-[hash].cjs',
  sourcemap: true,
});
await bundle.close();

// A thread starts from a module.
writeFileSync(
  `${dist}bundle/job-worker.js`,
  `import { openBundle } from '../cli/bundle.js';\nopenBundle(new URL('.', import.meta.url)).load('job-worker.cjs');\n`,
);

// What is kept from run to run is good for the build that made it (src/cli/run-store.ts).
const id = createHash('sha256');
for (const { fileName, code = '' } of output) id.update(fileName).update(code);
writeFileSync(`${dist}bundle/build-id`, id.digest('hex'));

// In a process of its own, which has set the flags that the command line sets.
execFileSync(process.execPath, [fileURLToPath(new URL('keep-code.mjs', import.meta.url))], {
  stdio: ['ignore', 'ignore', 'inherit'],
  env: { ...process.env, NODE_OPTIONS: '', JITNIC_CACHE: 'off' },
});
