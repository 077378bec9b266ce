import { describe, expect, it } from 'vitest';
import { Interpreter } from '../../interp/index.js';
import { type Insn, op } from '../../isa/index.js';
import { type LoadedProgram, Machine } from '../../vm/index.js';
import { bareObject } from '../engines.js';
import { behind, observeChange, restoringPrologue, storeWidths } from './restoration.js';

const insn = (code: number, dst = 0, src = 0, off = 0, imm = 0): Insn => ({ code, dst, src, off, imm });
const packet = Uint8Array.from({ length: 64 }, (_, i) => i);
const input = { data: packet };
const verdict = [insn(op.ALU64 | op.MOV, 0, 0, 0, 2), insn(op.EXIT_OP)];
const loadData = [insn(op.LDX | op.MODE_MEM | op.SIZE_W, 6, 1, 0, 0)];
/** Counts byte 22 down, and drops the packet when there is nothing left. */
const hop = [
  ...loadData,
  insn(op.LDX | op.MODE_MEM | op.SIZE_B, 2, 6, 22),
  insn(op.ALU64 | op.MOV, 0, 0, 0, 1),
  insn(op.JMP | op.JEQ, 2, 0, 3, 0),
  insn(op.ALU64 | op.ADD, 2, 0, 0, -1),
  insn(op.STX | op.MODE_MEM | op.SIZE_B, 6, 2, 22),
  insn(op.ALU64 | op.MOV, 0, 0, 0, 2),
  insn(op.EXIT_OP),
];
/** Flips the first byte. */
const flip = [
  ...loadData,
  insn(op.LDX | op.MODE_MEM | op.SIZE_B, 2, 6, 0),
  insn(op.ALU64 | op.XOR, 2, 0, 0, 1),
  insn(op.STX | op.MODE_MEM | op.SIZE_B, 6, 2, 0),
  ...verdict,
];
const adjust = (helper: number, by: number): Insn[] => [
  insn(op.ALU64 | op.MOV, 2, 0, 0, by),
  insn(op.CALL_OP, 0, 0, 0, helper),
  ...verdict,
];

function load(insns: readonly Insn[]): { machine: Machine; program: LoadedProgram } {
  const machine = new Machine(bareObject(insns));
  return { machine, program: machine.programs[0] as LoadedProgram };
}

function changeOf(insns: readonly Insn[]): ReturnType<typeof observeChange> {
  const { machine, program } = load(insns);
  return observeChange(machine, program, input);
}

describe('what a program does to its packet', () => {
  it('is nothing to restore where it goes the same way again', () => {
    expect(changeOf(verdict)).toBeUndefined();
    expect(changeOf(flip)).toBeUndefined();
  });

  it('is a byte, or an end that moves', () => {
    expect(changeOf(hop)).toEqual({ startMoves: false, endMoves: false, bytes: [22] });
    expect(changeOf(adjust(44, -20))).toEqual({ startMoves: true, endMoves: false, bytes: [] });
    expect(changeOf(adjust(65, -4))).toEqual({ startMoves: false, endMoves: true, bytes: [] });
  });
});

describe('the prologue', () => {
  it.each([
    ['a hop', hop],
    ['growth at the start', adjust(44, -20)],
    ['a cut at the start', adjust(44, 8)],
    ['a cut at the end', adjust(65, -4)],
  ])('puts the packet back after %s', (_, insns) => {
    const change = changeOf(insns);
    if (change === undefined) throw new Error('nothing changes');
    for (const width of storeWidths) {
      const prologue = restoringPrologue(change, packet, width) ?? [];
      const { machine, program } = load(insns);
      machine.setPacket(input);
      const engine = new Interpreter(machine);
      engine.run(program);
      expect(machine.lane.packet.bytes()).not.toEqual(packet);
      const [spec] = bareObject(verdict).programs;
      if (spec === undefined) throw new Error('no program');
      const other = load(behind(prologue, spec, 'restored').insns);
      other.machine.setPacket(input);
      // What the program left, in the other machine: same place, same bytes.
      const { memory } = other.machine;
      const { lo, hi } = machine.lane.packet.region;
      memory.write(lo, machine.memory.read(lo, hi - lo));
      memory.write(other.machine.lane.ctx.start, machine.memory.read(machine.lane.ctx.start, 12));
      other.machine.lane.packet.sync();
      new Interpreter(other.machine).run(other.program);
      const back = other.machine.lane.packet.bytes();
      // Bytes that were cut off come back as zeros: the program never saw them change.
      expect(back.length).toBe(packet.length);
      expect(back.subarray(0, 60)).toEqual(packet.subarray(0, 60));
    }
  });
});
