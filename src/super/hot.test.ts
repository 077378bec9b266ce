import { describe, expect, it } from 'vitest';
import { parseImage, writeElf } from '../object/index.js';
import { hotFunctions } from './hot.js';
import { optimizeWithRules } from './optimize-object.js';

const bytes = writeElf(
  parseImage(
    `
.license "GPL"
.section xdp
.globl main
.type main, @function
main:
r2 = *(u32 *)(r1 + 12)
r0 = 1
if w2 == 1 goto out
r0 = 2
if w2 == 2 goto out
r0 = 3
if w2 == 3 goto out
r0 = 0
out:
exit
`,
    'hot.s',
  ),
);
/** The last number is met most often, and tested last. */
const program = {
  ran: [100, 100, 100, 95, 95, 85, 85, 5, 100],
  taken: [0, 0, 5, 0, 10, 0, 80],
  lengths: Array.from({ length: 100 }, () => 64),
};

const asPacketsRun = { goal: 'speed', profile: () => new Map([['main', program]]), name: 'hot.o' } as const;
const base = optimizeWithRules(bytes, asPacketsRun, undefined);

/** What stays out of `main`, if the ways cost that much and so many proofs fail, after code that costs `before`. */
async function chosen(costs: readonly number[], refusals: number, before = 10): Promise<string> {
  const all = [before, ...costs];
  let left = refusals;
  const cost = () => new Map([['main', all.shift() ?? 0]]);
  const options = { ...asPacketsRun, cost } as const;
  const { without, unproved } = await hotFunctions(bytes, base, undefined, options, async (_, names) =>
    left-- > 0 ? [...names] : [],
  );
  return `${[...(without.get('main') ?? [])].join()}${unproved.length > 0 ? '; unproved' : ''}`;
}

describe('functions as packets run them', () => {
  it('are made the way that is fastest', async () => {
    expect(await chosen([4, 3, 2, 5], 0)).toBe('split');
    expect(await chosen([1, 3, 2, 5], 0)).toBe('');
  });

  it('are made the next best way if that can’t be proved', async () => {
    expect(await chosen([4, 3, 2, 5], 1)).toBe('lengths; unproved');
  });

  it('stay as they are if no way is faster, or none can be proved', async () => {
    const out = await chosen([10, 11, 12, 13], 0);
    expect(out.split(',').length).toBeGreaterThan(3);
    expect(await chosen([4, 3, 2, 5], 1e9)).toBe(`${out}; unproved`);
  });
});
