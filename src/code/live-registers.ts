/**
 * Which registers, and which of their upper halves, a program may still read at each of its slots: the part of
 * live-slots.ts that needs no stack, which is all that most askers want. What an instruction does to a state is worked
 * out once, so that a sweep is a few operations a slot.
 */
import { type Insn, insnClass, op } from '../isa/index.js';
import { flowOf } from './leaders.js';
import { overwrittenRegisters, readHighHalves, readRegisters } from './register-effects.js';

const low = 0xffff;
const high = 16;

/**
 * A word for each slot, and for the place behind the last one, where nothing is live: register i is in bit i, its
 * upper half in bit 16 + i. Sweeps as solveBackward does, and comes to the same least solution.
 */
export function solveRegisters(insns: readonly Insn[]): Uint32Array {
  const { length } = insns;
  const { first, second } = flowOf(insns);
  const kept = new Uint32Array(length);
  const read = new Uint32Array(length);
  // What a whole copy reads besides, if the upper half of what it writes (`copied`) is live behind it.
  const copied = new Uint32Array(length);
  const passed = new Uint32Array(length);
  for (let pc = 0; pc < length; pc++) {
    const insn = insns[pc] as Insn;
    const gone = overwrittenRegisters(insn);
    kept[pc] = ~(gone | (gone << high));
    read[pc] = readRegisters(insn) | (readHighHalves(insn, 0) << high);
    if (insnClass(insn) !== op.ALU64) continue;
    copied[pc] = (1 << insn.dst) << high;
    passed[pc] = readHighHalves(insn, low) << high;
  }
  const live = new Uint32Array(length + 1);
  for (let changed = true; changed; ) {
    changed = false;
    for (let pc = length - 1; pc >= 0; pc--) {
      const after = (live[first[pc] as number] as number) | (live[second[pc] as number] as number);
      let before = (after & (kept[pc] as number)) | (read[pc] as number);
      if ((after & (copied[pc] as number)) !== 0) before |= passed[pc] as number;
      if (live[pc] === before >>> 0) continue;
      live[pc] = before;
      changed = true;
    }
  }
  return live;
}
