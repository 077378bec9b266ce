/**
 * A program in the form that the interpreter runs: one typed array for each field of an instruction, immediates
 * widened to 64 bits, jump targets absolute. Slots whose encoding is not valid become {@link invalid}, so that the
 * interpreter's switch need not look at reserved fields; so does a last slot behind the end, to which all jumps out of
 * the program go.
 */

import { encodingFault, probeLoads } from '../code/index.js';
import { type Insn, isConditionalJump, isLddw, isUnconditionalJump, jumpTarget, op } from '../isa/index.js';
import type { LoadedProgram } from '../vm/index.js';

/** Opcode of a slot that must not be executed; a class that no opcode of the instruction set uses with these bits. */
export const invalid = 0xff;

/** The mode of a load that gives 0 where nothing can be read, zero-extending and sign-extending, as Linux has it. */
function probeMode(code: number): number {
  return (code & 0xe0) === op.MODE_MEMSX ? 0x40 : 0x20;
}

/**
 * A program's columns. Index is the slot; arrays are as long as the program, and the interpreter reads them without
 * bounds checks of its own since
 * jump targets were checked here.
 */
export class Code {
  readonly program: LoadedProgram;
  readonly opcode: Uint8Array;
  readonly dst: Uint8Array;
  readonly src: Uint8Array;
  readonly off: Int16Array;
  /** Sign-extended, or all 64 bits of an lddw. */
  readonly imm: BigUint64Array;
  /** The low halves of `imm` at even indexes. */
  readonly imm32: Uint32Array;
  /** Where a jump or a call of a local function goes. */
  readonly target: Int32Array;
  /** What is wrong with each {@link invalid} slot. */
  readonly faults: ReadonlyMap<number, string>;

  constructor(program: LoadedProgram) {
    const { insns } = program;
    const slots = insns.length + 1;
    this.program = program;
    this.opcode = new Uint8Array(slots).fill(invalid);
    this.dst = new Uint8Array(slots);
    this.src = new Uint8Array(slots);
    this.off = new Int16Array(slots);
    this.imm = new BigUint64Array(slots);
    this.imm32 = new Uint32Array(this.imm.buffer);
    this.target = new Int32Array(slots).fill(insns.length);
    const faults = new Map<number, string>([[insns.length, 'jump out of the program, or no exit at its end']]);
    this.faults = faults;
    const probes = probeLoads(program.spec);
    for (let pc = 0; pc < insns.length; pc++) {
      const insn = insns[pc] as Insn;
      const fault = encodingFault(insns, pc);
      if (fault !== undefined) {
        faults.set(pc, fault);
        continue;
      }
      this.opcode[pc] = probes.has(pc) ? (insn.code & ~0xe0) | probeMode(insn.code) : insn.code;
      this.dst[pc] = insn.dst;
      this.src[pc] = insn.src;
      this.off[pc] = insn.off;
      this.imm32[2 * pc] = insn.imm;
      this.imm32[2 * pc + 1] = isLddw(insn) ? (insns[pc + 1]?.imm ?? 0) : insn.imm >> 31;
      const target =
        isUnconditionalJump(insn) || isConditionalJump(insn)
          ? jumpTarget(insn, pc)
          : insn.code === op.CALL_OP && insn.src === op.CALL_LOCAL
            ? pc + 1 + insn.imm
            : insns.length;
      if (target >= 0 && target < insns.length) this.target[pc] = target;
    }
  }
}
