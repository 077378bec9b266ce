import { describe, expect, it } from 'vitest';
import { assembleUbpf, type Insn, op } from '../../isa/index.js';
import type { ProgramSpec } from '../../object/index.js';
import { bareObject } from '../engines.js';
import { endEarly, useConstants } from './replacements.js';
import { deleteFunctions, deleteRuns, deleteWindows, type ShrinkTarget, smallerConstants } from './shrink-program.js';

const program = (text: string): ProgramSpec => {
  const [only] = bareObject(assembleUbpf(text, {}, 'test')).programs;
  if (only === undefined) throw new Error('no program');
  return only;
};
const has = (spec: ProgramSpec, code: number): boolean => spec.insns.some((insn) => insn.code === code);
const codes = (spec: ProgramSpec): number[] => spec.insns.map((insn) => insn.code);

class Target implements ShrinkTarget {
  program: ProgramSpec;
  private readonly fails: (candidate: ProgramSpec) => boolean;

  constructor(start: ProgramSpec, fails: (candidate: ProgramSpec) => boolean) {
    this.program = start;
    this.fails = fails;
  }

  attempt(candidate: ProgramSpec | undefined): boolean {
    if (candidate === undefined || !this.fails(candidate)) return false;
    this.program = candidate;
    return true;
  }
}

const multiply = op.ALU64 | op.MUL | op.K;
const long = program(
  `${Array.from({ length: 60 }, (_, i) => `mov %r${i % 6}, ${i}`).join('\n')}
mul %r3, 7
${Array.from({ length: 60 }, (_, i) => `add %r${i % 6}, ${i}`).join('\n')}
lddw %r4, 0x123456789
exit`,
);

describe('shrinking', () => {
  it('leaves what the failure needs and nothing else', () => {
    const target = new Target(long, (candidate) => has(candidate, multiply) && has(candidate, op.EXIT_OP));
    deleteRuns(target);
    expect(codes(target.program)).toEqual([multiply, op.EXIT_OP]);
  });

  it('makes constants small', () => {
    const target = new Target(program('mul %r3, 7\nexit'), (candidate) => has(candidate, multiply));
    smallerConstants(target);
    expect(target.program.insns[0]?.imm).toBe(0);
  });

  it('never breaks a 64-bit load in two', () => {
    const target = new Target(long, (candidate) => {
      for (const [pc, insn] of candidate.insns.entries()) {
        if (insn.code === op.LDDW) expect(candidate.insns[pc + 1]?.code).toBe(0);
        if (insn.code === 0) expect(candidate.insns[pc - 1]?.code).toBe(op.LDDW);
      }
      return has(candidate, op.LDDW);
    });
    deleteRuns(target);
    deleteWindows(target);
  });

  it('deletes together what has to go together, wherever it lies', () => {
    const pair = (spec: ProgramSpec): number => spec.insns.filter((insn) => insn.imm === 77).length;
    const text = 'mov %r1, 1\nmov %r2, 77\nmov %r3, 0\nmov %r4, 77\nmul %r5, 2\nexit';
    const target = new Target(program(text), (candidate) => pair(candidate) !== 1 && has(candidate, multiply));
    deleteWindows(target);
    expect(pair(target.program)).toBe(0);
  });

  it('takes a function away with its calls', () => {
    const insns = assembleUbpf('call local f\nexit\nf:\nmov %r0, 1\nexit', {}, 'test');
    const [main] = bareObject(insns).programs as [ProgramSpec];
    const f = { global: false, btfId: 0 };
    const functions = [
      { name: 'main', start: 0, end: 2, ...f },
      { name: 'f', start: 2, end: 4, ...f },
    ];
    const target = new Target({ ...main, functions }, () => true);
    deleteFunctions(target);
    expect(target.program.functions.map(({ name, end }) => [name, end])).toEqual([['main', 2]]);
    expect(codes(target.program)).toEqual([op.ALU64 | op.MOV | op.K, op.EXIT_OP]);
  });

  it('ends right after what goes wrong, and returns it', () => {
    const text = 'mov %r1, 5\nmul %r1, 7\nmov %r2, %r1\nadd %r2, 1\nmov %r0, 0\nexit';
    const returned = (spec: ProgramSpec): Insn | undefined => spec.insns.at(-2);
    const fails = (spec: ProgramSpec): boolean => has(spec, multiply) && returned(spec)?.src === 1;
    const target = new Target(program(text), fails);
    endEarly(target);
    expect(codes(target.program)).toEqual([op.ALU64 | op.MOV | op.K, multiply, op.ALU64 | op.MOV | op.X, op.EXIT_OP]);
  });

  it('says by a number which way a branch went', () => {
    const text = 'mov %r1, 5\njeq %r1, 5, over\nmov %r2, 1\nmov %r3, 1\nover:\nmov %r4, 0\nexit';
    const branch = op.JMP | op.JEQ | op.K;
    const target = new Target(program(text), (spec) => has(spec, branch));
    endEarly(target);
    expect(target.program.insns.find((insn) => insn.code === branch)?.off).toBe(1);
    expect(target.program.insns.length).toBe(5);
  });

  it('puts a known number in the place of what led to it', () => {
    const target = new Target(program('ldxw %r1, [%r1]\nmul %r1, 2\nmov %r0, %r1\nexit'), (spec) =>
      has(spec, multiply),
    );
    const known = new Map([
      [0, BigUint64Array.of(0n, 0x1_0000_0000n, 0n)],
      [1, BigUint64Array.of(0n, 9n, 0n)],
      [2, BigUint64Array.of(9n, 9n, 0n)],
    ]);
    useConstants(target, () => known);
    expect(codes(target.program)).toEqual([op.LDDW, 0, multiply, op.ALU64 | op.MOV | op.K, op.EXIT_OP]);
  });
});
