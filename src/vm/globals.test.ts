import { describe, expect, it } from 'vitest';
import { parseGlobalValue } from './globals.js';

describe('a value on a command line', () => {
  it.each([
    ['true', true],
    [' false ', false],
    ['-12', -12],
    ['18446744073709551615', '18446744073709551615'],
    ['10.0.0.1', '10.0.0.1'],
    ['[1, 2]', [1, 2]],
  ])('`%s`', (text, value) => {
    expect(parseGlobalValue(text)).toEqual(value);
  });
});
