/**
 * Tests the harness itself: an engine with one wrong opcode. Two ways to plant one:
 *
 * - `insn`: the engine reads one instruction as another. The program that it is given has every such instruction
 *   replaced, which is exactly what an engine with that fault would execute.
 * - `wasm`: the compiler writes one WebAssembly instruction in the place of another, wherever it writes it.
 */
import { type Insn, isLddw, op } from '../isa/index.js';
import type { ObjectSpec } from '../object/index.js';
import { type PlainOp, plainOpcodes } from '../wasm/index.js';

/** An engine that reads one instruction as another. */
export interface InsnFault {
  readonly kind: 'insn';
  readonly name: string;
  /** The instruction to execute in place of this one; undefined leaves it alone. */
  readonly replace: (insn: Insn) => Insn | undefined;
}

/** A compiler that writes one WebAssembly instruction for another. */
export interface WasmFault {
  readonly kind: 'wasm';
  readonly name: string;
  readonly written: PlainOp;
  readonly meant: PlainOp;
}

/** A mistake that a harness has to find. */
export type PlantedFault = InsnFault | WasmFault;

/** What to execute in place of an instruction; undefined leaves it alone. */
type Misreading = InsnFault['replace'];

/** `from` is read as `to`, whatever its operands. */
const swapCode =
  (from: number, to: number): Misreading =>
  (insn) =>
    insn.code === from ? { ...insn, code: to } : undefined;

/** As {@link swapCode}, for a code that `off` makes into another instruction: only the one with `off` 0. */
const swapPlain =
  (from: number, to: number): Misreading =>
  (insn) =>
    insn.off === 0 ? swapCode(from, to)(insn) : undefined;

/** `off`, which tells variants of `code` apart, is read as another. */
const swapVariant =
  (code: number, from: number, to: number): Misreading =>
  (insn) =>
    insn.code === code && insn.off === from ? { ...insn, off: to } : undefined;

/** An atomic operation is done as another. */
const swapAtomic =
  (from: number, to: number): Misreading =>
  (insn) =>
    (insn.code & 0xe7) === (op.STX | op.MODE_ATOMIC) && insn.imm === from ? { ...insn, imm: to } : undefined;

/** One for each family of instructions, each as subtle as a real mistake. */
const misreadings: Readonly<Record<string, Misreading>> = {
  'arsh32 shifts in zeros': swapPlain(op.ALU | op.ARSH | op.X, op.ALU | op.RSH | op.X),
  'arsh64 shifts in zeros': swapPlain(op.ALU64 | op.ARSH | op.K, op.ALU64 | op.RSH | op.K),
  'add32 does not clear the upper half': swapPlain(op.ALU | op.ADD | op.X, op.ALU64 | op.ADD | op.X),
  'mov32 sign-extends': swapPlain(op.ALU | op.MOV | op.K, op.ALU64 | op.MOV | op.K),
  'sdiv32 divides unsigned': swapVariant(op.ALU | op.DIV | op.X, 1, 0),
  'smod64 is unsigned': swapVariant(op.ALU64 | op.MOD | op.X, 1, 0),
  'movsx16 extends from 8 bits': swapVariant(op.ALU64 | op.MOV | op.X, 16, 8),
  'ldxsh does not sign-extend': swapCode(op.LDX | op.MODE_MEMSX | op.SIZE_H, op.LDX | op.MODE_MEM | op.SIZE_H),
  'stw writes two bytes': swapCode(op.STX | op.MODE_MEM | op.SIZE_W, op.STX | op.MODE_MEM | op.SIZE_H),
  'jsgt compares unsigned': swapCode(op.JMP | op.JSGT | op.K, op.JMP | op.JGT | op.K),
  'jge32 compares 64 bits': swapCode(op.JMP32 | op.JGE | op.X, op.JMP | op.JGE | op.X),
  'jset tests for equality': swapCode(op.JMP | op.JSET | op.K, op.JMP | op.JEQ | op.K),
  'be16 does not swap': (insn) => (isBe16(insn) ? { ...insn, code: op.ALU | op.END | op.K } : undefined),
  'atomic add does not fetch': swapAtomic(op.ATOMIC_ADD | op.ATOMIC_FETCH, op.ATOMIC_ADD),
  'atomic xor is or': swapAtomic(op.ATOMIC_XOR, op.ATOMIC_OR),
};

/** A fault for each misreading: the opcode that is read, and as what. */
const insnFaults: readonly InsnFault[] = Object.entries(misreadings).map(([name, replace]) => ({
  kind: 'insn',
  name,
  replace,
}));

function isBe16(insn: Insn): boolean {
  return insn.code === (op.ALU | op.END | op.X) && insn.imm === 16;
}

/**
 * Each of the same type as what was meant, so that the module is still valid. Whole programs compare with `lt` and
 * `eq` alone: `a <= b` is the contrary of `b < a`, and only traces have `le`.
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
