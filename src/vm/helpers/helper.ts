/** What a helper function is: it reads r1 to r5 and sets r0. Arguments that Linux's verifier would refuse trap. */
import type { Registers } from '../engine.js';
import type { Machine } from '../machine.js';

/** How a helper calls back into the program. Each engine has its own. */
export interface Callbacks {
  /**
   * Runs the function at guest code address `fn` with r1 to r5 as they are in the registers, and returns with r0 set
   * and r6 to r10 as before.
   */
  call(fn: number): void;
}

/**
 * Registers are read and written in place. A helper calls back into the program through `callbacks`, which is the
 * engine. What Linux's verifier would never
 * let it be called with is refused by a trap, since unverified programs run here, too.
 */
export type Helper = (machine: Machine, registers: Registers, callbacks: Callbacks) => void;

/** r0 = `value`, a signed 32-bit number, widened as C's `int` to `u64` is. */
export function setSigned(registers: Registers, value: number): void {
  registers.u32[0] = value;
  registers.u32[1] = value < 0 ? 0xffffffff : 0;
}

/** r0 = `value`, an unsigned 32-bit number or a guest address. */
export function setUnsigned(registers: Registers, value: number): void {
  registers.u32[0] = value;
  registers.u32[1] = 0;
}

/** Low 32 bits of an argument, unsigned. */
export function u32(registers: Registers, argument: number): number {
  return registers.u32[argument * 2] as number;
}

/** Low 32 bits of an argument, signed. */
export function s32(registers: Registers, argument: number): number {
  return (registers.u32[argument * 2] as number) | 0;
}

/** All 64 bits of an argument, unsigned. */
export function u64(registers: Registers, argument: number): bigint {
  return registers.u64[argument] as bigint;
}
