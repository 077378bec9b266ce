/** What an instruction reads and writes: registers as sets of bits, memory as one access. */
import { accessSize, type Insn, insnClass, isCall, isExit, isLddw, op } from '../isa/index.js';
import { registersRead } from '../platform/index.js';

/** r0 to r5, which a call leaves with anything. */
export const callerSaved = 0x3f;
const bit = (r: number): number => 1 << r;

/** Is it LD_ABS or LD_IND: reads r6, leaves r0 to r5 as a call does, and may end the program. */
export function isPacketLoad(insn: Insn): boolean {
  return insnClass(insn) === op.LD && !isLddw(insn);
}

/** A read and a write at once, with a fetched result or without. */
export function isAtomic(insn: Insn): boolean {
  return insnClass(insn) === op.STX && (insn.code & 0xe0) === op.MODE_ATOMIC;
}

/** A plain load; sign-extending ones too. */
export function isLoad(insn: Insn): boolean {
  return insnClass(insn) === op.LDX;
}

/** A plain store, of a register or a constant. */
export function isStore(insn: Insn): boolean {
  return insnClass(insn) === op.ST || (insnClass(insn) === op.STX && !isAtomic(insn));
}

/** Arithmetic of either width, moves and byte swaps included. */
export function isAlu(insn: Insn): boolean {
  return insnClass(insn) === op.ALU || insnClass(insn) === op.ALU64;
}

/** Operand is a register. */
export function usesSource(insn: Insn): boolean {
  return (insn.code & op.X) !== 0;
}

/** Is the field `src` a register, of whatever kind the instruction is? */
export function hasSource(insn: Insn): boolean {
  const cls = insnClass(insn);
  if (cls === op.LDX || cls === op.STX) return true;
  return cls !== op.ST && (insn.code & op.X) !== 0;
}

/** Registers that it reads. */
export function reads(insn: Insn): number {
  const kind = insn.code & 0xf0;
  switch (insnClass(insn)) {
    case op.ALU:
    case op.ALU64: {
      const hasOperand = usesSource(insn) && kind !== op.END && kind !== op.NEG;
      return (kind === op.MOV ? 0 : bit(insn.dst)) | (hasOperand ? bit(insn.src) : 0);
    }
    case op.JMP:
    case op.JMP32:
      if (isExit(insn)) return bit(0);
      if (isCall(insn)) {
        const count = insn.src === op.CALL_HELPER ? registersRead(insn.imm) : 5;
        return ((1 << count) - 1) << 1;
      }
      if (kind === op.JA || kind === op.JCOND) return 0;
      return bit(insn.dst) | (usesSource(insn) ? bit(insn.src) : 0);
    case op.LDX:
      return bit(insn.src);
    case op.ST:
      return bit(insn.dst);
    case op.STX:
      if (isAtomic(insn)) {
        if (insn.imm === op.ATOMIC_LOAD_ACQ) return bit(insn.src);
        return bit(insn.dst) | bit(insn.src) | (insn.imm === op.ATOMIC_CMPXCHG ? bit(0) : 0);
      }
      return bit(insn.dst) | bit(insn.src);
    default:
      return isPacketLoad(insn) ? bit(6) | ((insn.code & 0xe0) === op.MODE_IND ? bit(insn.src) : 0) : 0;
  }
}

/** Registers that hold something else afterwards. */
export function writes(insn: Insn): number {
  switch (insnClass(insn)) {
    case op.ALU:
    case op.ALU64:
    case op.LDX:
      return bit(insn.dst);
    case op.LD:
      return isLddw(insn) ? bit(insn.dst) : callerSaved;
    case op.STX:
      if (!isAtomic(insn)) return 0;
      if (insn.imm === op.ATOMIC_CMPXCHG) return bit(0);
      if (insn.imm === op.ATOMIC_LOAD_ACQ) return bit(insn.dst);
      return (insn.imm & op.ATOMIC_FETCH) !== 0 && insn.imm < 0x100 ? bit(insn.src) : 0;
    case op.JMP:
      return isCall(insn) ? callerSaved : 0;
    default:
      return 0;
  }
}

/** A memory access by a register plus a constant. */
export interface Access {
  readonly base: number;
  readonly off: number;
  readonly size: number;
  readonly isWrite: boolean;
}

/** Undefined for what accesses no memory, and for calls. */
export function accessOf(insn: Insn): Access | undefined {
  const cls = insnClass(insn);
  if (cls !== op.LDX && cls !== op.ST && cls !== op.STX) return undefined;
  const isAcquire = isAtomic(insn) && insn.imm === op.ATOMIC_LOAD_ACQ;
  const base = cls === op.LDX || isAcquire ? insn.src : insn.dst;
  return { base, off: insn.off, size: accessSize(insn), isWrite: cls !== op.LDX && !isAcquire };
}
