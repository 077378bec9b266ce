/**
 * Which 32-bit results need their upper half cleared: those whose upper half some later instruction may look at.
 * Backwards dataflow over the code, bit i of `high` saying that the upper half of register i may be read before it is
 * written.
 */
import { type Insn, insnClass, isCall, isExit, isLddw, op } from '../isa/index.js';
import { successors } from './leaders.js';

const callerSaved = 0x3f;
const argRegs = 0x3e;

/** Registers whose upper half an instruction reads, given those that matter behind it. */
function highUses(insn: Insn, after: number): number {
  const dst = 1 << insn.dst;
  const src = 1 << insn.src;
  const byReg = (insn.code & op.X) !== 0;
  switch (insnClass(insn)) {
    case op.LDX:
      return src;
    case op.ST:
      return dst;
    case op.STX: {
      const isWide = (insn.code & 0x18) === op.SIZE_DW;
      const fetchesR0 = (insn.code & 0xe0) === op.MODE_ATOMIC && insn.imm === op.ATOMIC_CMPXCHG;
      return dst | (isWide || insn.imm === op.ATOMIC_LOAD_ACQ ? src : 0) | (fetchesR0 && isWide ? 1 : 0);
    }
    case op.ALU64:
      if ((insn.code & 0xf0) === op.MOV) {
        // A whole copy passes on what is asked of it; a sign-extending one looks at low bits only.
        return byReg && insn.off === 0 && (after & dst) !== 0 ? src : 0;
      }
      return dst | (byReg ? src : 0);
    case op.JMP:
      if (isExit(insn)) return 1;
      if (isCall(insn)) return argRegs;
      return (insn.code & 0xf0) === op.JA ? 0 : dst | (byReg ? src : 0);
    case op.ALU:
      // A 64-bit byte swap has the class of 32-bit operations.
      return (insn.code & 0xf0) === op.END && insn.imm === 64 ? dst : 0;
    default:
      return 0;
  }
}

/** Registers that an instruction overwrites. */
function definitions(insn: Insn): number {
  switch (insnClass(insn)) {
    case op.ALU:
    case op.ALU64:
    case op.LDX:
      return 1 << insn.dst;
    case op.LD:
      return isLddw(insn) ? 1 << insn.dst : callerSaved;
    case op.STX:
      if ((insn.code & 0xe0) !== op.MODE_ATOMIC || (insn.imm & op.ATOMIC_FETCH) === 0) return 0;
      return insn.imm === op.ATOMIC_CMPXCHG ? 1 : 1 << insn.src;
    default:
      return isCall(insn) ? callerSaved : 0;
  }
}

/** 1 for each slot whose 32-bit result must be zero-extended. */
export function needsZeroExtension(insns: readonly Insn[]): Uint8Array {
  const before = new Uint16Array(insns.length);
  const needed = new Uint8Array(insns.length);
  let changed = true;
  while (changed) {
    changed = false;
    for (let pc = insns.length - 1; pc >= 0; pc--) {
      const insn = insns[pc] as Insn; // pc is in range
      let after = 0;
      for (const next of successors(insns, pc)) after |= before[next] ?? 0;
      const now = (after & ~definitions(insn)) | highUses(insn, after);
      const narrow = insnClass(insn) === op.ALU && (after & (1 << insn.dst)) !== 0;
      needed[pc] = narrow ? 1 : 0;
      if (now !== before[pc]) {
        before[pc] = now;
        changed = true;
      }
    }
  }
  return needed;
}
