/**
 * The lab's page out of `src/web`: static files in `dist/web` that any web server can hold, with the examples beside
 * them. `node scripts/web.mjs` after `tsc`; it takes a few seconds.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const root = fileURLToPath(new URL('../src/web/', import.meta.url));
const outDir = fileURLToPath(new URL('../dist/web/', import.meta.url));

await build({
  root,
  base: './',
  configFile: false,
  logLevel: 'error',
  worker: { format: 'es' },
  build: {
    outDir,
    emptyOutDir: true,
    // Its warning is about files that are loaded when they are asked for.
    chunkSizeWarningLimit: 2000,
    modulePreload: { polyfill: false },
    // A style sheet or a font within a script would be an inline one.
    assetsInlineLimit: 0,
    rolldownOptions: { checks: { pluginTimings: false } },
  },
});

const examples = fileURLToPath(new URL('../examples/', import.meta.url));
const names = readdirSync(examples).filter((name) => existsSync(`${examples}${name}/${name}.o`));
for (const name of names) {
  mkdirSync(`${outDir}examples/${name}`, { recursive: true });
  for (const file of [`${name}.o`, `${name}.bpf.c`, `${name}.maps.json`, 'traffic.pcap'])
    if (existsSync(`${examples}${name}/${file}`))
      cpSync(`${examples}${name}/${file}`, `${outDir}examples/${name}/${file}`);
}
/** What the page offers, so that it need not ask for what is not there. */
const listed = names.map((name) => ({ name, maps: existsSync(`${examples}${name}/${name}.maps.json`) }));
writeFileSync(`${outDir}examples/list.json`, JSON.stringify(listed));
