import { describe, expect, it } from 'vitest';
import { assembleInsns, formatInsn } from '../../isa/index.js';
import { parseRule, RuleSet } from './rules.js';
import { WindowSearch } from './search.js';

const shape = (text: string, known: readonly number[], asked: readonly number[]) => ({
  insns: assembleInsns(text),
  known,
  asked,
});
const budget = { steps: 200_000, seed: 1 };

describe('a search in one window', () => {
  it('finds one instruction for a pair of shifts, and nothing where there is nothing', () => {
    const mask = new WindowSearch(shape('r1 <<= 32\nr1 >>= 32', [64], [64]), 'v3', budget).next();
    expect(mask?.map((_, i) => formatInsn(mask, i, 'llvm', {}))).toEqual(['w1 = w1']);
    expect(new WindowSearch(shape('r1 *= r2\nr1 ^= r2', [64, 64], [64, 64]), 'v3', budget).next()).toBeUndefined();
  });

  it('takes out what no one asks for, by what is known of registers', () => {
    expect(new WindowSearch(shape('r1 &= 0xffff\nr1 |= 0x10000', [64], [16]), 'v3', budget).next()).toEqual([]);
    expect(new WindowSearch(shape('r1 &= 0xffff\nr1 &= 0xfff', [8], [64]), 'v3', budget).next()).toEqual([]);
  });

  it('reads no register that the window does not read', () => {
    const found = new WindowSearch(shape('r1 = 0\nr2 = 0', [64, 64], [64, 64]), 'v3', budget).next();
    expect(found).toBeUndefined();
  });

  it('costs what it may cost and gives equal answers', () => {
    const ask = () => new WindowSearch(shape('r1 += r2\nr1 <<= 3\nr1 += r2', [64, 64], [64, 64]), 'v1', budget).next();
    expect(ask()).toEqual(ask());
  });
});

describe('rules over windows', () => {
  const rule = parseRule({ before: ['r1 <<= 48', 'r1 >>= 48'], after: ['w1 &= 0xffff'], known: [64], asked: [64] });
  const rules = new RuleSet([rule]);

  it('stand for windows that know more and ask for less', () => {
    expect(rules.find(shape('r1 <<= 48\nr1 >>= 48', [32], [16]), 'v3')).toBe(rule);
    expect(rules.find(shape('r1 <<= 47\nr1 >>= 47', [32], [16]), 'v3')).toBeUndefined();
  });

  it('bring no instruction that the target does not have', () => {
    expect(rules.find(shape('r1 <<= 48\nr1 >>= 48', [32], [16]), 'v1')).toBeUndefined();
  });
});
