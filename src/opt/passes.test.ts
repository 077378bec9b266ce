import { describe, expect, it } from 'vitest';
import { levelSettings, type Pass, parseSettings, passes } from './index.js';
import { checkOrder } from './passes.js';

describe('the table', () => {
  it('refuses an order that contradicts its constraints', () => {
    const row = (name: string, more: Partial<Pass>): Pass => ({
      name,
      description: '',
      level: 1,
      needsVerified: false,
      targets: [],
      run: (code) => code,
      ...more,
    });
    expect(() => checkOrder([row('a', { after: ['b'] }), row('b', {})])).toThrow('a must come after b');
    expect(() => checkOrder([row('a', {}), row('b', { before: ['a'] })])).toThrow('b must come before a');
    expect(() => checkOrder([row('a', { after: ['c'] })])).toThrow('no pass c');
    expect(() => checkOrder([row('a', {}), row('a', {})])).toThrow('one name');
  });

  it('has more at each level', () => {
    const sizes = [0, 1, 2, 3].map((level) => levelSettings(level).enabled.size);
    expect(sizes[0]).toBe(0);
    expect(sizes).toEqual([...sizes].sort((a, b) => a - b));
    expect(sizes[3]).toBe(passes.length);
  });
});

describe('-O', () => {
  it('takes levels, passes and parameters in order', () => {
    expect([...parseSettings(['1', '+bounds', '-cse']).enabled]).toEqual(
      [...levelSettings(1).enabled].filter((name) => name !== 'cse').concat('bounds'),
    );
    expect(parseSettings(['window=7']).params.window).toBe(7);
  });

  it('refuses what it does not know', () => {
    for (const word of ['4', '+csee', '-what', 'fold', 'windows=3', 'window=x', 'nothing']) {
      expect(() => parseSettings([word]), word).toThrow(`\`-O${word}\``);
    }
  });
});
