import { describe, expect, it } from 'vitest';
import { assembleUbpf, op } from '../isa/index.js';
import { bareEngine, bareObject } from './engines.js';
import { faultsOf, type InsnFault, plant, withWasmFault } from './plant.js';

const insnFaults = faultsOf('interp').filter((candidate): candidate is InsnFault => candidate.kind === 'insn');
const fault = (name: string): InsnFault => {
  const found = insnFaults.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(name);
  return found;
};

describe('a planted fault', () => {
  it('changes the instruction it is about and no other', () => {
    const object = bareObject(assembleUbpf('mov32 %r0, -1\nmov %r1, -1\nexit', {}, 'test'));
    const planted = plant(object, fault('mov32 sign-extends'));
    expect(planted?.programs[0]?.insns.map((insn) => insn.code)).toEqual([
      op.ALU64 | op.MOV | op.K,
      op.ALU64 | op.MOV | op.K,
      op.EXIT_OP,
    ]);
  });

  it('does not concern a program without that instruction', () => {
    expect(
      plant(bareObject(assembleUbpf('mov %r0, 0\nexit', {}, 'test')), fault('be16 does not swap')),
    ).toBeUndefined();
  });

  it('leaves the second half of a 64-bit load alone', () => {
    const wide = bareObject(assembleUbpf('lddw %r0, 0x1\nexit', {}, 'test'));
    for (const each of insnFaults) expect(plant(wide, each)).toBeUndefined();
  });

  it('of the compiler shows while it is planted and not after', () => {
    const shift = faultsOf('wasm').find((candidate) => candidate.name.startsWith('i64.shr_s'));
    const program = bareObject(assembleUbpf('mov %r0, -16\narsh %r0, %r1\narsh %r0, 2\nexit', {}, 'test'));
    const run = () => bareEngine('wasm').run(program, undefined);
    expect(withWasmFault(shift, run)).toEqual({ kind: 'returned', r0: (1n << 62n) - 4n });
    expect(run()).toEqual({ kind: 'returned', r0: (1n << 64n) - 4n });
  });
});
