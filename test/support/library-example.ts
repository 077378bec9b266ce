/** The example that `src/index.ts` begins with. */
import { readFileSync } from 'node:fs';

const index = readFileSync(new URL('../../src/index.ts', import.meta.url), 'utf8');

/** The first indented block of the first comment, as a program. */
export function libraryExample(): string {
  const all = index.slice(0, index.indexOf('*/')).split('\n');
  const start = all.findIndex((line) => line.startsWith(' *     '));
  const lines = all.slice(
    start,
    all.findIndex((line, i) => i > start && line !== ' *' && !line.startsWith(' *     ')),
  );
  return lines.map((line) => line.slice(7)).join('\n');
}
