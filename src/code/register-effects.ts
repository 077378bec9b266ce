/**
 * Which registers an instruction reads and overwrites. Sets of registers are masks: bit i is register i.
 *
 * What Linux's verifier counts (`compute_insn_live_regs` in kernel/bpf/verifier.c) and what happens when a program runs
 * are the same but for calls of helpers, and there on purpose:
 *
 * - bpf_tail_call that fails leaves r0 as it was: compiled code and recordings have to keep it. To the verifier r0 has
 *   no value behind a call of it.
 * - bpf_trace_printk shows registers beyond its two arguments. The verifier does not look at them.
 */
import { type Insn, insnClass, isCall, isExit, isLddw, isUnconditionalJump, op } from '../isa/index.js';
import { registersRead } from '../platform/index.js';
import { calledHelper, isHelperCall, isTailCall } from './calls.js';

/** r0 to r5: what a call leaves without a value. */
const callerSaved = 0x3f;
/** r1 to r5. */
const argRegs = 0x3e;

/** The first `count` argument registers. */
function args(count: number): number {
  return ((1 << (count + 1)) - 1) & argRegs;
}

/** Registers that the verifier sees an instruction read. */
export function usedRegisters(insn: Insn): number {
  const dst = 1 << insn.dst;
  const src = 1 << insn.src;
  const operand = (insn.code & op.X) !== 0 ? src : 0;
  const code = insn.code & 0xf0;
  switch (insnClass(insn)) {
    case op.LD:
      // Legacy packet loads take the context from r6.
      return isLddw(insn) ? 0 : src | (1 << 6);
    case op.LDX:
      return src;
    case op.ST:
      return dst;
    case op.STX:
      return usedByStore(insn, dst, src);
    case op.ALU:
    case op.ALU64:
      if (code === op.MOV) return operand;
      return code === op.NEG || code === op.END ? dst : dst | operand;
    default:
      if (isExit(insn)) return 1;
      if (isCall(insn)) return args(calledHelper(insn)?.args.length ?? 5);
      return isUnconditionalJump(insn) || code === op.JCOND ? 0 : dst | operand;
  }
}

function usedByStore(insn: Insn, dst: number, src: number): number {
  if ((insn.code & 0xe0) !== op.MODE_ATOMIC) return dst | src;
  if (insn.imm === op.ATOMIC_LOAD_ACQ) return src;
  return insn.imm === op.ATOMIC_CMPXCHG ? dst | src | 1 : dst | src;
}

/** Registers whose former value is gone behind an instruction, for the verifier. */
export function writtenRegisters(insn: Insn): number {
  const dst = 1 << insn.dst;
  switch (insnClass(insn)) {
    case op.LD:
      return isLddw(insn) ? dst : callerSaved;
    case op.LDX:
    case op.ALU:
    case op.ALU64:
      return dst;
    case op.ST:
      return 0;
    case op.STX:
      if ((insn.code & 0xe0) !== op.MODE_ATOMIC) return 0;
      if (insn.imm === op.ATOMIC_LOAD_ACQ) return dst;
      if (insn.imm === op.ATOMIC_STORE_REL || (insn.imm & op.ATOMIC_FETCH) === 0) return 0;
      return insn.imm === op.ATOMIC_CMPXCHG ? 1 : 1 << insn.src;
    default:
      return isCall(insn) ? callerSaved : 0;
  }
}

/** Registers that an instruction reads when it runs. */
export function readRegisters(insn: Insn): number {
  return isHelperCall(insn) ? args(registersRead(insn.imm)) : usedRegisters(insn);
}

/** Registers that an instruction overwrites whenever it runs. */
export function overwrittenRegisters(insn: Insn): number {
  return isTailCall(insn) ? argRegs : writtenRegisters(insn);
}

/**
 * Registers whose upper half an instruction reads, given those whose upper half matters behind it: what a whole copy
 * passes on is read only if it is asked for.
 */
export function readHighHalves(insn: Insn, after: number): number {
  const dst = 1 << insn.dst;
  const src = 1 << insn.src;
  const operand = (insn.code & op.X) !== 0 ? src : 0;
  switch (insnClass(insn)) {
    case op.STX: {
      const isWide = (insn.code & 0x18) === op.SIZE_DW;
      const comparesR0 = (insn.code & 0xe0) === op.MODE_ATOMIC && insn.imm === op.ATOMIC_CMPXCHG;
      return dst | (isWide || insn.imm === op.ATOMIC_LOAD_ACQ ? src : 0) | (comparesR0 && isWide ? 1 : 0);
    }
    case op.ALU64:
      // A sign-extending copy looks at low bits only.
      if ((insn.code & 0xf0) === op.MOV) return insn.off === 0 && (after & dst) !== 0 ? operand : 0;
      return (insn.code & 0xf0) === op.END ? highOfSwap(insn, dst) : readRegisters(insn);
    case op.ALU:
      return (insn.code & 0xf0) === op.END ? highOfSwap(insn, dst) : 0;
    case op.JMP32:
      return 0;
    default:
      return readRegisters(insn);
  }
}

/** A byte swap of 16 or 32 bits looks at those; that of 64 bits has the class of 32-bit operations, too. */
function highOfSwap(insn: Insn, dst: number): number {
  return insn.imm === 64 ? dst : 0;
}
