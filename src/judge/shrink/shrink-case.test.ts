import { describe, expect, it } from 'vitest';
import { assembleUbpf, op } from '../../isa/index.js';
import { mapSpec, type ObjectSpec } from '../../object/index.js';
import { bareObject } from '../engines.js';
import { type FailingCase, shrinkCase } from './shrink-case.js';

const map = mapSpec({ name: 'm', type: 'array', keySize: 4, valueSize: 4, maxEntries: 1 });
const object: ObjectSpec = bareObject(assembleUbpf('mov %r1, 3\nmul %r1, 2\nmov %r0, %r1\nexit', {}, 'test'), [map]);
const packet = (first: number, length = 200) => ({ data: new Uint8Array(length).fill(first) });
const start: FailingCase = { object, packets: [packet(1), packet(7), packet(3)], seeded: true };
const observe = () => new Map();
const multiplies = ({ object: o }: FailingCase): boolean =>
  o.programs.some((program) => program.insns.some((insn) => insn.code === (op.ALU64 | op.MUL | op.K)));

describe('a failing case', () => {
  it('keeps one short packet, no contents and no map when it needs none', () => {
    const small = shrinkCase(start, multiplies, { packet: 1, observe });
    expect(small.packets).toEqual([{ data: new Uint8Array(14) }]);
    expect(small.seeded).toBe(false);
    expect(small.object.maps).toEqual([]);
    expect(small.object.programs[0]?.insns.length).toBeLessThanOrEqual(2);
  });

  it('keeps the packets that it needs, and their bytes', () => {
    const needs = (candidate: FailingCase): boolean =>
      multiplies(candidate) && candidate.packets[0]?.data[0] === 1 && candidate.packets.at(-1)?.data[100] === 7;
    const small = shrinkCase(start, needs, { packet: 1, observe });
    expect(small.packets.length).toBe(2);
    expect(small.packets[0]?.data.length).toBe(14);
    expect(small.packets[1]?.data[100]).toBe(7);
  });

  it('stops when its budget is spent', () => {
    let asked = 0;
    shrinkCase(start, () => ++asked < 0, { packet: 0, observe, budget: 5 });
    expect(asked).toBe(5);
  });
});
