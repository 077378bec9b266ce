import { describe, expect, it } from 'vitest';
import { assembleInsns } from '../isa/index.js';
import { LiveSlots } from './live-slots.js';

function liveAt(text: string, pc: number): string {
  const live = new LiveSlots(assembleInsns(text));
  const registers = Array.from({ length: 10 }, (_, r) => r).filter((r) => live.isLive(pc, r));
  const bytes = Array.from({ length: 64 }, (_, slot) => 8 * slot - 512).filter((at) => live.isLiveByte(pc, at));
  return [...registers.map((r) => `r${r}`), ...bytes.map((at) => `fp${at}`)].join(' ');
}

describe('what is live', () => {
  it('is what either way of a branch reads before it writes it', () => {
    const text = `
      r6 = r1
      if r2 == 0 goto out
      r0 = r6
      r0 += r3
      exit
    out:
      r0 = r4
      exit`;
    expect(liveAt(text, 0)).toBe('r1 r2 r3 r4');
    expect(liveAt(text, 2)).toBe('r3 r6');
    expect(liveAt(text, 5)).toBe('r4');
  });

  it('is a spilled register until it is filled, and not what is overwritten', () => {
    const text = `
      *(u64 *)(r10 - 8) = r1
      *(u64 *)(r10 - 16) = r2
      *(u64 *)(r10 - 16) = r3
      r0 = *(u64 *)(r10 - 8)
      r4 = *(u64 *)(r10 - 16)
      r0 += r4
      exit`;
    expect(liveAt(text, 1)).toBe('r2 r3 fp-8');
    expect(liveAt(text, 3)).toBe('fp-16 fp-8');
    expect(liveAt(text, 4)).toBe('r0 fp-16');
  });

  it('is what a loop needs the next time round', () => {
    const text = `
      r0 = 0
    again:
      r0 += r2
      r1 += -1
      if r1 != 0 goto again
      exit`;
    expect(liveAt(text, 3)).toBe('r0 r1 r2');
  });

  it('is the key that a helper gets a pointer to, and its arguments; two slots of a 64-bit constant are one instruction', () => {
    const text = `
      *(u32 *)(r10 - 4) = r6
      r2 = r10
      r2 += -4
      r1 = 0x123456789 ll
      call 1
      exit`;
    // A slot is eight bytes; half a store does not end its life.
    expect(liveAt(text, 0)).toBe('r6 fp-8');
    expect(liveAt(text, 1)).toBe('fp-8');
    expect(liveAt(text, 5)).toBe('r1 r2 fp-8');
  });

  it('is every slot above a stack pointer that gets away', () => {
    const text = `
      r2 = r10
      r2 += -16
      if r1 == 0 goto out
      r0 = *(u64 *)(r2 + 8)
      exit
    out:
      r0 = 0
      exit`;
    expect(liveAt(text, 0)).toBe('r1 fp-16 fp-8');
  });
});
