/**
 * Tests the harness itself: an engine with one wrong opcode. Two ways to plant one:
 *
 * - `insn`: the engine reads one instruction as another. The program that it is given has every such instruction replaced, which is exactly
 *   what an engine with that fault would execute.
 * - `wasm`: the compiler writes one WebAssembly instruction in the place of another, wherever it writes it.
 */
import { type Insn, isLddw, op } from '../isa/index.js';
import type { ObjectSpec } from '../object/index.js';
import { type PlainOp, plainOpcodes } from '../wasm/index.js';

export interface InsnFault {
  readonly kind: 'insn';
  readonly name: string;
  /** The instruction to execute in place of this one; undefined leaves it alone. */
  readonly replace: (insn: Insn) => Insn | undefined;
}

export interface WasmFault {
  readonly kind: 'wasm';
  readonly name: string;
  readonly written: PlainOp;
  readonly meant: PlainOp;
}

export type PlantedFault = InsnFault | WasmFault;

const swapCode =
  (from: number, to: number) =>
  (insn: Insn): Insn | undefined =>
    insn.code === from && insn.off === 0 ? { ...insn, code: to } : undefined;

/** One for each family of instructions, each as subtle as a real mistake. */
const insnFaults: readonly InsnFault[] = [
  { kind: 'insn', name: 'arsh32 shifts in zeros', replace: swapCode(op.ALU | op.ARSH | op.X, op.ALU | op.RSH | op.X) },
  {
    kind: 'insn',
    name: 'arsh64 shifts in zeros',
    replace: swapCode(op.ALU64 | op.ARSH | op.K, op.ALU64 | op.RSH | op.K),
  },
  {
    kind: 'insn',
    name: 'add32 does not clear the upper half',
    replace: swapCode(op.ALU | op.ADD | op.X, op.ALU64 | op.ADD | op.X),
  },
  { kind: 'insn', name: 'mov32 sign-extends', replace: swapCode(op.ALU | op.MOV | op.K, op.ALU64 | op.MOV | op.K) },
  {
    kind: 'insn',
    name: 'sdiv32 divides unsigned',
    replace: (insn) => (insn.code === (op.ALU | op.DIV | op.X) && insn.off === 1 ? { ...insn, off: 0 } : undefined),
  },
  {
    kind: 'insn',
    name: 'smod64 is unsigned',
    replace: (insn) => (insn.code === (op.ALU64 | op.MOD | op.X) && insn.off === 1 ? { ...insn, off: 0 } : undefined),
  },
  {
    kind: 'insn',
    name: 'movsx16 extends from 8 bits',
    replace: (insn) => (insn.code === (op.ALU64 | op.MOV | op.X) && insn.off === 16 ? { ...insn, off: 8 } : undefined),
  },
  {
    kind: 'insn',
    name: 'ldxsh does not sign-extend',
    replace: swapAnywhere(op.LDX | op.MODE_MEMSX | op.SIZE_H, op.LDX | op.MODE_MEM | op.SIZE_H),
  },
  {
    kind: 'insn',
    name: 'stw writes two bytes',
    replace: swapAnywhere(op.STX | op.MODE_MEM | op.SIZE_W, op.STX | op.MODE_MEM | op.SIZE_H),
  },
  {
    kind: 'insn',
    name: 'jsgt compares unsigned',
    replace: swapAnywhere(op.JMP | op.JSGT | op.K, op.JMP | op.JGT | op.K),
  },
  {
    kind: 'insn',
    name: 'jge32 compares 64 bits',
    replace: swapAnywhere(op.JMP32 | op.JGE | op.X, op.JMP | op.JGE | op.X),
  },
  {
    kind: 'insn',
    name: 'jset tests for equality',
    replace: swapAnywhere(op.JMP | op.JSET | op.K, op.JMP | op.JEQ | op.K),
  },
  {
    kind: 'insn',
    name: 'be16 does not swap',
    replace: (insn) => (isBe16(insn) ? { ...insn, code: op.ALU | op.END | op.K } : undefined),
  },
  {
    kind: 'insn',
    name: 'atomic add does not fetch',
    replace: (insn) =>
      isAtomic(insn) && insn.imm === (op.ATOMIC_ADD | op.ATOMIC_FETCH) ? { ...insn, imm: op.ATOMIC_ADD } : undefined,
  },
  {
    kind: 'insn',
    name: 'atomic xor is or',
    replace: (insn) => (isAtomic(insn) && insn.imm === op.ATOMIC_XOR ? { ...insn, imm: op.ATOMIC_OR } : undefined),
  },
];

function swapAnywhere(from: number, to: number): InsnFault['replace'] {
  return (insn) => (insn.code === from ? { ...insn, code: to } : undefined);
}

function isBe16(insn: Insn): boolean {
  return insn.code === (op.ALU | op.END | op.X) && insn.imm === 16;
}

function isAtomic(insn: Insn): boolean {
  return (insn.code & 0xe7) === (op.STX | op.MODE_ATOMIC);
}

/**
 * Each of the same type as what was meant, so that the module is still valid. Whole programs compare with `lt` and `eq` alone: `a <= b` is the contrary of `b < a`, and only
 * traces have `le`.
 */
const wasmFaults: readonly WasmFault[] = (
  [
    ['i64.shr_s', 'i64.shr_u'],
    ['i32.shr_s', 'i32.shr_u'],
    ['i64.div_s', 'i64.div_u'],
    ['i64.rem_u', 'i64.rem_s'],
    ['i32.div_u', 'i32.div_s'],
    ['i64.lt_s', 'i64.lt_u'],
    ['i64.lt_u', 'i64.lt_s'],
    ['i32.extend16_s', 'i32.extend8_s'],
    ['i64.extend_i32_u', 'i64.extend_i32_s'],
    ['i64.xor', 'i64.or'],
  ] as const
).map(([meant, written]) => ({ kind: 'wasm', name: `${meant} is written as ${written}`, meant, written }));

/** What an engine can get wrong. */
export function faultsOf(engine: string): readonly PlantedFault[] {
  return engine === 'wasm' ? [...insnFaults, ...wasmFaults] : insnFaults;
}

/** Runs `body` while the compiler makes that mistake. */
export function withWasmFault<T>(fault: PlantedFault | undefined, body: () => T): T {
  if (fault?.kind !== 'wasm') return body();
  // The table is constant for everyone but this test of the harness.
  const table = plainOpcodes as Record<PlainOp, number>;
  const right = table[fault.meant];
  table[fault.meant] = table[fault.written];
  try {
    return body();
  } finally {
    table[fault.meant] = right;
  }
}

/** The object as an engine with the fault would execute it; undefined when no instruction is concerned. */
export function plant(object: ObjectSpec, fault: InsnFault): ObjectSpec | undefined {
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
