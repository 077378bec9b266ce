/** Writes the man pages, compressed as distributions have them: `man` reads both, and the package is smaller. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const dist = fileURLToPath(new URL('../dist/', import.meta.url));
const folder = `${dist}man/`;
rmSync(folder, { recursive: true, force: true });
const made = spawnSync(process.execPath, [`${dist}cli/main.js`, 'man', '-o', folder], { stdio: 'inherit' });
if (made.status !== 0) process.exit(made.status ?? 1);
for (const file of readdirSync(folder)) {
  writeFileSync(`${folder}${file}.gz`, gzipSync(readFileSync(`${folder}${file}`), { level: 9 }));
  rmSync(`${folder}${file}`);
}
