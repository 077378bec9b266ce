import { describe, expect, it } from 'vitest';
import { has } from './live-stack.js';
import type { ProgramShape } from './program-shape.js';
import { constReg, noReg, pointerReg, type RegState, unknownReg } from './reg-state.js';
import { byteSpill, StackSlot, uniformBytes } from './stack-state.js';
import { giveUpAll } from './state-equal.js';
import { FrameState, VerifierState } from './verifier-state.js';

const spilled = (reg: RegState): StackSlot => new StackSlot(uniformBytes(byteSpill), reg);

/** A number that a check relied on. */
function neededReg(value: bigint): RegState {
  const reg = constReg(value);
  reg.trail.mark();
  return reg;
}

/** A state of one frame with these registers from r6 on, and these slots. */
function stateOf(regs: readonly RegState[], stack: readonly RegState[]): VerifierState {
  const all = Array.from({ length: 11 }, (_, i) => regs[i - 6] ?? noReg);
  return new VerifierState([new FrameState(all, stack.map(spilled), -1, 0)], []);
}

describe('where paths that differ in nothing that matters are followed once more', () => {
  // r6, r7 and r8 are live, slots 0 to 3 may be read.
  const shape = { liveBefore: [0b1_1100_0000] } as unknown as ProgramShape;
  const needed = [{ low: 0b1111, high: 0 }];
  const values = (): RegState[] => [constReg(1n), neededReg(2n), pointerReg('ctx'), constReg(4n)];

  it('a number is given up, in a register and on the stack, unless something hung on it', () => {
    const cur = stateOf(values(), values());
    giveUpAll(shape, stateOf(values(), values()), cur, 0, needed);
    const frame = cur.frames[0] as FrameState;
    const known = [frame.reg(6), frame.reg(7)].map(({ range }) => range.isConst);
    expect(known).toEqual([false, true]);
    expect([0, 1, 3].map((i) => frame.stack[i]?.reg?.range.isConst)).toEqual([false, true, false]);
  });

  it('a pointer stays what it is, and so does a register that nobody reads', () => {
    const cur = stateOf(values(), values());
    giveUpAll(shape, stateOf(values(), values()), cur, 0, needed);
    const frame = cur.frames[0] as FrameState;
    expect([frame.reg(8).kind, frame.stack[2]?.reg?.kind]).toEqual(['ctx', 'ctx']);
    expect(frame.reg(9).range.isConst).toBe(true);
  });

  it('a pointer stays where there was a number, and a number where there was a pointer', () => {
    const [old, cur] = [stateOf([], [constReg(1n), pointerReg('ctx')]), stateOf([], [pointerReg('ctx'), constReg(1n)])];
    giveUpAll(shape, old, cur, 0, needed);
    const [first, second] = cur.frames[0]?.stack ?? [];
    expect([first?.reg?.kind, second?.reg?.range.isConst]).toEqual(['ctx', true]);
  });

  it('a slot is forgotten that nobody reads any more, or that the other path had not', () => {
    const slots = [unknownReg(), unknownReg(), unknownReg()];
    const cur = stateOf([], slots);
    giveUpAll(shape, stateOf([], slots.slice(0, 2)), cur, 0, [{ low: 0b101, high: 0 }]);
    expect(cur.frames[0]?.stack.map((slot) => slot !== undefined)).toEqual([true, false, false]);
  });
});

describe('a set of slots', () => {
  it('has the upper half of a frame and the lower one apart', () => {
    const slots = { low: 1 << 31, high: 1 };
    expect([0, 31, 32, 63].map((slot) => has(slots, slot))).toEqual([false, true, true, false]);
  });
});
