import { describe, expect, it } from 'vitest';
import { assembleUbpf, op } from '../isa/index.js';
import { bareObject } from './engines.js';
import { plant, plantedFaults } from './plant.js';

const fault = (name: string) => {
  const found = plantedFaults.find((candidate) => candidate.name === name);
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
    for (const each of plantedFaults) expect(plant(wide, each)).toBeUndefined();
  });
});
