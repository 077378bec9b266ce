/**
 * Which loads of a rewritten program go through the context's pointer: a forward data-flow over the registers and
 * stack slots that may hold it, from r1 of the program on, and into the functions that are given it.
 *
 * States only grow where ways meet, so it ends. "May" is enough: the verifier lets no instruction read the context on
 * one way and something else on another. A slip would show in the tag of the result (xlated.ts), never in a packet.
 */
import {
  accessSize,
  type Insn,
  insnClass,
  isCall,
  isConditionalJump,
  isExit,
  isLddw,
  isUnconditionalJump,
  jumpTarget,
  op,
} from '../isa/index.js';

/** Bits 0 to 10: registers; from 16 on the 64 slots of the frame, lowest first. */
type State = bigint;

/** The frame is 512 bytes. The verifier keeps pointers in whole slots of 8 bytes alone; others have no bit. */
const registerBit = (register: number): bigint => 1n << BigInt(register);
const slotBit = (off: number): bigint =>
  off < 0 && off >= -512 && off % 8 === 0 ? 1n << BigInt(16 + (off + 512) / 8) : 0n;
/** r0 to r5, which calls do not keep. */
const clobbered = 0x3fn;

/** Slots of loads of 8 bytes through the context. `calleeOf` tells where the function that a slot names begins. */
export function contextLoads(insns: readonly Insn[], calleeOf: (at: number) => number): ReadonlySet<number> {
  const before = new Map<number, State>();
  const found = new Set<number>();
  const open: number[] = [];
  const reach = (at: number, state: State): void => {
    const old = before.get(at);
    if (at >= insns.length || old === ((old ?? 0n) | state)) return;
    before.set(at, (old ?? 0n) | state);
    open.push(at);
  };
  reach(0, registerBit(1));
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    const insn = insns[at] as Insn;
    const state = before.get(at) ?? 0n;
    if (isExit(insn)) continue;
    if (insnClass(insn) === op.LDX && (state & registerBit(insn.src)) !== 0n) found.add(at);
    if (isUnconditionalJump(insn)) {
      reach(jumpTarget(insn, at), state);
      continue;
    }
    if (isConditionalJump(insn)) reach(jumpTarget(insn, at), state);
    if (isLddw(insn)) {
      // A callback may be given anything that the frame's owner has.
      if (insn.src === op.PSEUDO_FUNC) reach(calleeOf(at), 0n);
      reach(at + 2, state & ~registerBit(insn.dst));
      continue;
    }
    if (isCall(insn) && insn.src === op.CALL_LOCAL) reach(calleeOf(at), state & 0x3en);
    reach(at + 1, behind(insn, state));
  }
  return found;
}

/** What holds the pointer behind an instruction that goes on to the next one. */
function behind(insn: Insn, state: State): State {
  const { dst, src, off } = insn;
  const has = (bit: bigint): boolean => bit !== 0n && (state & bit) !== 0n;
  const without = state & ~registerBit(dst);
  switch (insnClass(insn)) {
    case op.ALU64: {
      const isCopy = insn.code === (op.ALU64 | op.MOV | op.X) && off === 0;
      return isCopy && has(registerBit(src)) ? without | registerBit(dst) : without;
    }
    case op.ALU:
      return without;
    case op.LDX:
      return src === 10 && accessSize(insn) === 8 && has(slotBit(off)) ? without | registerBit(dst) : without;
    case op.STX: {
      if (dst !== 10 || accessSize(insn) !== 8) return state;
      const kept = state & ~slotBit(off);
      return has(registerBit(src)) ? kept | slotBit(off) : kept;
    }
    case op.ST:
      return dst === 10 && accessSize(insn) === 8 ? state & ~slotBit(off) : state;
    default:
      return isCall(insn) ? state & ~clobbered : state;
  }
}
