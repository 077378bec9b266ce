import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { mistakes, withMistake } from './mistakes.js';

const file = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

describe('mistakes to be found', () => {
  test('are at least 25, each with a name of its own', () => {
    expect(new Set(mistakes.map(({ name }) => name)).size).toBe(mistakes.length);
    expect(mistakes.length).toBeGreaterThanOrEqual(25);
  });

  test.each(mistakes.map((mistake) => [mistake.name, mistake] as const))('%s', (_, mistake) => {
    const source = readFileSync(file(`${mistake.module}.ts`), 'utf8');
    const changed = withMistake(mistake, source);
    expect(changed).not.toBe(source);
    // What is built has the same text, or the self-test could not plant it.
    const built = file(`../dist/${mistake.module}.js`);
    if (existsSync(built)) expect(() => withMistake(mistake, readFileSync(built, 'utf8'))).not.toThrow();
  });

  test('a row that does not fit the code any more is told', () => {
    const row = { name: 'n', module: 'm', right: 'a  +  b', wrong: 'a - b' };
    expect(withMistake(row, 'x = a\n + b;')).toBe('x = a - b;');
    expect(() => withMistake(row, 'x = a + c;')).toThrow('`a  +  b` stands 0 times in m (n)');
    expect(() => withMistake(row, 'x = a + b + a + b;')).toThrow('stands 2 times');
  });
});
