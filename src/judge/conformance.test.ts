import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { checkVector } from './conformance.js';
import { bareEngine } from './engines.js';
import { parseVector } from './vector-file.js';

const interp = bareEngine('interp');
const check = (text: string) => checkVector(parseVector(text, 'x.data'), interp);

describe('a vector', () => {
  it('passes on the right result, in hex or decimal', () => {
    expect(check('-- asm\nmov %r0, -1\nexit\n-- result\n0xffffffffffffffff').kind).toBe('passed');
    expect(check('# comment\n-- asm\nmov32 %r0, 7 # seven\nexit\n-- result\n7\n').kind).toBe('passed');
  });

  it('fails on another', () => {
    expect(check('-- asm\nmov %r0, 1\nexit\n-- result\n0x2')).toEqual({
      kind: 'failed',
      what: 'r0 is 0x1, expected 0x2',
    });
  });

  it('gives the program its memory', () => {
    expect(check('-- asm\nldxh %r0, [%r1+2]\nadd %r0, %r2\nexit\n-- mem\naa bb 01 02\ncc\n-- result\n0x206').kind).toBe(
      'passed',
    );
  });

  it('that expects an error passes on a trap', () => {
    expect(check('-- asm\nldxb %r0, [%r1+9]\nexit\n-- mem\n00\n-- error\nout of bounds memory load').kind).toBe(
      'passed',
    );
    expect(check('-- asm\nmov %r0, 0\nexit\n-- error\nanything').kind).toBe('failed');
    expect(check('-- raw\n0x00000000000000ff\n-- error\nunknown opcode 0xff').kind).toBe('passed');
  });

  it('about a helper of the test harness is not ours, by name', () => {
    expect(check('-- asm\ncall 99999\nexit\n-- result\n0')).toMatchObject({
      kind: 'not ours',
      what: expect.stringContaining('#99999'),
    });
  });

  it('that is malformed names the file', () => {
    expect(() => parseVector('-- asm\nfrob %r0\nexit\n-- result\n0', 'bad.data')).toThrow('`frob`');
    expect(() => parseVector('-- asm\nexit\n-- mem\nxyz\n-- result\n0', 'bad.data')).toThrow('hex');
  });
});

const shared = process.env['JITNIC_SHARED'] ?? fileURLToPath(new URL('../../../shared', import.meta.url));
const folder = `${shared}/conformance/`;

describe.skipIf(!existsSync(folder))('the public suite', () => {
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.data')) : [];
  it.each(names)('%s', (name) => {
    expect(checkVector(parseVector(readFileSync(`${folder}${name}`, 'utf8'), name), interp)).toEqual({
      kind: 'passed',
    });
  });
});
