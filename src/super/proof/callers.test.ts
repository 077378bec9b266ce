import { describe, expect, it } from 'vitest';
import { haveSolver, theSolver, whyNot } from '../../../test/support/solver.js';
import { assemble } from '../../object/index.js';
import { validateObject } from './index.js';

/** A program that hands over eight bytes of its frame, of which `flag` is the first, and a function that changes it. */
const program = (flag: number, change: string): string => `.license "GPL"
.section xdp
.globl prog
prog:
r1 = *(u32 *)(r1 + 12)
w6 = 0
if w1 == 0 goto known
w6 = ${flag}
known:
*(u64 *)(r10 - 8) = r6
r1 = r10
r1 += -8
call mark
w0 = *(u8 *)(r10 - 8)
exit
.section .text
mark:
${change}
w0 = 0
exit
`;

async function judged(flag: number): Promise<string | undefined> {
  const before = assemble(program(flag, 'w2 = *(u8 *)(r1 + 0)\nw2 |= 1\n*(u8 *)(r1 + 0) = r2'));
  const after = assemble(program(flag, '*(u8 *)(r1 + 0) = 1'));
  return (await validateObject(before, after, new Set(['mark']), theSolver())).get('mark')?.verdict;
}

describe.runIf(haveSolver)(`bytes of a caller's frame${whyNot}`, () => {
  it('are known where every caller puts the same there, and only there', async () => {
    expect(await judged(0)).toBe('proved');
    expect(await judged(2)).toBe('refuted');
  });
});
