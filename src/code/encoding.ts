/**
 * Is an instruction's encoding one that RFC 9669 (and Linux, for what it adds) defines? Unused fields must be zero
 * (section 3.1). What is refused is worded as Linux's verifier does (kernel/bpf/verifier.c, do_check and
 * resolve_pseudo_ldimm64).
 */
import { type Insn, insnClass, op } from '../isa/index.js';

/** What is wrong with the slot at `pc`, or undefined. */
export function encodingFault(insns: readonly Insn[], pc: number): string | undefined {
  const insn = insns[pc];
  if (insn === undefined) return 'jump out of the program';
  if (insn.dst > 10) return `R${insn.dst} is invalid`;
  if (insn.src > 10) return `R${insn.src} is invalid`;
  switch (insnClass(insn)) {
    case op.ALU:
    case op.ALU64:
      return aluFault(insn);
    case op.JMP:
    case op.JMP32:
      return jumpFault(insn);
    case op.LDX:
      return loadFault(insn);
    case op.LD:
      return immediateFault(insns, pc, insn);
    default:
      return storeFault(insn);
  }
}

/** The kernel's words for an opcode that it does not know. */
function unknown(insn: Insn): string {
  return `unknown opcode ${insn.code.toString(16).padStart(2, '0')}`;
}

const framePointerWrite = 'frame pointer is read only';

/** Section 4.1. */
function aluFault(insn: Insn): string | undefined {
  const wide = insnClass(insn) === op.ALU64;
  const kind = insn.code & 0xf0;
  const fromRegister = (insn.code & op.X) !== 0;
  const name = wide ? 'BPF_ALU64' : 'BPF_ALU';
  if (insn.dst === 10) return framePointerWrite;
  switch (kind) {
    case op.NEG:
      return fromRegister || insn.src !== 0 || insn.off !== 0 || insn.imm !== 0
        ? 'BPF_NEG uses reserved fields'
        : undefined;
    case op.END: {
      const width = insn.imm === 16 || insn.imm === 32 || insn.imm === 64;
      return insn.src !== 0 || insn.off !== 0 || !width || (wide && fromRegister)
        ? 'BPF_END uses reserved fields'
        : undefined;
    }
    case op.MOV:
      if (!fromRegister) return insn.src !== 0 || insn.off !== 0 ? 'BPF_MOV uses reserved fields' : undefined;
      return insn.imm !== 0 || !(insn.off === 0 || insn.off === 8 || insn.off === 16 || (wide && insn.off === 32))
        ? 'BPF_MOV uses reserved fields'
        : undefined;
    case op.DIV:
    case op.MOD: {
      const operand = fromRegister ? insn.imm !== 0 : insn.src !== 0;
      return operand || insn.off < 0 || insn.off > 1 ? `${name} uses reserved fields` : undefined;
    }
    default: {
      if (kind > op.END) return unknown(insn);
      const operand = fromRegister ? insn.imm !== 0 : insn.src !== 0;
      return operand || insn.off !== 0 ? `${name} uses reserved fields` : undefined;
    }
  }
}

/** Section 4.3. */
function jumpFault(insn: Insn): string | undefined {
  const wide = insnClass(insn) === op.JMP;
  const kind = insn.code & 0xf0;
  const fromRegister = (insn.code & op.X) !== 0;
  switch (kind) {
    case op.JA:
      if (fromRegister) return unknown(insn);
      return insn.src !== 0 || insn.dst !== 0 || (wide ? insn.imm !== 0 : insn.off !== 0)
        ? 'BPF_JA uses reserved fields'
        : undefined;
    case op.CALL:
      if (!wide) return unknown(insn);
      if (fromRegister) return 'calling a function through a register is not supported';
      return insn.dst !== 0 || insn.src > 2 || (insn.src !== op.CALL_KFUNC && insn.off !== 0)
        ? 'BPF_CALL uses reserved fields'
        : undefined;
    case op.EXIT:
      if (!wide || fromRegister) return unknown(insn);
      return insn.src !== 0 || insn.dst !== 0 || insn.off !== 0 || insn.imm !== 0
        ? 'BPF_EXIT uses reserved fields'
        : undefined;
    case op.JCOND:
      if (!wide || fromRegister) return unknown(insn);
      return insn.src !== 0 || insn.dst !== 0 || insn.imm !== 0 ? 'invalid may_goto imm' : undefined;
    default:
      if (kind > op.JCOND) return unknown(insn);
      return (fromRegister ? insn.imm !== 0 : insn.src !== 0) ? 'BPF_JMP/JMP32 uses reserved fields' : undefined;
  }
}

/** Section 5.1 and 5.2. */
function loadFault(insn: Insn): string | undefined {
  const mode = insn.code & 0xe0;
  const isDouble = (insn.code & 0x18) === op.SIZE_DW;
  if (mode !== op.MODE_MEM && (mode !== op.MODE_MEMSX || isDouble)) return unknown(insn);
  if (insn.dst === 10) return framePointerWrite;
  return insn.imm !== 0 ? 'BPF_LDX uses reserved fields' : undefined;
}

/** Section 5.4, and the obsolete packet access of section 5.5, which Linux refuses for XDP. */
function immediateFault(insns: readonly Insn[], pc: number, insn: Insn): string | undefined {
  const mode = insn.code & 0xe0;
  if (insn.code === 0) return 'jump into the middle of ldimm64 insn';
  if (mode === op.MODE_ABS || mode === op.MODE_IND) {
    return 'BPF_LD_[ABS|IND] instructions not allowed for this program type';
  }
  if (insn.code !== op.LDDW) return unknown(insn);
  if (insn.dst === 10) return framePointerWrite;
  const second = insns[pc + 1];
  if (second === undefined || second.code !== 0 || second.dst !== 0 || second.src !== 0 || second.off !== 0) {
    return 'invalid bpf_ld_imm64 insn';
  }
  return insn.off !== 0 || insn.src !== 0 ? 'BPF_LD_IMM64 uses reserved fields' : undefined;
}

/** Section 5.1 and 5.3. */
function storeFault(insn: Insn): string | undefined {
  const mode = insn.code & 0xe0;
  if (insnClass(insn) === op.ST) {
    if (mode !== op.MODE_MEM) return unknown(insn);
    return insn.src !== 0 ? 'BPF_ST uses reserved fields' : undefined;
  }
  if (mode === op.MODE_MEM) return insn.imm !== 0 ? 'BPF_STX uses reserved fields' : undefined;
  if (mode !== op.MODE_ATOMIC) return unknown(insn);
  const size = insn.code & 0x18;
  switch (insn.imm) {
    case op.ATOMIC_LOAD_ACQ:
      return insn.dst === 10 ? framePointerWrite : undefined;
    case op.ATOMIC_STORE_REL:
      return undefined;
    case op.ATOMIC_XCHG:
    case op.ATOMIC_ADD | op.ATOMIC_FETCH:
    case op.ATOMIC_OR | op.ATOMIC_FETCH:
    case op.ATOMIC_AND | op.ATOMIC_FETCH:
    case op.ATOMIC_XOR | op.ATOMIC_FETCH:
      if (insn.src === 10) return framePointerWrite;
      break;
    case op.ATOMIC_CMPXCHG:
    case op.ATOMIC_ADD:
    case op.ATOMIC_OR:
    case op.ATOMIC_AND:
    case op.ATOMIC_XOR:
      break;
    default:
      return `BPF_ATOMIC uses invalid atomic opcode ${(insn.imm >>> 0).toString(16).padStart(2, '0')}`;
  }
  return size === op.SIZE_W || size === op.SIZE_DW ? undefined : 'invalid atomic operand size';
}
