import { describe, expect, it } from 'vitest';
import { assembleInsns } from '../isa/index.js';
import { LiveSlots } from './live-slots.js';

/** Registers and bytes that are live before `pc`, bytes as ranges of offsets. */
function liveAt(text: string, pc: number): string {
  const live = new LiveSlots(assembleInsns(text));
  const registers = Array.from({ length: 10 }, (_, r) => r).filter((r) => live.isLive(pc, r));
  const ranges: [number, number][] = [];
  for (let at = -512; at < 0; at++) {
    if (!live.isLiveByte(pc, at)) continue;
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === at - 1) last[1] = at;
    else ranges.push([at, at]);
  }
  return [...registers.map((r) => `r${r}`), ...ranges.map(([from, to]) => `fp${from}..${to}`)].join(' ');
}

/** Registers whose upper half is live before `pc`. */
function highAt(text: string, pc: number): string {
  const { highHalves } = new LiveSlots(assembleInsns(text)).before(pc);
  return Array.from({ length: 10 }, (_, r) => r)
    .filter((r) => ((highHalves >> r) & 1) === 1)
    .map((r) => `r${r}`)
    .join(' ');
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
    expect(liveAt(text, 1)).toBe('r2 r3 fp-8..-1');
    expect(liveAt(text, 3)).toBe('fp-16..-1');
    expect(liveAt(text, 4)).toBe('r0 fp-16..-9');
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
    expect(liveAt(text, 0)).toBe('r6');
    expect(liveAt(text, 1)).toBe('fp-4..-1');
    expect(liveAt(text, 5)).toBe('r1 r2 fp-4..-1');
  });

  it('is a byte for itself: a store ends the life of those that it fills', () => {
    const text = `
      *(u64 *)(r10 - 8) = 0
      *(u16 *)(r10 - 6) = r1
      r0 = *(u32 *)(r10 - 8)
      exit`;
    expect(liveAt(text, 2)).toBe('fp-8..-5');
    expect(liveAt(text, 1)).toBe('r1 fp-8..-7');
    expect(liveAt(text, 0)).toBe('r1');
  });

  it('follows a stack pointer from block to block', () => {
    const text = `
      r2 = r10
      r2 += -16
      if r1 == 0 goto out
      r0 = *(u64 *)(r2 + 8)
      exit
    out:
      r0 = *(u8 *)(r2 - 8)
      exit`;
    expect(liveAt(text, 0)).toBe('r1 fp-24..-24 fp-8..-1');
  });

  it.each([
    ['stored', '*(u64 *)(r10 - 8) = r2'],
    ['moved by a variable', 'r2 += r1'],
    ['different from path to path', 'if r1 == 0 goto +1\nr2 += 8'],
  ])('is all of the frame where a stack pointer is %s', (_, text) => {
    expect(liveAt(`r2 = r10\nr2 += -64\n${text}\nr0 = *(u8 *)(r2 + 0)\nexit`, 0)).toContain('fp-512..-1');
  });

  it('is what a function of the program may read through its argument, and r0 where a tail call may fail', () => {
    const call = `
      *(u64 *)(r10 - 16) = 0
      *(u64 *)(r10 - 8) = 0
      r1 = r10
      r1 += -8
      call reader
      r0 = 0
      exit
    reader:
      r0 = *(u64 *)(r1 - 8)
      exit`;
    expect(liveAt(call, 4)).toContain('fp-512..-1');
    expect(liveAt(call, 5)).toBe('');
    expect(liveAt('call 12\nexit', 0)).toBe('r0 r1 r2 r3');
    expect(liveAt('call 23\nexit', 0)).toBe('r1 r2');
  });
});

describe('the upper half of a register', () => {
  it('is live where all 64 bits are read, and where a copy is', () => {
    expect(highAt('r0 = r1\nexit', 0)).toBe('r1');
    expect(highAt('w0 = w1\nexit', 0)).toBe('');
    expect(highAt('w1 += w2\nr0 = r1\nr0 += r3\nexit', 0)).toBe('r3');
    expect(highAt('if w1 == w2 goto +1\nr0 = r3\nr0 = 0\nexit', 0)).toBe('');
    expect(highAt('*(u32 *)(r3 + 0) = r4\n*(u64 *)(r3 + 8) = r5\nr0 = 0\nexit', 0)).toBe('r3 r5');
  });

  it('is told for the place behind an instruction too', () => {
    const live = new LiveSlots(assembleInsns('r1 = 1\nif r2 == 0 goto +1\nw1 = w3\nr0 = r1\nexit'));
    expect(live.after(1).registers & 0x3ff).toBe(0b1010);
    expect(live.after(1).highHalves & 0x3ff).toBe(0b10);
    expect(live.after(2).isLiveByte(-8)).toBe(false);
  });
});
