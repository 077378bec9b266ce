/**
 * Calls. A helper is a routine of the firmware: the map's number is in register 0 of bank A, the way back in that of
 * bank B, window 0 stands at a key on the stack. A function of the program finds its way back in register 21 of bank A
 * and keeps it in the first word of its frame, with r6 to r9 behind it if it writes them:
 *
 *     window 0:   back | r6 low | r6 high | ... | r9 high | what the function keeps
 */
import { calledHelper, isLocalCall, isTailCall, namedFunction } from '../../code/index.js';
import type { Insn } from '../../isa/index.js';
import { helperId } from '../../platform/index.js';
import { type Assembler, type Label, scratch } from './assembler.js';
import { lengthMask, packetWords } from './lower-memory.js';
import type { Lowering } from './lowering.js';
import { both, inA, inB, local } from './operand.js';
import { helperRoutine } from './routines.js';

/** Helpers that the driver of Linux compiles. */
const known: ReadonlySet<number> = new Set([
  helperId.map_lookup_elem,
  helperId.map_update_elem,
  helperId.map_delete_elem,
  helperId.xdp_adjust_head,
  helperId.xdp_adjust_tail,
  helperId.get_prandom_u32,
  helperId.perf_event_output,
]);

/** Helpers that read a key behind r2. */
const keyed: ReadonlySet<number> = new Set([
  helperId.map_lookup_elem,
  helperId.map_update_elem,
  helperId.map_delete_elem,
]);

/** Bytes of a frame that hold the way back, r6 to r9. */
export const savedBytes = 36;

/** A function of the program. */
export interface Subprogram {
  readonly entry: Label;
  /** It writes r6 to r9. */
  readonly saves: boolean;
}

/** What all functions share. */
export interface Subroutines {
  readonly functions: ReadonlyMap<number, Subprogram>;
  readonly push: Label;
  readonly pop: Label;
  /** Bytes from a frame to that of a function it calls. */
  readonly stride: number;
}

/** Lowers a call of a helper or of a function. */
export function lowerCall(to: Lowering, insn: Insn, pc: number, subroutines: Subroutines): void {
  if (isLocalCall(insn)) {
    callFunction(to, insn, pc, subroutines);
    return;
  }
  if (insn.imm === helperId.get_prandom_u32) {
    random(to);
    return;
  }
  callHelper(to, insn, pc);
}

/** The generator's value is read by the instruction behind the one that asks. */
function random({ asm }: Lowering): void {
  asm.push({ kind: 'csr', csr: 'random', source: { kind: 'none' }, isRead: true });
  asm.immediate(both(0), 0);
  asm.immediate(both(1), 0);
}

function callHelper(to: Lowering, insn: Insn, pc: number): void {
  const { asm } = to;
  const { imm } = insn;
  const row = calledHelper(insn);
  if (!known.has(imm)) to.beyond(isTailCall(insn) ? 'a tail call' : `helper ${imm}`, pc);
  const isKeyed = keyed.has(imm);
  const key = isKeyed ? to.pointerAt(pc, 2) : undefined;
  // The window stands at the frame's lowest word already.
  const moves = isKeyed && key !== -to.depth;
  if (moves) asm.push({ kind: 'csr', csr: 'lm0', source: inB(4), isRead: false });
  if (imm === helperId.map_update_elem) asm.push({ kind: 'csr', csr: 'lm2', source: inB(6), isRead: false });
  const back = asm.label();
  asm.branchTo(helperRoutine(imm), 2);
  asm.move(inA(0), inA(2));
  asm.address(inB(0), back);
  asm.mark(back);
  if (moves) resetWindow(asm);
  if (row?.moves !== undefined) readLength(asm);
}

/** The packet's length, which bounds checks compare with. */
export function readLength(asm: Assembler): void {
  asm.immediate(inB(scratch.length), lengthMask);
  asm.alu(inB(scratch.length), 'and', inB(scratch.length), local(1, packetWords.length));
}

function resetWindow(asm: Assembler): void {
  asm.push({ kind: 'csr', csr: 'lm0', source: inA(scratch.stack), isRead: false });
  asm.nops(3);
}

function callFunction(to: Lowering, insn: Insn, pc: number, { functions, push, stride }: Subroutines): void {
  const { asm } = to;
  const called = functions.get(namedFunction(insn, pc) ?? -1);
  const back = asm.label();
  asm.alu(inA(scratch.stack), 'add', inA(scratch.stack), asm.operand(stride));
  asm.push({ kind: 'csr', csr: 'lm0', source: inA(scratch.stack), isRead: false });
  if (called?.saves === true) {
    asm.branch('always', push, 2);
    asm.address(inA(scratch.first), back);
    asm.address(inB(scratch.first), called.entry);
  } else if (called !== undefined) {
    asm.branch('always', called.entry, 1);
    asm.address(inA(scratch.first), back);
  }
  asm.mark(back);
  asm.alu(inA(scratch.stack), 'sub', inA(scratch.stack), asm.operand(stride));
  resetWindow(asm);
}

/** The first instruction of a function: the way back goes into its frame. */
export function enterFunction({ asm }: Lowering, { entry }: Subprogram): void {
  asm.mark(entry);
  asm.move(local(0, 0), inA(scratch.first));
}

/** The end of a function. */
export function leaveFunction({ asm }: Lowering, { saves }: Subprogram, { pop }: Subroutines): void {
  asm.move(inA(scratch.first), local(0, 0));
  if (saves) asm.branch('always', pop);
  else asm.push({ kind: 'return', source: inA(scratch.first), defer: 0 });
}

/** The routines that save r6 to r9 and put them back, of which the last three instructions are done on the way. */
export function savingRoutines(asm: Assembler, { push, pop }: Subroutines): void {
  const saved = Array.from({ length: 8 }, (_, i) => 12 + i);
  asm.mark(push);
  for (const [i, register] of saved.entries()) {
    if (i === 5) asm.push({ kind: 'return', source: inB(scratch.first), defer: 3 });
    asm.move(local(0, 1 + i), inB(register));
  }
  asm.mark(pop);
  for (const [i, register] of saved.entries()) {
    if (i === 5) asm.push({ kind: 'return', source: inA(scratch.first), defer: 3 });
    asm.move(both(register), local(0, 1 + i));
  }
}
