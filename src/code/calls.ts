/** What instructions call: helpers, functions of the program. */
import { type Insn, isLddw, op } from '../isa/index.js';
import { type HelperRow, helperId, helperRow } from '../platform/index.js';

/** A call of a helper by its number, `imm`. */
export function isHelperCall(insn: Insn): boolean {
  return insn.code === op.CALL_OP && insn.src === op.CALL_HELPER;
}

/** The row of the helper that an instruction calls; undefined for all else, and for what XDP does not have. */
export function calledHelper(insn: Insn): HelperRow | undefined {
  return isHelperCall(insn) ? helperRow(insn.imm) : undefined;
}

/** A call of bpf_tail_call. */
export function isTailCall(insn: Insn): boolean {
  return isHelperCall(insn) && insn.imm === helperId.tail_call;
}

/** A call of one of the program's own functions, at `pc + 1 + imm`. */
export function isLocalCall(insn: Insn): boolean {
  return insn.code === op.CALL_OP && insn.src === op.CALL_LOCAL;
}

/** A 64-bit immediate that is the address of one of the program's own functions, at `pc + 1 + imm`. */
export function isFunctionAddress(insn: Insn): boolean {
  return isLddw(insn) && insn.src === op.PSEUDO_FUNC;
}

/** First slot of the function that the instruction at `pc` calls or takes the address of; undefined: neither. */
export function namedFunction(insn: Insn, pc: number): number | undefined {
  return isLocalCall(insn) || isFunctionAddress(insn) ? pc + 1 + insn.imm : undefined;
}

/** First slots of a program's functions: 0, and all that an instruction names. They need not lie inside the program. */
export function functionEntries(insns: readonly Insn[]): ReadonlySet<number> {
  return new Set([0, ...insns.flatMap((insn, pc) => namedFunction(insn, pc) ?? [])]);
}
