import { describe, expect, it } from 'vitest';
import { formatTable, wrapWords } from './output.js';

describe('a table in a narrow terminal', () => {
  const columns = ['name', 'maps'].map((title) => ({ title }));

  it('goes on below itself where the last column is text', () => {
    const text = formatTable(
      columns,
      [
        ['filter', 'blocked counters ports hosts'],
        ['b', 'x'],
      ],
      '  ',
      30,
    );
    expect(text.split('\n')).toEqual([
      '  name    maps',
      '  ------  --------------------',
      '  filter  blocked counters',
      '          ports hosts',
      '  b       x',
      '',
    ]);
  });

  it('is as it would be where it fits', () => {
    const rows = [['filter', 'blocked counters']];
    expect(formatTable(columns, rows, '', 24)).toBe(formatTable(columns, rows));
  });

  it('folds where the last column would have too little room', () => {
    const text = formatTable(columns, [['a'.repeat(20), 'blocked counters ports']], '', 30);
    expect(text.split('\n').slice(-3)).toEqual(['a'.repeat(20), '    blocked counters ports', '']);
  });

  it('keeps words that are longer than a line', () => {
    expect(wrapWords(`see ${'x'.repeat(12)} there`, 8, '> ')).toEqual(['see', `> ${'x'.repeat(12)}`, '> there']);
  });
});
