import { describe, expect, it } from 'vitest';
import { haveSolver, theSolver, whyNot } from '../../../test/support/solver.js';
import { assemble } from '../../object/index.js';
import { validateFunction } from './index.js';

/** Writes a byte of the packet, or a map, before a call that looks at neither. */
const program = (byte: number, call: string): string => `.license "GPL"
.map ports type=devmap key=4 value=4 max_entries=4
.section xdp
.globl prog
prog:
r6 = *(u32 *)(r1 + 0)
r7 = *(u32 *)(r1 + 4)
r0 = 1
r1 = r6
r1 += 14
if r1 > r7 goto out
r1 = 1
*(u8 *)(r6 + 0) = r1
r1 = ${byte}
*(u8 *)(r6 + 1) = r1
${call}
r0 = 2
out:
exit
`;

async function judged(byte: number, other: number, call: string): Promise<string> {
  const [before, after] = [program(byte, call), program(other, call)].map((text) => assemble(text));
  const [a, b] = [before?.programs[0], after?.programs[0]];
  if (before === undefined || a === undefined || b === undefined) throw new Error('the text holds no program');
  const context = { type: 'xdp', maps: before.maps } as const;
  return (await validateFunction({ program: a, index: 0 }, { program: b, index: 0 }, context, theSolver())).verdict;
}

describe.runIf(haveSolver)(`what was written before a call that sees no memory${whyNot}`, () => {
  it.each([
    ['bpf_ktime_get_ns', 'call bpf_ktime_get_ns'],
    ['bpf_get_prandom_u32', 'call bpf_get_prandom_u32'],
    ['bpf_redirect_map', 'r1 = ports ll\nr2 = 0\nr3 = 1\ncall bpf_redirect_map'],
    ['bpf_get_current_comm into the packet', 'r1 = r6\nr1 += 4\nr2 = 8\ncall bpf_get_current_comm'],
    ['no call', ''],
  ])('has to be the same all the same: %s', async (_, call) => {
    expect(await judged(7, 7, call)).toBe('proved');
    expect(await judged(7, 8, call)).toBe('refuted');
  });
});
