import { describe, expect, it } from 'vitest';
import { optimizeText } from '../testing.js';

describe('a field of the context', () => {
  const text = (second: string): string => `
    r6 = r1
    call 5
    r7 = r0
    ${second}
    r2 = *(u32 *)(r6 + 12)
    r0 = r7
    if r2 == 3 goto out
    r0 = 7
  out:
    exit`;
  const regions = { 3: 'ctx', 4: 'ctx' } as const;

  it('is read before calls in place of keeping the context for it', () => {
    const after = optimizeText(text('r7 += 1'), { regions });
    expect(after[0]).toMatch(/^w(\d) = \*\(u32 \*\)\(r1 \+ 0xc\)$/);
    expect(after.filter((line) => line.includes('*(u32'))).toHaveLength(1);
  });

  it('is not where another one is read too, or where calls may change it', () => {
    const other = optimizeText(text('r7 = *(u32 *)(r6 + 16)'), { regions });
    expect(other[0]).toMatch(/^r\d = r1$/);
    const moving = optimizeText(text('r7 += 1').replace('r6 + 12', 'r6 + 4'), { regions });
    expect(moving[0]).toMatch(/^r\d = r1$/);
  });
});

describe('a constant that is added', () => {
  const regions = { 3: 'packet', 5: 'packet', 6: 'packet', 10: 'packet' } as const;
  const text = (use: string): string => `
    r8 = r1
    r8 += 24
    r6 = r8
    r7 = *(u16 *)(r8 + 2)
    if r7 == 5 goto five
    r7 = *(u16 *)(r6 + 4)
    ${use}
    r0 = r7
    exit
  five:
    r6 += 16
    r0 = *(u8 *)(r6 + 0)
    exit`;
  const adds = (lines: readonly string[]): string[] => lines.filter((line) => / \+= /.test(line));

  it('goes into what is made of the sum, across copies and blocks', () => {
    const after = optimizeText(text('r7 += 1'), { isEntry: false, only: ['sums'], regions });
    expect(adds(after)).toEqual(['r7 += 0x1']);
    expect(after.flatMap((line) => /\(r[68] \+ 0x\w+\)/.exec(line) ?? []).sort()).toEqual([
      '(r6 + 0x1c)',
      '(r6 + 0x28)',
      '(r8 + 0x1a)',
    ]);
  });

  it('stays where something else looks at the sum as often', () => {
    const after = optimizeText(text('r7 *= r6'), { isEntry: false, only: ['sums'], regions });
    expect(adds(after)).toContain('r8 += 0x18');
  });

  it('stays in a loop that comes back to it', () => {
    const loop = `
      r6 = r1
    again:
      r6 += 8
      r0 = *(u64 *)(r6 + 0)
      if r0 != 0 goto again
      exit`;
    expect(adds(optimizeText(loop, { isEntry: false, only: ['sums'], regions: { 2: 'map' } }))).toEqual(['r6 += 0x8']);
  });
});

describe('what is read again from the frame', () => {
  const text = (call: string): string => `
    r1 = *(u8 *)(r1 + 9)
    *(u32 *)(r10 - 4) = r1
    r2 = r10
    r2 += -4
    ${call}
    r1 = *(u32 *)(r10 - 4)
    r0 = 1
    if r1 == 17 goto out
    r0 = 2
  out:
    exit`;
  const lookUp = `r1 = 0x1 ll
    call 1`;
  const reads = (lines: readonly string[]): string[] => lines.filter((line) => /= \*\(\w+ \*\)\(r10/.test(line));

  it('stays in a register that a look-up leaves alone', () => {
    const after = optimizeText(text(lookUp), { isEntry: false });
    expect(reads(after)).toEqual([]);
    expect(after[0]).toMatch(/^w[6-9] = \*\(u8 /);
    const register = after[0]?.[1];
    expect(after).toContain(`*(u32 *)(r10 - 0x4) = w${register}`);
    expect(after.find((line) => line.startsWith('if '))).toMatch(new RegExp(`^if [rw]${register} [!=]= 0x11`));
  });

  it('is read again where a call may have written it, or where no register is free', () => {
    expect(reads(optimizeText(text('r1 = r2\n r2 = 4\n r3 = 0\n call 4'), { isEntry: false }))).toHaveLength(1);
    const full = `
      r6 = *(u64 *)(r1 + 16)
      r7 = *(u64 *)(r1 + 24)
      r8 = *(u64 *)(r1 + 32)
      r9 = *(u64 *)(r1 + 40)
      ${text(lookUp).replace('exit', '')}
      r0 += r6
      r0 += r7
      r0 += r8
      r0 += r9
      exit`;
    expect(reads(optimizeText(full, { isEntry: false }))).toHaveLength(1);
  });
});
