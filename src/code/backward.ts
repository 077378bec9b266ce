/**
 * Backward data-flow over bytecode: what is so before each slot, from what is so behind it. A state is a number of
 * 32-bit words, all bits of which mean "possibly"; where paths part, the states of both ways are joined by "or".
 * Behind an exit, and behind the end of the code, nothing is so.
 *
 * Sweeps from the end to the start until one changes nothing. A sweep carries news over any distance but a jump back,
 * so their number is the depth of nested loops plus two; that needs neither blocks nor a work list, and programs of a
 * million slots are as long as it gets.
 */
import type { Insn } from '../isa/index.js';
import { flowOf } from './leaders.js';

/**
 * Changes `now` from what is so behind the instruction at `pc` to what is so before it. It must be monotone: more
 * bits behind never make fewer before.
 */
export type BackwardStep = (insn: Insn, pc: number, now: Uint32Array) => void;

/** The least solution: `words` words for each slot, and for the place behind the last one. */
export function solveBackward(insns: readonly Insn[], words: number, step: BackwardStep): Uint32Array {
  const { length } = insns;
  const states = new Uint32Array(words * (length + 1));
  const { first, second } = flowOf(insns);
  const now = new Uint32Array(words);
  for (let changed = true; changed; ) {
    changed = false;
    for (let pc = length - 1; pc >= 0; pc--) {
      const a = (first[pc] as number) * words;
      const b = (second[pc] as number) * words;
      for (let word = 0; word < words; word++) now[word] = (states[a + word] as number) | (states[b + word] as number);
      step(insns[pc] as Insn, pc, now);
      const at = pc * words;
      for (let word = 0; word < words; word++) {
        if (states[at + word] === now[word]) continue;
        states[at + word] = now[word] as number;
        changed = true;
      }
    }
  }
  return states;
}
