import { describe, expect, it } from 'vitest';
import { op } from '../isa/index.js';
import { checkVector } from './conformance.js';
import { bareEngine } from './engines.js';
import { parseHex, parseVector } from './vector-file.js';

const interp = bareEngine('interp');
const check = (text: string) => checkVector(parseVector(text, 'x.data'), interp);
const passed = { kind: 'passed' };

describe('a vector file', () => {
  it('may have tabs, carriage returns, blanks around its section lines and none after the dashes', () => {
    expect(check('\t-- asm \r\n\tmov   %r0 ,\t7\t# x\r\n\texit\r\n --result \r\n 0x7 \r\n')).toEqual(passed);
  });

  it('may write registers without their sign, and sections for people', () => {
    expect(check('-- c\nint f();\n-- asm\nmov r0, 5\nexit\n-- no register offset\ncall\n-- result\n5')).toEqual(passed);
  });

  it('has raw numbers in hex or decimal, a line each or several', () => {
    expect(check('-- raw\n0X00000005000000B7 149\n-- result\n5')).toEqual(passed);
    expect(check('-- asm\nexit\n-- raw\n21474836663\n0x95\n-- result\n5')).toEqual(passed);
    expect(() => parseVector('-- raw\nb7000000\n-- result\n5', 'bad.data')).toThrow('`b7000000`');
    expect(() => parseVector('-- raw\n0x10000000000000000\n-- result\n5', 'bad.data')).toThrow('64-bit');
  });

  it('has results in hex, decimal or below zero', () => {
    for (const result of ['0xffffffffffffffff', '18446744073709551615', '-1']) {
      expect(check(`-- asm\nmov %r0, -1\nexit\n-- result\n${result}`)).toEqual(passed);
    }
  });

  it('has memory that may be empty', () => {
    expect(check('-- asm\nmov %r0, %r2\nexit\n-- mem\n\n-- result\n0')).toEqual(passed);
  });

  it('without a result, an error or a program is passed over, and says so', () => {
    expect(check('-- asm\nmov %r0, 0\nexit')).toMatchObject({ kind: 'not ours', what: /neither a result/ });
    expect(check('-- asm\n-- result\n0')).toEqual({ kind: 'not ours', what: 'it has no program' });
    expect(check('')).toMatchObject({ kind: 'not ours' });
  });

  it('with an empty error section beside a result expects the result', () => {
    expect(check('-- asm\nmov %r0, 1\nexit\n-- result\n1\n-- error\n')).toEqual(passed);
    expect(check('-- asm\nmov %r0, 1\nexit\n-- error\n')).toMatchObject({ kind: 'failed' });
  });

  it('that calls through a register or a runtime is not ours', () => {
    expect(check('-- asm\nmov %r2, 5\ncall %r2\nexit\n-- result\n2')).toMatchObject({ kind: 'not ours' });
    expect(check('-- asm\ncall runtime 0x2a\nexit\n-- result\n0\n-- error\n')).toMatchObject({ kind: 'not ours' });
  });

  it('has maps, by name', () => {
    const text = `-- map
# name type key value entries
numbers 2 4 4 10
-- asm
mov r2, 1
lddw r1, map_by_fd(numbers)
stxw [r10-4], r2
mov r2, r10
add r2, -4
call bpf_map_lookup_elem
jeq r0, 0, fail
mov r0, 1
exit
fail:
mov r0, 0
exit
-- result
1`;
    expect(check(text)).toEqual(passed);
    expect(check(text.replace('numbers 2', 'numbers 1'))).toMatchObject({ kind: 'failed' });
    expect(() => parseVector(text.replace('2 4 4 10', '2 4'), 'm.data')).toThrow('malformed map');
    expect(() => parseVector(text.replace('_fd(numbers)', '_fd(other)'), 'm.data')).toThrow('no map `other`');
  });

  it('may use registers that no engine has, to be refused', () => {
    const vector = parseVector('-- asm\nmov %r11, 0\nexit\n-- error\nbad register', 'r.data');
    expect(vector).toMatchObject({ insns: [{ code: op.ALU64 | op.MOV | op.K, dst: 11 }, {}] });
    expect(check('-- asm\nmov %r11, 0\nexit\n-- error\nbad register')).toEqual(passed);
  });
});

describe('hex bytes', () => {
  it('come in pairs, single digits, with prefixes or commas', () => {
    expect([...parseHex('01 2 0x3, 04\t0506', 'f')]).toEqual([1, 2, 3, 4, 5, 6]);
    expect(parseHex('', 'f').length).toBe(0);
  });

  it('that are none are named', () => {
    expect(() => parseHex('01 xyz', 'f')).toThrow('`xyz`');
    expect(() => parseHex('012', 'f')).toThrow('`012`');
  });
});
