/** Keys and values as JavaScript values by their BTF types. */
import { describe, expect, it } from 'vitest';
import { InputError } from '../base/index.js';
import { Btf } from '../object/index.js';
import { BtfInput } from '../object/testing/btf.js';
import { decodeTyped, encodeTyped, type TypedValue } from './btf-value.js';

/**
 *     struct flow { u32 from; u8 mac[6]; char name[8]; enum state state; union { u16 port; u8 parts[2]; }; u64 packets; s16 delta;
 *                   u16 low : 3, high : 5; struct bpf_spin_lock lock; }
 */
function flowType(): { btf: Btf; type: number } {
  const input = new BtfInput();
  const u32 = input.int('u32', 4);
  const u8 = input.int('u8', 1);
  const char = input.add('char', 1, 0, 1, [0x2000008]);
  const u16 = input.int('u16', 2);
  const s16 = input.int('s16', 2, true);
  const u64 = input.typedef('u64', input.int('unsigned long long', 8));
  const state = input.enum('state', [
    ['NEW', 0],
    ['OPEN', 1],
  ]);
  const lock = input.struct('bpf_spin_lock', 4, [['val', u32, 0]]);
  const anonymous = input.composite('union', '', 2, [
    ['port', u16, 0],
    ['parts', input.array(u8, 2), 0],
  ]);
  const type = input.struct('flow', 48, [
    ['from', u32, 0, 0],
    ['mac', input.array(u8, 6), 32, 0],
    ['name', input.array(char, 8), 80, 0],
    ['state', state, 160, 0],
    ['', anonymous, 192, 0],
    ['packets', u64, 256, 0],
    ['delta', s16, 320, 0],
    ['low', u16, 336, 3],
    ['high', u16, 339, 5],
    ['lock', lock, 352, 0],
  ]);
  return { btf: new Btf(input.bytes()), type };
}

const flow = {
  from: 0xc0000201,
  mac: Uint8Array.of(1, 2, 3, 4, 5, 6),
  name: 'eth0',
  state: 'OPEN',
  port: 0x1234,
  parts: Uint8Array.of(0x34, 0x12),
  packets: 0xffff_ffff_ffff_fffen,
  delta: -5,
  low: 6,
  high: 17,
  lock: { val: 0 },
} satisfies TypedValue;

const errorOf = (value: unknown): string => {
  const { btf, type } = flowType();
  try {
    encodeTyped(btf, type, value, 'value');
  } catch (error) {
    if (error instanceof InputError) return error.format();
    throw error;
  }
  return '';
};

describe('values by BTF', () => {
  it('come back as they went in, whatever the types', () => {
    const { btf, type } = flowType();
    const bytes = encodeTyped(btf, type, flow, 'value');
    expect(decodeTyped(btf, type, bytes)).toEqual(flow);
    expect(encodeTyped(btf, type, decodeTyped(btf, type, bytes), 'value')).toEqual(bytes);
    // Little endian, bit fields from the lowest bit on.
    expect([...bytes.subarray(24, 26)]).toEqual([0x34, 0x12]);
    expect(bytes[42]).toBe(6 | (17 << 3));
  });

  it('are as wide as their types: what a negative number is put before stays as it is, and one bit is a truth', () => {
    const input = new BtfInput();
    const s16 = input.int('s16', 2, true);
    const bool = input.add('bool', 1, 0, 1, [0x4000008]);
    const type = input.struct('padded', 8, [
      ['yes', bool, 0],
      ['no', bool, 8],
      ['delta', s16, 16],
    ]);
    const btf = new Btf(input.bytes());
    const value = { yes: true, no: false, delta: -2 };
    const bytes = encodeTyped(btf, type, value, 'value');
    expect([...bytes]).toEqual([1, 0, 0xfe, 0xff, 0, 0, 0, 0]);
    expect(decodeTyped(btf, type, bytes)).toEqual(value);
  });

  it('take one member of a union, numbers for bigints, and leave the kernel its locks', () => {
    const { btf, type } = flowType();
    const { parts: _, lock: __, ...rest } = flow;
    const bytes = encodeTyped(btf, type, { ...rest, packets: 7, mac: [1, 2, 3, 4, 5, 6], state: 1 }, 'value');
    expect(decodeTyped(btf, type, bytes)).toEqual({ ...flow, packets: 7n });
  });

  it('are refused with the member and what it takes', () => {
    expect(errorOf({ ...flow, delta: 32768 })).toBe('value.delta: 32768 does not fit\nhint: it takes -32768 to 32767');
    expect(errorOf({ ...flow, high: 32 })).toBe('value.high: 32 does not fit\nhint: it takes 0 to 31');
    expect(errorOf({ ...flow, state: 'SHUT' })).toBe(
      'value.state: `SHUT` is no enumerator of it\nhint: they are NEW, OPEN',
    );
    expect(errorOf({ ...flow, colour: 1 })).toBe(
      'value: there is no member `colour`\nhint: members are from, mac, name, state, port, parts, packets, delta, low, high, lock',
    );
    const { delta: _, ...short } = flow;
    expect(errorOf(short)).toBe('value: member `delta` is missing\nhint: give all members: `{ ...old, changed: 1 }`');
    expect(errorOf({ ...flow, mac: [1, 2] })).toBe('value.mac: 2 elements\nhint: it takes 6');
    expect(errorOf({ ...flow, name: 'much too long' })).toBe('value.name: 13 bytes\nhint: it takes 8');
    expect(errorOf({ ...flow, from: 1.5 })).toBe(
      'value.from: `1.5` is not what it takes\nhint: give a whole number (a bigint where it is beyond 2^53)',
    );
    expect(errorOf(7)).toBe('value: `7` is not what it takes\nhint: give an object with its members');
  });
});
