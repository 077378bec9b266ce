import { describe, expect, it } from 'vitest';
import { assembleUbpf } from '../isa/index.js';
import { forkAt } from './forks.js';

/** The fork at slot `pc` of a program. */
const fork = (text: string, pc: number) => forkAt(assembleUbpf(text, {}, 'test'), pc);

describe('a fork that is small enough to join', () => {
  it('ends where both sides of a choice meet', () => {
    const text = 'mov %r0, 1\njeq %r1, 0, +2\nmov %r0, 2\nja +1\nmov %r0, 3\nexit';
    expect(fork(text, 1)).toEqual({
      blocks: [
        { start: 2, end: 4 },
        { start: 4, end: 5 },
      ],
      exits: [5],
    });
  });

  it('holds what is stored on one side only', () => {
    expect(fork('jeq %r1, 0, +1\nstxw [%r2], %r3\nmov %r0, 1\nexit', 0)).toEqual({
      blocks: [{ start: 1, end: 2 }],
      exits: [2],
    });
  });

  it('is one question if several jumps ask for the same two ways', () => {
    // r1 == 1 && r2 == 2 && r3 == 3
    const text = 'jne %r1, 1, +4\njne %r2, 2, +3\njne %r3, 3, +2\nmov %r0, 1\nexit\nmov %r0, 2\nexit';
    expect(fork(text, 0)?.exits).toEqual([3, 5]);
    expect(fork(text, 0)?.blocks[0]).toEqual({ start: 1, end: 2 });
  });

  it('takes no way back, and nothing that is jumped to from elsewhere', () => {
    const loop = 'mov %r0, 0\nadd %r0, 1\njlt %r0, 9, -2\nexit';
    expect(fork(loop, 2)).toBeUndefined();
    const shared = 'jeq %r1, 0, +2\njeq %r2, 0, +2\nmov %r0, 1\nmov %r0, 2\nexit';
    expect(fork(shared, 1)).toEqual({ blocks: [{ start: 2, end: 3 }], exits: [3, 4] });
  });

  it('has no calls and no atomic operations', () => {
    expect(fork('jeq %r1, 0, +1\ncall 5\nexit', 0)).toBeUndefined();
  });

  it('leaves a store alone where the sides do not meet', () => {
    const text = 'jeq %r1, 0, +2\nstxw [%r2], %r3\nja +3\nmov %r0, 1\nja +0\ncall 5\nexit';
    expect(fork(text, 0)).toEqual({ blocks: [{ start: 3, end: 5 }], exits: [1, 5] });
  });

  it('is no longer than is cheap to run in vain', () => {
    const long = `jeq %r1, 0, +50\n${'mov %r0, 1\n'.repeat(50)}exit`;
    expect(fork(long, 0)).toBeUndefined();
  });
});
