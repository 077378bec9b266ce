/**
 * Keeps `docs/features.md` true: its tables stand between `<!-- table: NAME -->` and `<!-- end -->` and must be what
 * the code says. After a change, `UPDATE_GOLDEN=1 npx vitest run test/features.test.ts` writes them anew; then read
 * the difference.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { featureTables } from './support/feature-tables.js';

const file = fileURLToPath(new URL('../docs/features.md', import.meta.url));
const block = /<!-- table: ([\w-]+) -->\n([\s\S]*?)\n<!-- end -->/g;

if (process.env['UPDATE_GOLDEN'] === '1') {
  let text = readFileSync(file, 'utf8');
  for (const [name, make] of Object.entries(featureTables)) {
    const made = await make();
    text = text.replace(block, (whole, found: string) =>
      found === name ? `<!-- table: ${name} -->\n${made}\n<!-- end -->` : whole,
    );
  }
  writeFileSync(file, text);
}

const written = new Map(
  Array.from(readFileSync(file, 'utf8').matchAll(block), ([, name = '', text = '']) => [name, text]),
);

describe('the feature matrix', () => {
  test('has every table, and no other', () => {
    expect([...written.keys()].sort()).toEqual(Object.keys(featureTables).sort());
  });

  test.each(Object.keys(featureTables))('says what the code says: %s', async (name) => {
    expect(written.get(name)).toBe(await featureTables[name]?.());
  });
});
