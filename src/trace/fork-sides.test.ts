import { describe, expect, it } from 'vitest';
import { type Insn, op } from '../isa/index.js';
import type { LoadedProgram } from '../vm/index.js';
import { ForkSides } from './fork-sides.js';
import type { RecordedTrace } from './recording.js';

const jump: Insn = { code: op.JMP | op.JEQ, dst: 0, src: 0, off: 1, imm: 0 };
const program = { index: 0, insns: [jump] } as unknown as LoadedProgram;

/** A trace with one guard: that the jump at 0 goes one way. */
const traceOf = (expect: boolean): RecordedTrace =>
  ({
    history: { guards: [{ detail: { kind: 'guard', expect } }], snapshots: [{ program, pc: 0, step: 0 }], joins: [] },
  }) as unknown as RecordedTrace;

/** Is the fork joined after a trace of each side has left that decided so many packets? */
function joinsAfter(held: number, failed: number): boolean {
  const sides = new ForkSides<{ packets: number }>();
  for (const [packets, holds] of [
    [held, true],
    [failed, false],
  ] as const) {
    const holder = { packets };
    sides.add(holder, traceOf(holds));
    sides.remove(holder);
  }
  sides.begin();
  return sides.admits(program, 0, true);
}

describe('a fork', () => {
  it('is joined where both sides have packets: one in eight takes the rarer one', () => {
    expect([joinsAfter(100, 15 + 1), joinsAfter(1000, 100)]).toEqual([true, false]);
  });

  it('counts a trace that leaves before its sixteenth packet as what recording it took', () => {
    // 16 of 16,000 are too few to join for; a recording in vain is worth 16,384 packets.
    expect([joinsAfter(16_000, 16), joinsAfter(16_000, 15)]).toEqual([false, true]);
  });
});
