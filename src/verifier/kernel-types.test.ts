import { describe, expect, it } from 'vitest';
import { Btf } from '../object/index.js';
import { BtfInput } from '../object/testing/btf.js';
import { kernelStruct } from './kernel-types.js';

/** Structures that end with an array of no length: of numbers, of structures, and one that has nothing else. */
function structs(): (of: 'numbers' | 'pairs' | 'closed', off: number, size: number) => unknown {
  const input = new BtfInput();
  const u32 = input.int('u32', 4);
  const byte = input.int('u8', 1);
  const pointer = input.ptr(0);
  const pair = input.struct('pair', 16, [
    ['to', pointer, 0],
    ['n', u32, 64],
  ]);
  const ids = {
    numbers: input.struct('numbers', 8, [
      ['a', u32, 0],
      ['b', u32, 32],
      ['tail', input.array(byte, 0), 64],
    ]),
    pairs: input.struct('pairs', 8, [
      ['a', u32, 0],
      ['tail', input.array(pair, 0), 64],
    ]),
    closed: input.struct('closed', 8, [
      ['tail', input.array(byte, 0), 0],
      ['a', u32, 0],
      ['b', u32, 32],
    ]),
  };
  const btf = new Btf(input.bytes());
  return (of, off, size) => kernelStruct(btf, ids[of])?.access?.(off, size);
}

describe('an array without a length at the end of a structure', () => {
  const access = structs();

  it('of numbers has numbers from its beginning on', () => {
    expect([8, 9, 4000].map((off) => access('numbers', off, 4))).toEqual(Array(3).fill({ kind: 'number' }));
  });

  it('of structures has the members of each', () => {
    expect([8, 24, 40].map((off) => access('pairs', off, 8))).toEqual(
      Array(3).fill({ kind: 'pointer', member: 'to', target: 'memory' }),
    );
    expect([16, 32].map((off) => access('pairs', off, 4))).toEqual(Array(2).fill({ kind: 'number' }));
  });

  it('is none where other members follow', () => {
    expect(access('closed', 8, 4)).toEqual({ kind: 'refused', what: 'access beyond struct closed at off 8 size 4' });
  });
});
