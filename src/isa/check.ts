/**
 * Whether a slot holds a valid instruction, in the words of the kernel's verifier (kernel/bpf/verifier.c: do_check,
 * check_alu_op, check_atomic, check_ld_imm, resolve_pseudo_ldimm64), so that people can search for them.
 */
import { type Insn, insnClass } from './insn.js';
import { describe, formsOf, type InsnForm } from './instructions.js';
import * as op from './opcode.js';

/** Registers r0 to r10; the encoding has room for sixteen. */
export const registerCount = 11;

/**
 * What is wrong with the instruction at `pc`, or undefined. Judges the slot by itself (and the second slot of `lddw`):
 * opcode, reserved fields, register numbers, constants that divide by zero or shift too far. Where jumps lead is not
 * looked at.
 */
export function checkInsn(insns: readonly Insn[], pc: number): string | undefined {
  const insn = insns[pc];
  if (insn === undefined) return 'last insn is not an exit or jmp';
  const forms = formsOf(insn.code);
  if (forms.length === 0) return unknownOpcode(insn);
  const form = describe(insn);
  if (form === undefined) return reservedField(insn);
  if (form.dst === 'reg' && insn.dst >= registerCount) return `R${insn.dst} is invalid`;
  if (form.src === 'reg' && insn.src >= registerCount) return `R${insn.src} is invalid`;
  if (form.slots === 2) return checkLddw(insn, insns[pc + 1]);
  return checkConstant(form, insn);
}

/** What the kernel says of an opcode, which depends on its class. */
function unknownOpcode(insn: Insn): string {
  const mode = insn.code & 0xe0;
  const hex = insn.code.toString(16).padStart(2, '0');
  switch (insnClass(insn)) {
    case op.LDX:
      return 'BPF_LDX uses reserved fields';
    case op.LD:
      return mode === op.MODE_IMM ? 'invalid BPF_LD_IMM insn' : `unknown opcode ${hex}`;
    default:
      return `unknown opcode ${hex}`;
  }
}

/** The opcode is known, some field that must be zero (or select a form) is not. */
function reservedField(insn: Insn): string {
  const operation = insn.code & 0xf0;
  switch (insnClass(insn)) {
    case op.ALU:
    case op.ALU64:
      if (operation === op.NEG) return 'BPF_NEG uses reserved fields';
      if (operation === op.END) return 'BPF_END uses reserved fields';
      if (operation === op.MOV) return 'BPF_MOV uses reserved fields';
      return 'BPF_ALU uses reserved fields';
    case op.LDX:
      return 'BPF_LDX uses reserved fields';
    case op.ST:
      return 'BPF_ST uses reserved fields';
    case op.STX:
      if ((insn.code & 0xe0) !== op.MODE_ATOMIC) return 'BPF_STX uses reserved fields';
      return `BPF_ATOMIC uses invalid atomic opcode ${(insn.imm >>> 0).toString(16).padStart(2, '0')}`;
    case op.LD:
      if (insn.code !== op.LDDW) return 'BPF_LD_[ABS|IND] uses reserved fields';
      return insn.off !== 0 ? 'BPF_LD_IMM64 uses reserved fields' : 'unrecognized bpf_ld_imm64 insn';
    case op.JMP:
      if (operation === op.CALL) return 'BPF_CALL uses reserved fields';
      if (operation === op.EXIT) return 'BPF_EXIT uses reserved fields';
      if (operation === op.JCOND) return `invalid may_goto imm ${insn.imm}`;
      return operation === op.JA ? 'BPF_JA uses reserved fields' : 'BPF_JMP/JMP32 uses reserved fields';
    default:
      return operation === op.JA ? 'BPF_JA uses reserved fields' : 'BPF_JMP/JMP32 uses reserved fields';
  }
}

/** The second slot of a 64-bit load holds an immediate and nothing else. */
function checkLddw(insn: Insn, second: Insn | undefined): string | undefined {
  if (second === undefined || second.code !== 0 || second.dst !== 0 || second.src !== 0 || second.off !== 0) {
    return 'invalid bpf_ld_imm64 insn';
  }
  // Only a number, and a map value's offset, use the upper half.
  const map = insn.src === op.PSEUDO_MAP_FD || insn.src === op.PSEUDO_MAP_IDX;
  return map && second.imm !== 0 ? 'unrecognized bpf_ld_imm64 insn' : undefined;
}

/** Constants that the verifier refuses: divisors of zero, shifts by the width or more. */
function checkConstant(form: InsnForm, insn: Insn): string | undefined {
  const { operation } = form;
  if (operation.kind !== 'alu' || operation.source !== 'imm') return undefined;
  switch (operation.name) {
    case 'div':
    case 'mod':
    case 'sdiv':
    case 'smod':
      return insn.imm === 0 ? 'div by zero' : undefined;
    case 'lsh':
    case 'rsh':
    case 'arsh':
      return insn.imm < 0 || insn.imm >= operation.width ? `invalid shift ${insn.imm}` : undefined;
    default:
      return undefined;
  }
}
