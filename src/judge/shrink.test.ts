import { describe, expect, it } from 'vitest';
import { assembleUbpf, op } from '../isa/index.js';
import type { ProgramSpec } from '../object/index.js';
import { bareObject } from './engines.js';
import { shrinkProgram } from './shrink.js';

const program = (text: string): ProgramSpec => {
  const [only] = bareObject(assembleUbpf(text, {}, 'test')).programs;
  if (only === undefined) throw new Error('no program');
  return only;
};
const has = (spec: ProgramSpec, code: number): boolean => spec.insns.some((insn) => insn.code === code);

describe('shrinking', () => {
  const long = program(
    `${Array.from({ length: 60 }, (_, i) => `mov %r${i % 6}, ${i}`).join('\n')}
mul %r3, 7
${Array.from({ length: 60 }, (_, i) => `add %r${i % 6}, ${i}`).join('\n')}
lddw %r4, 0x123456789
exit`,
  );

  it('leaves what the failure needs and nothing else', () => {
    const small = shrinkProgram(
      long,
      (candidate) => has(candidate, op.ALU64 | op.MUL | op.K) && has(candidate, op.EXIT_OP),
    );
    expect(small.insns.map((insn) => insn.code)).toEqual([op.ALU64 | op.MUL | op.K, op.EXIT_OP]);
  });

  it('makes constants small', () => {
    const small = shrinkProgram(long, (candidate) => has(candidate, op.ALU64 | op.MUL | op.K));
    expect(small.insns[0]?.imm).toBe(0);
  });

  it('never breaks a 64-bit load in two', () => {
    shrinkProgram(long, (candidate) => {
      for (const [pc, insn] of candidate.insns.entries()) {
        if (insn.code === op.LDDW) expect(candidate.insns[pc + 1]?.code).toBe(0);
        if (insn.code === 0) expect(candidate.insns[pc - 1]?.code).toBe(op.LDDW);
      }
      return has(candidate, op.LDDW);
    });
  });

  it('stops when its budget is spent', () => {
    let asked = 0;
    shrinkProgram(long, () => ++asked < 0, { budget: 5 });
    expect(asked).toBe(5);
  });
});
