import { describe, expect, it } from 'vitest';
import { haveSolver, theSolver, whyNot } from '../../../test/support/solver.js';
import { assemble } from '../../object/index.js';
import { validateFunction } from './index.js';

const program = (key: number, missing: string): string => `.license "GPL"
.map counters type=array key=4 value=8 max_entries=1
.section xdp
.globl prog
prog:
*(u32 *)(r10 - 4) = ${key}
r2 = r10
r2 += -4
r1 = counters ll
call bpf_map_lookup_elem
if r0 == 0 goto out
r0 = 2
exit
out:
r0 = ${missing}
exit
`;

/** Both versions, where `entries` are those that the file names: 0 leaves them to the loader. */
async function judged(key: number, entries: number): Promise<string> {
  const [before, after] = [program(key, '1'), program(key, '0')].map((text) => assemble(text));
  const [a, b] = [before?.programs[0], after?.programs[0]];
  if (before === undefined || a === undefined || b === undefined) throw new Error('the text holds no program');
  const maps = before.maps.map((map) => ({ ...map, maxEntries: entries }));
  const context = { type: 'xdp', maps } as const;
  return (await validateFunction({ program: a, index: 0 }, { program: b, index: 0 }, context, theSolver())).verdict;
}

describe.runIf(haveSolver)(`elements of arrays${whyNot}`, () => {
  it('are there as far as the file says, and the first one whatever the loader says', async () => {
    expect(await judged(0, 0)).toBe('proved');
    expect(await judged(3, 4)).toBe('proved');
    expect(await judged(1, 0)).toBe('refuted');
    expect(await judged(4, 4)).toBe('refuted');
  });
});
