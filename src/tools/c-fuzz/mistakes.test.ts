import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { mistakes, withMistake } from './mistakes.js';

describe('mistakes to be found', () => {
  test('are at least 25, each with a name of its own', () => {
    expect(new Set(mistakes.map(({ name }) => name)).size).toBe(mistakes.length);
    expect(mistakes.length).toBeGreaterThanOrEqual(25);
  });

  test.each(mistakes.map((mistake) => [mistake.name, mistake] as const))('%s', (_, mistake) => {
    const source = readFileSync(fileURLToPath(new URL(`../../${mistake.module}.ts`, import.meta.url)), 'utf8');
    expect(withMistake(mistake, source)).not.toBe(source);
  });

  test('a row that does not fit the code any more is told', () => {
    const row = { name: 'n', module: 'm', right: 'a  +  b', wrong: 'a - b' };
    expect(withMistake(row, 'x = a\n + b;')).toBe('x = a - b;');
    expect(() => withMistake(row, 'x = a + c;')).toThrow('`a  +  b` stands 0 times in m (n)');
    expect(() => withMistake(row, 'x = a + b + a + b;')).toThrow('stands 2 times');
  });
});
