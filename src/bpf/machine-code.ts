/**
 * Code between the IR and bytecode: instructions as they will be, but on registers without end. Registers 0 to 10 are
 * the machine's; from {@link firstVirtual} on they are *virtual* and get one of those, or a place in the frame, when
 * all is known (allocate.ts). Code is in two-address form already: what an instruction changes was copied first, and
 * the allocator makes most copies go away.
 */
import { type Insn, insnClass, isCall, op } from '../isa/index.js';

/** The first register that no machine has. */
export const firstVirtual = 16;

/** One instruction; `dst` and `src` may be virtual. */
export interface Operation {
  readonly insn: Insn;
  /** Of a 64-bit load: the second slot's immediate. */
  readonly second?: number | undefined;
  /** Registers that it reads and writes. A call also destroys r1 to r5. */
  readonly uses: readonly number[];
  readonly defs: readonly number[];
  /** Slot of the program that it comes from, for line records; -1: none. */
  readonly pc: number;
}

/** How a block ends. Blocks go by position. */
export type BlockEnd =
  | { readonly kind: 'jump'; readonly to: number }
  /** `test` is a conditional jump without a distance, taken to `yes`. */
  | { readonly kind: 'branch'; readonly test: Operation; readonly yes: number; readonly no: number }
  | { readonly kind: 'exit'; readonly pc: number };

/** Operations in order, and where control goes from there. */
export interface MachineBlock {
  readonly operations: Operation[];
  end: BlockEnd;
  /** How many loops it lies in. */
  readonly depth: number;
}

/** A function; the first block is its entry. */
export interface MachineCode {
  readonly blocks: readonly MachineBlock[];
  /** Virtual registers are below this. */
  readonly registers: number;
  /** Bytes below the frame pointer that the function's own variables take. */
  readonly frame: number;
}

const argumentRegisters: readonly number[] = [1, 2, 3, 4, 5];

/** What a call leaves undefined, its result included. */
export const callClobbers: readonly number[] = [0, ...argumentRegisters];

/** An instruction with what it reads and writes; `read` of a call: how many arguments it has. */
export function operation(insn: Insn, pc: number, more: { second?: number; read?: number } = {}): Operation {
  const { uses, defs } = accesses(insn, more.read ?? 0);
  return { insn, second: more.second, uses, defs, pc };
}

/** `dst = src`, all 64 bits. */
export function copy(dst: number, src: number, pc: number): Operation {
  return operation({ code: op.ALU64 | op.MOV | op.X, dst, src, off: 0, imm: 0 }, pc);
}

/** A 64-bit move between registers, which goes where both get the same one. */
export function isCopy({ insn }: Operation): boolean {
  return insn.code === (op.ALU64 | op.MOV | op.X) && insn.off === 0;
}

/** Registers that an instruction reads and writes. */
function accesses(insn: Insn, read: number): { uses: readonly number[]; defs: readonly number[] } {
  const { dst, src } = insn;
  const second = (insn.code & op.X) !== 0 ? [src] : [];
  switch (insnClass(insn)) {
    case op.ALU:
    case op.ALU64: {
      const kind = insn.code & 0xf0;
      if (kind === op.MOV) return { uses: second, defs: [dst] };
      const single = kind === op.NEG || kind === op.END;
      return { uses: single ? [dst] : [dst, ...second], defs: [dst] };
    }
    case op.LD:
      return { uses: [], defs: [dst] };
    case op.LDX:
      return { uses: [src], defs: [dst] };
    case op.ST:
      return { uses: [dst], defs: [] };
    case op.STX: {
      if ((insn.code & 0xe0) !== op.MODE_ATOMIC) return { uses: [dst, src], defs: [] };
      if (insn.imm === op.ATOMIC_CMPXCHG) return { uses: [dst, src, 0], defs: [0] };
      return { uses: [dst, src], defs: (insn.imm & op.ATOMIC_FETCH) !== 0 ? [src] : [] };
    }
    default:
      if (isCall(insn)) return { uses: argumentRegisters.slice(0, read), defs: [0] };
      return { uses: [dst, ...second], defs: [] };
  }
}

/** Blocks that control may go to; none behind an exit. */
export function successorsOf(end: BlockEnd): readonly number[] {
  if (end.kind === 'exit') return [];
  return end.kind === 'jump' ? [end.to] : [end.yes, end.no];
}

/** The operation with other registers in the place of its own. */
export function renamed(operationOf: Operation, rename: (register: number) => number): Operation {
  const { insn, second, uses, defs, pc } = operationOf;
  if (isCall(insn)) return operationOf;
  // The source of a constant, or of a reference, is no register.
  const cls = insnClass(insn);
  const hasSource =
    (insn.code & op.X) !== 0 && (cls === op.ALU || cls === op.ALU64 || cls === op.JMP || cls === op.JMP32);
  const isSwap = (cls === op.ALU || cls === op.ALU64) && (insn.code & 0xf0) === op.END;
  const src = (hasSource && !isSwap) || cls === op.LDX || cls === op.STX ? rename(insn.src) : insn.src;
  return {
    insn: { ...insn, dst: rename(insn.dst), src },
    second,
    uses: uses.map(rename),
    defs: defs.map(rename),
    pc,
  };
}
