/** Tells builds of this repository apart, for tools that keep what they measured. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A short hash of all modules, or those of a pattern; bundles, which are made of them, are left out. */
export function buildHash(modules: RegExp = /^/): string {
  const folder = fileURLToPath(new URL('../', import.meta.url));
  const sum = createHash('sha256');
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort())
    if (/^(?!lib|bundle).*\.js$/.test(name) && modules.test(name)) sum.update(readFileSync(join(folder, name)));
  return sum.digest('hex').slice(0, 12);
}
