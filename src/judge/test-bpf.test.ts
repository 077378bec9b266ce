import { describe, expect, it } from 'vitest';
import { bareEngine } from './engines.js';
import { checkTestBpfCase, parseTestBpfCase } from './test-bpf.js';

const interp = bareEngine('interp');
/** mov32 r0, -3; exit */
const moveAndExit = 'b4000000fdffffff9500000000000000';
/** *(u8 *)(r1 + 8) = 5; r0 = *(u8 *)(r1 + 8); exit */
const storeAndLoad = '72010800050000007110080000000000' + '9500000000000000';
const line = (aux: number, runs: readonly (readonly number[])[], insns: string): string =>
  JSON.stringify({ name: 'a case', aux, runs, data: '', insns });

describe('a case of test_bpf', () => {
  it('compares the low half of r0', () => {
    expect(checkTestBpfCase(parseTestBpfCase(line(1, [[0, 0xfffffffd]], moveAndExit)), interp).kind).toBe('passed');
    expect(checkTestBpfCase(parseTestBpfCase(line(1, [[0, 3]], moveAndExit)), interp)).toEqual({
      kind: 'failed',
      what: 'r0 is 0xfffffffd, expected 0x3',
    });
  });

  it('has memory of the size that it asks for', () => {
    expect(checkTestBpfCase(parseTestBpfCase(line(16, [[9, 5]], storeAndLoad)), interp).kind).toBe('passed');
    expect(checkTestBpfCase(parseTestBpfCase(line(16, [[8, 5]], storeAndLoad)), interp).kind).toBe('failed');
  });

  it('says where a line that is none comes from', () => {
    expect(() => parseTestBpfCase('{"name":1}')).toThrow('not a case of test_bpf');
    expect(() => parseTestBpfCase('x')).toThrow('not a case of test_bpf');
  });
});
