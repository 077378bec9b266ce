/**
 * Golden files: what a command printed once, kept in test/golden/text, compared byte for byte. `UPDATE_GOLDEN=1 npx
 * vitest run test/golden` writes them anew; the difference is then read before it is committed.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect } from 'vitest';

const folder = new URL('./text/', import.meta.url);

export function expectGolden(name: string, text: string): void {
  const file = new URL(name, folder);
  const update = process.env['UPDATE_GOLDEN'] === '1';
  if (update) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, text);
    return;
  }
  expect(existsSync(file), `golden file ${name} is missing: run with UPDATE_GOLDEN=1`).toBe(true);
  expect(text).toBe(readFileSync(file, 'utf8'));
}
