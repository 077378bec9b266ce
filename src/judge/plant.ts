/**
 * Tests the harness itself: an engine with one wrong opcode. The engine is left as it is; the program that it is given has every `from`
 * instruction replaced by a `to` instruction, which is exactly what an engine with that fault would execute.
 */
import { type Insn, isLddw, op } from '../isa/index.js';
import type { ObjectSpec } from '../object/index.js';

export interface PlantedFault {
  readonly name: string;
  /** The instruction to execute in place of this one; undefined leaves it alone. */
  readonly replace: (insn: Insn) => Insn | undefined;
}

const swapCode =
  (from: number, to: number) =>
  (insn: Insn): Insn | undefined =>
    insn.code === from && insn.off === 0 ? { ...insn, code: to } : undefined;

/** One for each family of instructions, each as subtle as a real mistake. */
export const plantedFaults: readonly PlantedFault[] = [
  { name: 'arsh32 shifts in zeros', replace: swapCode(op.ALU | op.ARSH | op.X, op.ALU | op.RSH | op.X) },
  { name: 'arsh64 shifts in zeros', replace: swapCode(op.ALU64 | op.ARSH | op.K, op.ALU64 | op.RSH | op.K) },
  { name: 'add32 does not clear the upper half', replace: swapCode(op.ALU | op.ADD | op.X, op.ALU64 | op.ADD | op.X) },
  { name: 'mov32 sign-extends', replace: swapCode(op.ALU | op.MOV | op.K, op.ALU64 | op.MOV | op.K) },
  {
    name: 'sdiv32 divides unsigned',
    replace: (insn) => (insn.code === (op.ALU | op.DIV | op.X) && insn.off === 1 ? { ...insn, off: 0 } : undefined),
  },
  {
    name: 'smod64 is unsigned',
    replace: (insn) => (insn.code === (op.ALU64 | op.MOD | op.X) && insn.off === 1 ? { ...insn, off: 0 } : undefined),
  },
  {
    name: 'movsx16 extends from 8 bits',
    replace: (insn) => (insn.code === (op.ALU64 | op.MOV | op.X) && insn.off === 16 ? { ...insn, off: 8 } : undefined),
  },
  {
    name: 'ldxsh does not sign-extend',
    replace: swapAnywhere(op.LDX | op.MODE_MEMSX | op.SIZE_H, op.LDX | op.MODE_MEM | op.SIZE_H),
  },
  {
    name: 'stw writes two bytes',
    replace: swapAnywhere(op.STX | op.MODE_MEM | op.SIZE_W, op.STX | op.MODE_MEM | op.SIZE_H),
  },
  { name: 'jsgt compares unsigned', replace: swapAnywhere(op.JMP | op.JSGT | op.K, op.JMP | op.JGT | op.K) },
  { name: 'jge32 compares 64 bits', replace: swapAnywhere(op.JMP32 | op.JGE | op.X, op.JMP | op.JGE | op.X) },
  { name: 'jset tests for equality', replace: swapAnywhere(op.JMP | op.JSET | op.K, op.JMP | op.JEQ | op.K) },
  {
    name: 'be16 does not swap',
    replace: (insn) => (isBe16(insn) ? { ...insn, code: op.ALU | op.END | op.K } : undefined),
  },
  {
    name: 'atomic add does not fetch',
    replace: (insn) =>
      isAtomic(insn) && insn.imm === (op.ATOMIC_ADD | op.ATOMIC_FETCH) ? { ...insn, imm: op.ATOMIC_ADD } : undefined,
  },
  {
    name: 'atomic xor is or',
    replace: (insn) => (isAtomic(insn) && insn.imm === op.ATOMIC_XOR ? { ...insn, imm: op.ATOMIC_OR } : undefined),
  },
];

function swapAnywhere(from: number, to: number): PlantedFault['replace'] {
  return (insn) => (insn.code === from ? { ...insn, code: to } : undefined);
}

function isBe16(insn: Insn): boolean {
  return insn.code === (op.ALU | op.END | op.X) && insn.imm === 16;
}

function isAtomic(insn: Insn): boolean {
  return (insn.code & 0xe7) === (op.STX | op.MODE_ATOMIC);
}

/** The object as an engine with the fault would execute it; undefined when no instruction is concerned. */
export function plant(object: ObjectSpec, fault: PlantedFault): ObjectSpec | undefined {
  let planted = false;
  const programs = object.programs.map((program) => {
    const insns = program.insns.map((insn, pc) => {
      const before = program.insns[pc - 1];
      const other = before !== undefined && isLddw(before) ? undefined : fault.replace(insn);
      if (other !== undefined) planted = true;
      return other ?? insn;
    });
    return { ...program, insns };
  });
  return planted ? { ...object, programs } : undefined;
}
