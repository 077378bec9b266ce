import { describe, expect, it } from 'vitest';
import type { Profile } from '../function-code.js';
import { optimizeText } from '../testing.js';
import { passes } from './passes.js';

/** Every instruction ran 100 times, and of the jumps some went as often as said. */
function profile(taken: Readonly<Record<number, number>>, ran: Readonly<Record<number, number>> = {}): Profile {
  return {
    ran: (slot) => ran[slot] ?? 100,
    taken: (slot) => taken[slot] ?? 0,
    lengths: Array.from({ length: 100 }, () => 64),
  };
}

const branches = (lines: readonly string[]): string[] => lines.filter((line) => line.startsWith('if '));

describe('passes that sample packets steer', () => {
  it('keep apart what one path knows, so that it is computed there', () => {
    const text = `
      r0 = *(u8 *)(r1 + 0)
      r3 = 14
      if r0 == 7 goto on
      r3 = 18
    on:
      r0 += r3
      r0 *= 3
      r0 ^= 1
      exit`;
    const options = { isEntry: false, goal: 'speed' } as const;
    const apart = optimizeText(text, { ...options, profile: profile({ 2: 50 }) });
    expect(apart).toContain('r0 += 0x12');
    expect(apart).not.toContain('r0 += r3');
    expect(optimizeText(text, options)).toContain('r0 += r3');
  });

  it('test first for the number that is met most often', () => {
    const text = `
      r2 = *(u8 *)(r1 + 0)
      r0 = 1
      if w2 == 1 goto out
      r0 = 2
      if w2 == 2 goto out
      r0 = 3
      if w2 == 3 goto out
      r0 = 4
    out:
      exit`;
    const options = { isEntry: false, goal: 'speed' } as const;
    const sampled = profile({ 2: 5, 4: 10, 6: 80 }, { 3: 95, 4: 95, 5: 85, 6: 85, 7: 5 });
    expect(branches(optimizeText(text, { ...options, profile: sampled }))[0]).toMatch(/w2 [!=]= 0x3 /);
    expect(branches(optimizeText(text, options))[0]).toMatch(/w2 [!=]= 0x1 /);
  });

  it('check once that a packet is as long as its path asks for', () => {
    const text = `
      r2 = *(u32 *)(r1 + 0)
      r3 = *(u32 *)(r1 + 4)
      r0 = 1
      r4 = r2
      r4 += 14
      if r4 > r3 goto out
      r5 = *(u8 *)(r2 + 12)
      r4 = r2
      r4 += 34
      if r4 > r3 goto out
      r0 = *(u8 *)(r2 + 33)
      r0 += r5
    out:
      exit`;
    const regions = { 5: 'packet', 6: 'packet', 9: 'packet', 10: 'packet' } as const;
    const only = passes.map(({ name }) => name).filter((name) => name !== 'rebase');
    const sums = (lines: readonly string[]): string[] => lines.filter((line) => line.startsWith('r4 += '));
    const sampled = optimizeText(text, { goal: 'speed', only, profile: profile({}), regions });
    // The code stands twice: behind the one check, and as it was for packets that are shorter.
    expect(sums(sampled)[0]).toBe('r4 += 0x22');
    expect(branches(sampled.slice(0, sampled.indexOf('exit')))).toHaveLength(1);
    expect(branches(sampled)).toHaveLength(3);
    expect(sums(optimizeText(text, { goal: 'speed', only, regions }))).toEqual(['r4 += 0xe', 'r4 += 0x22']);
  });

  it('do what one way alone asks for on that way, calls and frame included', () => {
    const text = `
      r6 = r1
      *(u64 *)(r10 - 8) = 0
      call 5
      if r0 == 0 goto out
      r2 = r10
      r2 += -8
      r1 = 5
      call 1
    out:
      r0 = 2
      exit`;
    const after = optimizeText(text, { goal: 'speed' });
    expect(after.indexOf('*(u64 *)(r10 - 0x8) = 0x0')).toBeGreaterThan(
      after.findIndex((line) => line.startsWith('if')),
    );
  });

  it('read a field of the context on the way that asks for it, unless the packet is moved before', () => {
    const text = (helper: number): string => `
      r9 = r1
      r7 = *(u32 *)(r1 + 0)
      r2 = 0
      call ${helper}
      if r0 != 0 goto rare
      r0 = 2
      exit
    rare:
      r1 = r9
      r2 = 0
      call 44
      r0 = r7
      exit`;
    const regions = { 1: 'ctx' } as const;
    const [quiet, moving] = [5, 44].map((helper) =>
      optimizeText(text(helper), { goal: 'speed', only: ['sink', 'dead'], regions }),
    );
    expect(quiet?.findIndex((line) => line.includes('(r9 + 0x0)'))).toBeGreaterThan(quiet?.indexOf('exit') ?? 0);
    expect(moving?.[1]).toContain('*(u32 *)(r1 + 0x0)');
  });

  it('leave an argument in its register until a rare way asks for it, whatever was put there before', () => {
    const text = (first: string): string => `
      r7 = r1
      ${first}
      r1 = *(u32 *)(r7 + 4)
      r3 = *(u32 *)(r7 + 0)
      r2 = r3
      r2 += 14
      if r2 > r1 goto out
      r3 = *(u16 *)(r3 + 12)
      if w3 != 8 goto out
      r2 -= r1
      r1 = r7
      call 65
      r1 = r7
      r2 = 0
      call 65
    out:
      w0 = 2
      exit`;
    const after = optimizeText(text(''), { goal: 'speed' });
    const second = after.findIndex((line, i) => line.startsWith('if') && after[i - 1]?.includes('+ 0xc') === true);
    expect(second).toBeGreaterThan(0);
    expect(after.findIndex((line) => /^r[6-9] = r1$/.test(line))).toBeGreaterThan(second);
    // A call takes its register.
    const called = optimizeText(text('call 5'), { goal: 'speed' });
    expect(called[0]).toMatch(/^r[6-9] = r1$/);
  });

  it('read a value of a map on the way that asks for it, behind look-ups and in front of nothing that stores', () => {
    const text = (between: string): string => `
      r6 = r2
      r7 = *(u32 *)(r6 + 16)
      ${between}
      if r0 != 0 goto rare
      r0 = 2
      exit
    rare:
      r0 = r7
      exit`;
    const lookUp = `r1 = 0x1 ll
      r2 = r6
      call 1`;
    const regions = { 1: 'map', 2: 'map' } as const;
    const at = (between: string): number => {
      const lines = optimizeText(text(between), { goal: 'speed', only: ['sink'], isEntry: false, regions });
      return lines.findIndex((line) => line.includes('(r6 + 0x10)')) - lines.findIndex((line) => line.startsWith('if'));
    };
    expect(at(lookUp)).toBeGreaterThan(0);
    expect(at('call 3')).toBeLessThan(0);
    expect(at('*(u32 *)(r2 + 16) = 0\n call 1')).toBeLessThan(0);
  });

  it('move a result on both ways if it can go on from there to where it is asked for', () => {
    const text = `
      r7 = r1
      r2 = *(u8 *)(r10 - 1)
      if r2 == 1 goto ask
      r2 += 3
      if r2 > 9 goto ask
      r0 = 0
      exit
    ask:
      call 5
      r0 = r7
      exit`;
    const after = optimizeText(text, {
      goal: 'speed',
      isEntry: false,
      profile: profile({ 2: 1, 4: 1 }, { 6: 98, 7: 2 }),
    });
    const [, second] = after.flatMap((line, i) => (line.startsWith('if') ? [i] : []));
    expect(after.indexOf('r7 = r1')).toBeGreaterThan(second ?? Number.POSITIVE_INFINITY);
  });

  it('leave what both ways ask for, and what the branch looks at', () => {
    const text = `
      r6 = r1
      call 5
      r6 += 1
      r1 = *(u8 *)(r0 + 0)
      if r1 s> 9 goto other
      r0 = r6
      exit
    other:
      r0 = r6
      r0 *= 3
      exit`;
    const after = optimizeText(text, { goal: 'speed', isEntry: false });
    expect(after).toContain('r6 += 0x1');
    expect(after.indexOf('r6 += 0x1')).toBeLessThan(after.findIndex((line) => line.startsWith('if')));
  });
});

describe('numbers in place of swapped bytes', () => {
  const text = (end: string): string => `
    r2 = *(u16 *)(r1 + 12)
    r2 = be16 r2
    if r2 == 0x800 goto four
    if r2 == 0x86dd goto six
    ${end}
    exit
  four:
    r0 = 4
    exit
  six:
    r0 = 6
    exit`;

  it('are swapped when the code is made', () => {
    const after = optimizeText(text('r0 = 0'), { isEntry: false });
    expect(after.filter((line) => line.includes('be16'))).toEqual([]);
    expect(branches(after).map((line) => /0x\w+/.exec(line)?.[0])).toEqual(['0x8', '0xdd86']);
  });

  it('are swapped for tests that several swaps lead to', () => {
    const merged = `
      r2 = *(u16 *)(r1 + 12)
      if r2 == 0x81 goto vlan
      r2 = be16 r2
      if r2 == 0x800 goto four
      goto last
    vlan:
      r2 = *(u16 *)(r1 + 16)
      r2 = be16 r2
      if r2 == 0x800 goto four
    last:
      r0 = 0
      if r2 != 0x86dd goto out
      r0 = 6
    out:
      exit
    four:
      r0 = 4
      exit`;
    const after = optimizeText(merged, { isEntry: false, only: ['swaps'] });
    expect(after.filter((line) => line.includes('be16'))).toEqual([]);
    const numbers = branches(after).map((line) => /0x\w+/.exec(line)?.[0]);
    expect(numbers.sort()).toEqual(['0x8', '0x8', '0x81', '0xdd86']);
  });

  it('are not where a number comes to the test from elsewhere', () => {
    const other = `
      r2 = *(u16 *)(r1 + 12)
      r2 = be16 r2
      if r2 != 0x800 goto last
      r2 = r3
    last:
      r0 = 0
      if r2 != 0x86dd goto out
      r0 = 6
    out:
      exit`;
    const after = optimizeText(other, { isEntry: false, only: ['swaps'] });
    expect(after.filter((line) => line.includes('be16'))).toHaveLength(1);
  });

  it('are not where something else looks at them', () => {
    const after = optimizeText(text('r0 = r2'), { isEntry: false });
    expect(after.filter((line) => line.includes('be16'))).toHaveLength(1);
  });
});
