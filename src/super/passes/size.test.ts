import { describe, expect, it } from 'vitest';
import { optimizeText } from '../testing.js';

describe('smaller code', () => {
  it('falls from block to block where that saves a jump', () => {
    const text = `
      r6 = r1
      r0 = *(u16 *)(r1 + 12)
      if w0 == 1 goto one
      if w0 == 2 goto call
      if w0 == 3 goto three
    out:
      r0 = 0
      exit
    three:
      r3 = *(u32 *)(r1 + 16)
    call:
      r2 = *(u32 *)(r1 + 20)
      call 12
      goto out
    one:
      r3 = *(u32 *)(r1 + 24)
      goto call`;
    // One of the two ways to the call, and nothing else, needs a jump.
    expect(optimizeText(text).filter((line) => line.startsWith('goto'))).toHaveLength(1);
  });

  it('reads packets by the register that an offset was made of', () => {
    const text = `
      r6 = r1
      r7 = *(u32 *)(r1 + 48)
      r2 = r7
      r2 += 12
      r0 = *(u32 *)skb[r2 + 4]
      r7 += r0
      r2 = r7
      w2 += 2
      r0 = *(u8 *)skb[r2]
      r2 = 14
      r0 = *(u16 *)skb[r2 + 2]
      exit`;
    expect(optimizeText(text)).toEqual([
      'r6 = r1',
      'w7 = *(u32 *)(r1 + 0x30)',
      'r0 = *(u32 *)skb[r7 + 0x10]',
      'r7 += r0',
      'r0 = *(u8 *)skb[r7 + 0x2]',
      'r0 = *(u16 *)skb[0x10]',
      'exit',
    ]);
  });

  const fork = (branch: string, one: string, other: string): string => `
      r3 = *(u32 *)(r1 + 12)
      r4 = *(u32 *)(r1 + 16)
      if ${branch} goto b
      ${one}
      r0 = *(u32 *)(r10 - 8)
      exit
    b:
      ${other}
      r0 = *(u16 *)(r10 - 8)
      exit`;

  it('does before a branch what both ways begin with, unless the branch looks at it', () => {
    const head = 'w4 *= 5\n*(u64 *)(r10 - 8) = r4';
    const count = (lines: readonly string[]): number => lines.filter((line) => line === 'w4 *= 0x5').length;
    expect(count(optimizeText(fork('w3 == 7', head, head)))).toBe(1);
    expect(count(optimizeText(fork('w4 == 7', head, head)))).toBe(2);
    expect(count(optimizeText(fork('w3 == 7', head, `w4 += w3\n${head}`)))).toBe(2);
    expect(count(optimizeText(fork('w3 == 7', head, head), { goal: 'speed' }))).toBe(2);
  });

  it('moves no load over a store that may have changed what it loads', () => {
    const text = (first: string): string => `
      *(u64 *)(r10 - 8) = 0
      r2 = r10
      r2 += -8
      r1 = 5
      call 1
      if r0 == 0 goto out
      r6 = r0
      call 7
      if r0 == 3 goto b
      r1 = *(u32 *)(r6 + 0)
      w1 *= 3
      *(u32 *)(r6 + 4) = r1
      exit
    b:
      ${first}
      r1 = *(u32 *)(r6 + 0)
      w1 *= 5
      *(u32 *)(r6 + 8) = r1
    out:
      exit`;
    const count = (lines: readonly string[]): number => lines.filter((line) => line.includes('= *(u32 *)(r6')).length;
    expect(count(optimizeText(text('')))).toBe(1);
    expect(count(optimizeText(text('*(u16 *)(r6 + 2) = 7')))).toBe(2);
  });

  it('shares the store of a register with that of a number which the register holds', () => {
    const text = (number: number): string => `
      r3 = *(u32 *)(r1 + 12)
      w4 = 0
      if w3 == 7 goto b
      if w3 == 8 goto c
      r4 = *(u32 *)(r1 + 16)
    b:
      *(u32 *)(r10 - 4) = r4
    d:
      r2 = r10
      r2 += -4
      r1 = 5
      call 1
      exit
    c:
      *(u32 *)(r10 - 4) = ${number}
      goto d`;
    const stores = (number: number): number =>
      optimizeText(text(number)).filter((line) => line.includes('r10 - 0x4')).length;
    expect(stores(0)).toBe(1);
    expect(stores(1)).toBe(2);
  });

  it('does nothing for want of the first element of an array, but for what loaders check', () => {
    const text = (key: string): string => `
      ${key}
      r2 = r10
      r2 += -4
      r1 = 0 ll
      call 1
      if r0 != 0 goto found
      r2 = r10
      r2 += -4
      r3 = r10
      r3 += -4
      r4 = 1
      r1 = 0 ll
      call 2
      exit
    found:
      r0 = *(u32 *)(r0 + 0)
      if w0 == 3 goto out
      r0 = 7
    out:
      exit`;
    const options = { references: { 3: 'counts', 11: 'counts' }, arrays: ['counts'] };
    const isUpdated = (lines: readonly string[]): boolean => lines.includes('call 0x2');
    const first = optimizeText(text('*(u32 *)(r10 - 4) = 0'), options);
    expect(isUpdated(first)).toBe(false);
    expect(first.some((line) => /if r0 [!=]= 0x0/.test(line))).toBe(true);
    expect(isUpdated(optimizeText(text('*(u32 *)(r10 - 4) = 1'), options))).toBe(true);
    expect(isUpdated(optimizeText(text('*(u32 *)(r10 - 4) = 0'), { ...options, arrays: [] }))).toBe(true);
  });

  it('reads a field that was put together in network byte order at once, and swaps it only where it is wanted so', () => {
    const text = (use: string): string => `
      r2 = *(u32 *)(r1 + 0)
      r3 = *(u8 *)(r2 + 13)
      r4 = *(u8 *)(r2 + 12)
      r4 <<= 8
      r4 |= r3
      ${use}
      exit
    other:
      r0 = 1
      exit`;
    const regions = { 1: 'packet', 2: 'packet' } as const;
    const whole = optimizeText(text('r0 = r4'), { regions });
    expect(whole.filter((line) => line.includes('*(u8'))).toHaveLength(0);
    expect(whole.filter((line) => line.includes('be16'))).toHaveLength(1);
    const compared = optimizeText(text('r0 = 2\n if r4 == 0x800 goto other'), { regions });
    expect(compared.filter((line) => line.includes('be16'))).toHaveLength(0);
    expect(compared.some((line) => line.includes('== 0x8 goto') || line.includes('!= 0x8 goto'))).toBe(true);
  });

  it('adds what a register holds anyway', () => {
    const text = (number: number): string => `
      r6 = ${number}
      r2 = *(u64 *)(r1 + 0)
      r2 += 1
      *(u64 *)(r1 + 0) = r2
      r0 = r6
      exit`;
    const regions = { 1: 'map', 3: 'map' } as const;
    const lines = (number: number): string[] =>
      optimizeText(text(number), { isEntry: false, only: ['atomics'], regions });
    expect(lines(1)).toContain('lock *(u64 *)(r1 + 0x0) += r6');
    expect(lines(2)).toContain('lock *(u64 *)(r1 + 0x0) += r2');
  });

  it('adds low halves where the rest is cut off', () => {
    const text = (between: string): string => `
      r0 = *(u64 *)(r1 + 0)
      r0 += -1
      ${between}
      w0 = w0
      exit`;
    const only = ['dead'];
    expect(optimizeText(text(''), { isEntry: false, only })).toContain('w0 += -0x1');
    expect(optimizeText(text('*(u64 *)(r1 + 0) = r0'), { isEntry: false, only })).toContain('r0 += -0x1');
  });

  it('joins stores to what a TC program has for its own use, by a register', () => {
    const text = `
      r7 = 0
      *(u32 *)(r1 + 48) = r7
      *(u32 *)(r1 + 52) = r7
      *(u32 *)(r1 + 60) = r7
      *(u32 *)(r1 + 64) = r7
      *(u32 *)(r1 + 8) = r7
      r0 = 0
      exit`;
    const only = ['widen'];
    const stores = (plainContext?: readonly [number, number]): string[] =>
      optimizeText(text, { only, plainContext }).filter((line) => line.startsWith('*('));
    expect(stores([48, 68])).toEqual([
      '*(u64 *)(r1 + 0x30) = r7',
      '*(u32 *)(r1 + 0x3c) = w7',
      '*(u32 *)(r1 + 0x40) = w7',
      '*(u32 *)(r1 + 0x8) = w7',
    ]);
    expect(stores()).toHaveLength(5);
  });
});
