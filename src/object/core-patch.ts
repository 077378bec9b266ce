/**
 * Puts a CO-RE value into an instruction (libbpf: bpf_core_patch_insn): the immediate of an ALU instruction, the
 * offset of a load or store (whose width follows the field's, where that is safe), or a 64-bit immediate.
 */
import { accessSize, type Insn, insnClass, op } from '../isa/index.js';
import type { Btf } from './btf.js';
import type { CoreValue } from './core-value.js';

/**
 * Helper number that libbpf puts where a relocation cannot be resolved; the kernel refuses it if the call is
 * reachable.
 */
export const poisonedCall = 195896080;

/** Overwrites the instruction at `slot`, both slots of a 64-bit load. */
export function poison(insns: Insn[], slot: number): void {
  const call: Insn = { code: op.CALL_OP, dst: 0, src: 0, off: 0, imm: poisonedCall };
  const wide = insns[slot]?.code === op.LDDW && slot + 1 < insns.length;
  insns[slot] = call;
  if (wide) insns[slot + 1] = call;
}

/** What became of an instruction; `problem` is a sentence without place. */
export type PatchOutcome =
  | 'patched'
  /** The field's width differs and its value would come out wrong: poisoned. */
  | 'width'
  | { readonly problem: string };

/** `before` is the program's own value, `after` the target's. */
export function patch(
  insns: Insn[],
  slot: number,
  before: CoreValue & { readonly btf: Btf },
  after: CoreValue & { readonly btf: Btf },
): PatchOutcome {
  const insn = insns[slot];
  if (insn === undefined) return { problem: 'there is no such instruction' };
  switch (insnClass(insn)) {
    case op.ALU:
    case op.ALU64:
      if ((insn.code & op.X) !== op.K) return { problem: 'the instruction has no immediate' };
      if (before.exact && BigInt(insn.imm) !== BigInt.asIntN(64, before.value)) return unexpected(insn.imm, before);
      insns[slot] = { ...insn, imm: Number(BigInt.asIntN(32, after.value)) };
      return 'patched';
    case op.LDX:
    case op.ST:
    case op.STX:
      return patchAccess(insns, slot, insn, before, after);
    case op.LD:
      return patchLoad(insns, slot, insn, before, after);
    default:
      return { problem: `an instruction with opcode 0x${insn.code.toString(16)} cannot be relocated` };
  }
}

/** The compiler's instruction does not hold what its own record says: then nothing is patched. */
function unexpected(got: number | bigint, before: CoreValue): { readonly problem: string } {
  return { problem: `the instruction holds ${got} where its own types say ${before.value}` };
}

/**
 * A load or store: its offset, and its width where the field's size changed. Another width is safe only
 * between unsigned numbers, and between pointers: else the instruction is poisoned.
 */
function patchAccess(
  insns: Insn[],
  slot: number,
  insn: Insn,
  before: CoreValue & { readonly btf: Btf },
  after: CoreValue & { readonly btf: Btf },
): PatchOutcome {
  if (before.exact && BigInt(insn.off) !== before.value) return unexpected(insn.off, before);
  if (after.value > 32767n) return { problem: `offset ${after.value} does not fit in an instruction` };
  let code = insn.code;
  if (before.size !== after.size) {
    if (!widthMayChange(before, after)) {
      poison(insns, slot);
      return 'width';
    }
    const bits = sizeBits(after.size);
    if (accessSize(insn) !== before.size) return unexpectedWidth(accessSize(insn), before.size);
    if (bits === undefined) return { problem: `a field of ${after.size} bytes cannot be loaded at once` };
    code = (insn.code & ~op.SIZE_DW) | bits;
  }
  insns[slot] = { ...insn, code, off: Number(after.value) };
  return 'patched';
}

function unexpectedWidth(got: number, wanted: number): { readonly problem: string } {
  return { problem: `the instruction accesses ${got} bytes of a field of ${wanted}` };
}

/** Pointers (a 32-bit kernel's are read as 64 bits) and integers whose upper bits are zero. */
function widthMayChange(before: CoreValue & { readonly btf: Btf }, after: CoreValue & { readonly btf: Btf }): boolean {
  const from = before.btf.resolve(before.type);
  const to = after.btf.resolve(after.type);
  if (from.kind === 'ptr' && to.kind === 'ptr') return true;
  if (from.kind !== 'int' || to.kind !== 'int') return false;
  // libbpf compares the whole encoding: only a plain signed integer counts as signed.
  return [from, to].every((type) => !type.signed || type.char || type.bool);
}

function sizeBits(size: number): number | undefined {
  switch (size) {
    case 1:
      return op.SIZE_B;
    case 2:
      return op.SIZE_H;
    case 4:
      return op.SIZE_W;
    case 8:
      return op.SIZE_DW;
    default:
      return undefined;
  }
}

/** A 64-bit load: its two halves. */
function patchLoad(insns: Insn[], slot: number, insn: Insn, before: CoreValue, after: CoreValue): PatchOutcome {
  const high = insns[slot + 1];
  if (insn.code !== op.LDDW || insn.src !== 0 || insn.off !== 0 || high === undefined || high.code !== 0) {
    return { problem: 'the instruction is no load of a 64-bit number' };
  }
  const held = (BigInt(high.imm >>> 0) << 32n) | BigInt(insn.imm >>> 0);
  if (before.exact && held !== before.value) return unexpected(held, before);
  insns[slot] = { ...insn, imm: Number(BigInt.asIntN(32, after.value)) };
  insns[slot + 1] = { ...high, imm: Number(BigInt.asIntN(32, after.value >> 32n)) };
  return 'patched';
}
