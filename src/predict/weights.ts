/** What an instruction counts for: loads and stores of memory, and a kind that has a price. */
import { isHelperCall } from '../code/index.js';
import { type Insn, insnClass, isCall, isExit, isLddw, op } from '../isa/index.js';

/** Kinds of instructions that cost tables tell apart. */
export const insnKinds = ['alu', 'multiply', 'divide', 'load', 'store', 'atomic', 'jump', 'call', 'helper'] as const;

/** One of {@link insnKinds}. */
export type InsnKind = (typeof insnKinds)[number];

/** The kind of an instruction. */
export function insnKind(insn: Insn): InsnKind {
  const operation = insn.code & 0xf0;
  switch (insnClass(insn)) {
    case op.ALU:
    case op.ALU64:
      if (operation === op.MUL) return 'multiply';
      return operation === op.DIV || operation === op.MOD ? 'divide' : 'alu';
    case op.LD:
      return isLddw(insn) ? 'alu' : 'load';
    case op.LDX:
      return 'load';
    case op.ST:
      return 'store';
    case op.STX:
      return (insn.code & 0xe0) === op.MODE_ATOMIC ? 'atomic' : 'store';
    default:
      if (isHelperCall(insn)) return 'helper';
      return isExit(insn) || isCall(insn) ? 'call' : 'jump';
  }
}

/** Loads and stores of memory that an instruction makes by itself; what a helper does is counted apart. */
export function memoryOperations(insn: Insn): { readonly loads: number; readonly stores: number } {
  switch (insnKind(insn)) {
    case 'load':
      return { loads: 1, stores: 0 };
    case 'store':
      return { loads: 0, stores: 1 };
    case 'atomic':
      if (insn.imm === op.ATOMIC_LOAD_ACQ) return { loads: 1, stores: 0 };
      return insn.imm === op.ATOMIC_STORE_REL ? { loads: 0, stores: 1 } : { loads: 1, stores: 1 };
    default:
      return { loads: 0, stores: 0 };
  }
}
