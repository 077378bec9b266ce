/**
 * Joins the modules of the command line in a few files, `dist/bundle/`, which `dist/cli/main.js` prefers: finding, reading and compiling
 * three hundred modules one by one takes longer than most commands do. Files lie as deep as those of `dist/cli/`, so that paths relative to
 * `import.meta.url` mean the same.
 */
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
  format: 'esm',
  entryFileNames: '[name].js',
  chunkFileNames: '[name]-[hash].js',
  sourcemap: true,
});
await bundle.close();

// What is kept from run to run is good for the build that made it (src/cli/run-store.ts).
const id = createHash('sha256');
for (const { fileName, code = '' } of output) id.update(fileName).update(code);
writeFileSync(`${dist}bundle/build-id`, id.digest('hex'));
