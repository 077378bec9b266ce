/**
 * One 8-byte instruction slot, the kernel's `struct bpf_insn`, and its encoding (RFC 9669, section 3.1,
 * little-endian):
 *
 *     byte 0    1          2..3        4..7
 *     opcode    src:4 dst:4  off (s16)   imm (s32)
 *
 * A program is an array of slots and a program counter counts slots. A 64-bit immediate load (`lddw`) takes two: the
 * second has opcode 0 and holds the upper half of the immediate in `imm`.
 */
import { InputError } from '../base/index.js';
import * as op from './opcode.js';

/**
 * One slot of 8 bytes, its fields as numbers: `off` signed 16 bits, `imm` signed 32 bits. `lddw` takes two slots, the
 * second of which has opcode 0.
 */
export interface Insn {
  /** The opcode byte. */
  readonly code: number;
  /** Register 0 to 10; four bits, so damaged code has up to 15. */
  readonly dst: number;
  /** Register, or what kind of constant a 64-bit load or call holds (PSEUDO_*, CALL_*). */
  readonly src: number;
  /** Signed 16 bits. */
  readonly off: number;
  /** Signed 32 bits. */
  readonly imm: number;
}

/** Bytes a slot. */
export const insnSize = 8;

/** Decodes every slot. Throws InputError when the length is no multiple of eight. */
export function decodeInsns(bytes: Uint8Array): Insn[] {
  if (bytes.length % insnSize !== 0) {
    throw new InputError(`code of ${bytes.length} bytes is not a whole number of ${insnSize}-byte instructions`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const insns: Insn[] = [];
  for (let at = 0; at < bytes.length; at += insnSize) {
    const regs = view.getUint8(at + 1);
    insns.push({
      code: view.getUint8(at),
      dst: regs & 0xf,
      src: regs >> 4,
      off: view.getInt16(at + 2, true),
      imm: view.getInt32(at + 4, true),
    });
  }
  return insns;
}

/** The bytes of slots, 8 each, little endian. */
export function encodeInsns(insns: readonly Insn[]): Uint8Array {
  const bytes = new Uint8Array(insns.length * insnSize);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < insns.length; i++) {
    const insn = insns[i] as Insn;
    const at = i * insnSize;
    view.setUint8(at, insn.code);
    view.setUint8(at + 1, (insn.src << 4) | insn.dst);
    view.setInt16(at + 2, insn.off, true);
    view.setInt32(at + 4, insn.imm, true);
  }
  return bytes;
}

/** The three low bits of the opcode: LD to ALU64. */
export function insnClass(insn: Insn): number {
  return insn.code & 0x07;
}

/** True for JMP and JMP32: branches, calls, exit. */
export function isJump(insn: Insn): boolean {
  return insnClass(insn) === op.JMP || insnClass(insn) === op.JMP32;
}

/** The first slot of a 64-bit load; the one behind it is no instruction. */
export function isLddw(insn: Insn): boolean {
  return insn.code === op.LDDW;
}

/** The 64-bit load of a map or of its value; `imm` names the map: an index, a number or a descriptor. */
export function loadsMap(insn: Insn): boolean {
  return isLddw(insn) && (insn.src === op.PSEUDO_MAP_FD || insn.src === op.PSEUDO_MAP_VALUE);
}

/** A call of a helper, function or kernel function, or of an address in a register (which Linux refuses). */
export function isCall(insn: Insn): boolean {
  return insn.code === op.CALL_OP || insn.code === (op.CALL_OP | op.X);
}

/** Ends the program or the function. */
export function isExit(insn: Insn): boolean {
  return insn.code === op.EXIT_OP;
}

/** `ja` and `gotol`. */
export function isUnconditionalJump(insn: Insn): boolean {
  return insn.code === op.JA_OP || insn.code === op.JA32_OP;
}

/** A jump that compares; neither `ja` nor a call nor `exit`. */
export function isConditionalJump(insn: Insn): boolean {
  if (!isJump(insn)) return false;
  const kind = insn.code & 0xf0;
  return kind !== op.JA && kind !== op.CALL && kind !== op.EXIT;
}

/** `may_goto`, which {@link isConditionalJump} takes for a comparison: it looks at a count that the frame keeps. */
export function isMayGoto(insn: Insn): boolean {
  return insn.code === (op.JMP | op.JCOND);
}

/** Where a jump at slot `pc` goes when it is taken. `gotol` keeps its distance in `imm`. */
export function jumpTarget(insn: Insn, pc: number): number {
  return pc + 1 + (insn.code === op.JA32_OP ? insn.imm : insn.off);
}

/** Access width in bytes of a load or store: 1, 2, 4 or 8. */
export function accessSize(insn: Insn): number {
  switch (insn.code & 0x18) {
    case op.SIZE_B:
      return 1;
    case op.SIZE_H:
      return 2;
    case op.SIZE_W:
      return 4;
    default:
      return 8;
  }
}

/** The 64-bit immediate of the `lddw` at `pc`, unsigned. */
export function lddwImm(insns: readonly Insn[], pc: number): bigint {
  const low = insns[pc]?.imm ?? 0;
  const high = insns[pc + 1]?.imm ?? 0;
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}
