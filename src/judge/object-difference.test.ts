import { describe, expect, it } from 'vitest';
import { Bpf } from '../linux/index.js';
import { assemble, type ObjectSpec } from '../object/index.js';
import { compareObjects } from './object-difference.js';

const kernel = Bpf.tryOpen();
const whyNot = kernel === undefined ? ' (skipped: bpf(2) is not permitted here)' : '';

/** A TC program that counts packets by the first byte of theirs, and marks them. */
const counting = (mark: number, verdict: number): ObjectSpec =>
  assemble(`.license "GPL"
.map counters type=array key=4 value=8 max_entries=2
.section tc
.globl prog
prog:
r6 = r1
r2 = *(u32 *)(r1 + 76)
r3 = *(u32 *)(r1 + 80)
r0 = ${verdict}
r4 = r2
r4 += 14
if r4 > r3 goto out
w1 = *(u8 *)(r2 + 0)
w1 &= 1
*(u32 *)(r10 - 4) = w1
*(u8 *)(r2 + 13) = w1
w2 = ${mark}
*(u32 *)(r6 + 8) = w2
r1 = counters ll
r2 = r10
r2 += -4
call bpf_map_lookup_elem
if r0 == 0 goto none
r1 = 1
lock *(u64 *)(r0 + 0) += r1
none:
r0 = ${verdict}
out:
exit
`);
const packets = Array.from({ length: 40 }, (_, i) => ({ data: new Uint8Array(60).fill(i) }));

describe.runIf(kernel !== undefined)(`TC programs side by side in the kernel${whyNot}`, () => {
  const compared = (after: ObjectSpec): string | undefined => {
    const [row] = compareObjects(counting(7, 0), after, packets, { seeds: [1], kernel });
    expect(row?.why).toBeUndefined();
    return row?.difference?.what;
  };

  it('are equal, or differ in verdict or in what they leave in the context', () => {
    expect(compared(counting(7, 0))).toBeUndefined();
    expect(compared(counting(7, 2))).toMatch('verdict');
    expect(compared(counting(8, 0))).toMatch('metadata');
  });
});

describe('TC programs', () => {
  it('are not run where no kernel can be asked, and that is said', () => {
    const [row] = compareObjects(counting(7, 0), counting(8, 0), packets, { seeds: [1] });
    expect(row).toMatchObject({ packets: 0, difference: undefined, why: 'a program of type sched_cls' });
  });
});
