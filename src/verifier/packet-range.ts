/**
 * What a comparison of packet pointers teaches. `data + 14 > data_end` not being so means that 14 bytes from `data` on
 * may be accessed: by every pointer that shares its variable part (`id`), since they move together.
 * Linux: try_match_pkt_pointers, find_good_pkt_pointers, is_pkt_ptr_branch_taken.
 */
import { op } from '../isa/index.js';
import { flip } from './branch.js';
import { atPacketEnd, beyondPacketEnd, type RegState } from './reg-state.js';
import type { VerifierState } from './verifier-state.js';

/** No packet is longer, so no sum up to here can wrap. */
const maxPacketOffset = 0xffff;

/** `data` itself, unmoved: the end of the metadata. */
function isPacketStart(reg: RegState): boolean {
  return reg.kind === 'pkt' && reg.off === 0 && reg.id === 0 && reg.range.isConst && reg.range.value === 0n;
}

/** Is `end` what bounds `pointer`? */
function bounds(pointer: RegState, end: RegState): boolean {
  return (pointer.kind === 'pkt' && end.kind === 'pkt_end') || (pointer.kind === 'pkt_meta' && isPacketStart(end));
}

/** The comparison as seen from the moving pointer, if it is one of a packet pointer with its end. */
export interface PacketComparison {
  readonly code: number;
  /** Register number of the moving pointer. */
  readonly reg: number;
  readonly pointer: RegState;
}

/**
 * Is the comparison of `dst` with `src` one of a packet pointer with data_end, or of metadata with data? Seen from
 * the moving pointer: where it stands on the right the comparison is turned round (try_match_pkt_pointers).
 */
export function packetComparison(
  code: number,
  dstReg: number,
  dst: RegState,
  srcReg: number,
  src: RegState,
): PacketComparison | undefined {
  if (bounds(dst, src)) return { code, reg: dstReg, pointer: dst };
  if (bounds(src, dst)) return { code: flip(code), reg: srcReg, pointer: src };
  return undefined;
}

/** Is the outcome known from an earlier comparison of the same pointer? */
export function packetBranchTaken({ code, pointer }: PacketComparison): boolean | undefined {
  if (pointer.kind !== 'pkt' || pointer.pktRange >= 0) return undefined;
  switch (code) {
    case op.JGT:
    case op.JLE:
      return pointer.pktRange === beyondPacketEnd ? code === op.JGT : undefined;
    case op.JGE:
    case op.JLT:
      return code === op.JGE;
    default:
      return undefined;
  }
}

/** Applies what either outcome teaches. Returns false if this comparison teaches nothing. */
export function learnPacketRange(
  comparison: PacketComparison,
  taken: VerifierState,
  fallThrough: VerifierState,
): boolean {
  const { pointer, reg } = comparison;
  switch (comparison.code) {
    case op.JGT:
      extendRange(fallThrough, pointer, false);
      markEnd(taken, reg, beyondPacketEnd);
      return true;
    case op.JGE:
      extendRange(fallThrough, pointer, true);
      markEnd(taken, reg, atPacketEnd);
      return true;
    case op.JLT:
      extendRange(taken, pointer, true);
      markEnd(fallThrough, reg, atPacketEnd);
      return true;
    case op.JLE:
      extendRange(taken, pointer, false);
      markEnd(fallThrough, reg, beyondPacketEnd);
      return true;
    default:
      return false;
  }
}

/** The bytes before `pointer` are in the packet; with `strict` (pointer < end) the one it points to as well. */
function extendRange(state: VerifierState, pointer: RegState, strict: boolean): void {
  const { off, id, kind, range } = pointer;
  if (off < 0 || (off === 0 && strict)) return;
  if (range.umax > BigInt(maxPacketOffset) || range.umax + BigInt(off) > BigInt(maxPacketOffset)) return;
  const known = strict ? off + 1 : off;
  state.mapRegs((reg) => {
    if (reg.kind !== kind || reg.id !== id || reg.pktRange >= known) return reg;
    const to = reg.copy();
    to.pktRange = known;
    return to;
  });
}

/** Notes in one register where it stands relative to data_end. */
function markEnd(state: VerifierState, reg: number, where: number): void {
  const pointer = state.top.reg(reg);
  if (pointer.kind !== 'pkt') return;
  const to = pointer.copy();
  to.pktRange = where;
  state.top.regs[reg] = to;
}
