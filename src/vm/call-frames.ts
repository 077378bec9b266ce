/**
 * How many stack frames a run can have open. A program has {@link maxFrames} at most. A tail call replaces the frame
 * that it is made in, so one in the main function takes none more; one in a function leaves its callers waiting below
 * the program that takes over, which may do the same again, {@link maxOpenFrames} in all.
 */
import { isFunctionAddress, isLocalCall, isTailCall } from '../code/index.js';
import type { Insn } from '../isa/index.js';
import type { ObjectSpec } from '../object/index.js';
import { maxFrames, maxOpenFrames } from '../platform/index.js';

/** Frames that any program of the object can come to have open. */
export function framesOf({ programs }: ObjectSpec): number {
  const deep = programs.some(({ insns }) => tailCallsFromFunction(insns));
  return deep ? maxOpenFrames : maxFrames;
}

/** Functions stand behind the main one, so the first of their starts is where that ends. */
function tailCallsFromFunction(insns: readonly Insn[]): boolean {
  const last = insns.findLastIndex(isTailCall);
  return insns.some((insn, pc) => {
    const target = pc + 1 + insn.imm;
    return (isLocalCall(insn) || isFunctionAddress(insn)) && target > 0 && target <= last;
  });
}
