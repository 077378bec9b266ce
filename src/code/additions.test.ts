import { describe, expect, it } from 'vitest';
import { assemble } from '../object/index.js';
import { findAdditions } from './additions.js';

function additions(...lines: string[]): string {
  const { programs } = assemble(
    ['.license "GPL"', '.section xdp', '.globl main', '.type main, @function', 'main:', ...lines, 'exit', ''].join(
      '\n',
    ),
  );
  const { loads, stores } = findAdditions(programs[0]?.insns ?? []);
  return `${[...loads].join()} ${[...stores].join()}`;
}

const load = 'r1 = *(u64 *)(r7 + 8)';
const store = '*(u64 *)(r7 + 8) = r1';

describe('an addition in three instructions', () => {
  it.each([
    ['of a constant', [load, 'r1 += 1', store, 'r0 = 2'], '0 2'],
    ['of a register', [load, 'r1 += r3', store, 'r0 = 2'], '0 2'],
    ['of four bytes', ['r1 = *(u32 *)(r7 + 8)', 'w1 += 1', '*(u32 *)(r7 + 8) = r1', 'r0 = 2'], '0 2'],
    [
      'among others',
      [load, 'r2 = *(u64 *)(r7 + 16)', 'r1 += 1', store, 'r2 += r4', '*(u64 *)(r7 + 16) = r2', 'r0 = 2'],
      '0,1 3,5',
    ],
    ['with the frame in between', [load, '*(u64 *)(r10 - 8) = r3', 'r1 += 1', store, 'r0 = 2'], '0 3'],
  ])('%s', (_, lines, expected) => {
    expect(additions(...lines)).toBe(expected);
  });

  it.each([
    ['the sum is used', [load, 'r1 += 1', store, 'r0 = r1']],
    ['the old value is used', [load, 'r0 = r1', 'r1 += 1', store]],
    ['it is doubled', [load, 'r1 += r1', store, 'r0 = 2']],
    ['it is more than an addition', [load, 'r1 &= 7', store, 'r0 = 2']],
    ['the place moves', [load, 'r1 += 1', 'r7 += 8', store, 'r0 = 2']],
    ['it is stored elsewhere', [load, 'r1 += 1', '*(u64 *)(r7 + 0) = r1', 'r0 = 2']],
    ['something else may be stored there', [load, '*(u64 *)(r8 + 0) = r3', 'r1 += 1', store, 'r0 = 2']],
    ['a part of it is overwritten', [load, '*(u8 *)(r7 + 9) = r3', 'r1 += 1', store, 'r0 = 2']],
    ['a way leads in between', [load, 'if r3 == 0 goto out', 'r1 += 1', 'out:', store, 'r0 = 2']],
  ])('not if %s', (_, lines) => {
    expect(additions(...lines)).toBe(' ');
  });
});
