import { describe, expect, it } from 'vitest';
import { Btf } from '../object/index.js';
import { BtfInput } from '../object/testing/btf.js';
import { encodeTyped, writeTyped } from './map-typed.js';

/** struct outer { u32 a; u16 b[3]; struct { u8 c; u8 : 3, d : 5; u32 e; } in[2]; } */
function outer(): { btf: Btf; type: number } {
  const input = new BtfInput();
  const [u32, u16, u8] = [input.int('u32', 4), input.int('u16', 2), input.int('u8', 1)];
  const inner = input.struct('inner', 8, [
    ['c', u8, 0, 0],
    ['d', u8, 11, 5],
    ['e', u32, 32, 0],
  ]);
  const type = input.struct('outer', 28, [
    ['a', u32, 0],
    ['b', input.array(u16, 3), 32],
    ['in', input.array(inner, 2), 96],
  ]);
  return { btf: new Btf(input.bytes()), type };
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('a value as its members', () => {
  const { btf, type } = outer();

  it('has each at its place, also those of an array of structs', () => {
    const json = {
      a: 0x04030201,
      b: [0x0605, 0x0807, 0x0a09],
      in: [
        { c: 11, d: 3, e: 12 },
        { c: 13, d: 31, e: 0xffffffff },
      ],
    };
    expect(hex(encodeTyped(btf, type, json, 28))).toBe(
      '01020304' + '05060708090a' + '0000' + '0b1800000c000000' + '0df80000ffffffff',
    );
  });

  it('is written where it is asked for, and what is not named stays as it is', () => {
    const bytes = new Uint8Array(32).fill(0xee);
    writeTyped(btf, type, { in: [{ e: 1 }, { c: 2 }] }, bytes, 2);
    expect(hex(bytes)).toBe(`${'ee'.repeat(18)}01000000${'02'}${'ee'.repeat(9)}`);
  });
});
