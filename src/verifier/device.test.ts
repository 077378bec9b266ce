import { describe, expect, it } from 'vitest';
import { type Insn, op } from '../isa/index.js';
import { rewriteOnDevice } from './device.js';

/** What the driver is told of a program of which paths came to the slots with a 1. */
function told(insns: readonly Insn[], seen: readonly number[]): string[] {
  const lines: string[] = [];
  rewriteOnDevice(
    {
      insn: () => undefined,
      finalize: () => undefined,
      replaceInsn: (slot, by) => lines.push(`${slot} jumps by ${by.off}`),
      removeInsns: (slot, count) => lines.push(`${count} from ${slot} on go`),
    },
    insns,
    Uint8Array.from(seen),
    () => undefined,
  );
  return lines;
}

describe('what a driver is told of an accepted program', () => {
  const plain: Insn = { code: op.ALU64 | op.MOV, dst: 0, src: 0, off: 0, imm: 0 };
  const branch: Insn = { code: op.JMP | op.JEQ, dst: 0, src: 0, off: 2, imm: 0 };
  const exit: Insn = { code: op.EXIT_OP, dst: 0, src: 0, off: 0, imm: 0 };
  const program = [branch, plain, exit, plain, exit];

  it('is nothing where all paths are taken', () => {
    expect(told(program, [1, 1, 1, 1, 1])).toEqual([]);
  });

  it('is that a branch is always taken, what it leaves out, and that it leads to what then follows', () => {
    expect(told(program, [1, 0, 0, 1, 1])).toEqual(['0 jumps by 2', '2 from 1 on go', '1 from 0 on go']);
  });

  it('is that a branch is never taken, and that its target goes', () => {
    expect(told(program, [1, 1, 1, 0, 0])).toEqual(['0 jumps by 0', '2 from 3 on go', '1 from 0 on go']);
  });
});
