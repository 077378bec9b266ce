import { describe, expect, it } from 'vitest';
import { assembleInsns } from '../isa/index.js';
import { packetAccesses } from './shown-regions.js';

/** Slots of a program's accesses to the packet. */
function found(text: string, type: Parameters<typeof packetAccesses>[1] = 'sched_cls'): number[] {
  const insns = assembleInsns(text);
  const isPacket = packetAccesses(insns, type);
  return insns.flatMap((_, slot) => (isPacket(slot) ? [slot] : []));
}

const head = 'w2 = *(u32 *)(r1 + 76)\nw3 = *(u32 *)(r1 + 80)\nr4 = r2\nr4 += 14\nif r4 > r3 goto out\n';

describe('accesses to the packet of a program that our verifier does not know', () => {
  it('are those by what was loaded from the context, moved and added to', () => {
    expect(found(`${head}r5 = *(u8 *)(r2 + 12)\nr4 += r5\nr5 = *(u8 *)(r4 - 2)\nout:\nr0 = 0\nexit`)).toEqual([5, 7]);
  });

  it('are found again behind a call where the frame kept the address, and a callee was not handed it', () => {
    const spilled = `${head}*(u64 *)(r10 - 8) = r2\ncall 7\nr2 = *(u64 *)(r10 - 8)\nr5 = *(u8 *)(r2 + 1)\nout:\nr0 = 0\nexit`;
    expect(found(spilled)).toEqual([8]);
    const other = spilled.replace('call 7', 'r3 = r10\nr3 += -12\n*(u64 *)(r3 + 0) = r1');
    expect(found(other)).toEqual([]);
  });

  it('are none where another way leads there with something else, and none of types without a packet', () => {
    const mixed = `${head}if r4 == 7 goto other\nr6 = r2\ngoto on\nother:\nr6 = r10\nr6 += -8\non:\nr5 = *(u8 *)(r6 + 0)\nout:\nr0 = 0\nexit`;
    expect(found(mixed)).toEqual([]);
    expect(found(`${head}r5 = *(u8 *)(r2 + 12)\nout:\nr0 = 0\nexit`, 'kprobe')).toEqual([]);
  });
});
