/** What lowering knows of a program while it goes through it: who asks for operands, bounds and pointers asks here. */
import { idOf, kindOf, needsZeroExtension, type Origins, offsetOf, origin } from '../../code/index.js';
import type { Insn } from '../../isa/index.js';
import type { PointerFact, ProgramFacts, RegKind } from '../../verifier/index.js';
import { Assembler, type Label, scratch } from './assembler.js';
import { both, constant, inA, inB, type Operand } from './operand.js';
import type { ManycoreOptimization } from './optimizations.js';

/** Where a pointer points. */
export type Space =
  | { readonly kind: 'packet' }
  /** The frame: bytes from its top; undefined where that varies. Of a caller: `own` is false. */
  | { readonly kind: 'frame'; readonly offset: number | undefined; readonly own: boolean }
  | { readonly kind: 'context' }
  | { readonly kind: 'value' }
  /** Nothing is known, or it is something that the card has no place for. */
  | { readonly kind: 'unknown' };

/** A program as it is lowered. */
export interface Source {
  readonly insns: readonly Insn[];
  readonly origins: Origins;
  /** What the verifier knows; undefined: it was not asked, or refuses the program. */
  readonly facts: ProgramFacts | undefined;
}

/** Bytes of the stack window that needs no pointer of its own. */
export const nearWindow = 64;

const u64Max = 0xffff_ffff_ffff_ffffn;

const spaces: Partial<Record<RegKind, Space>> = {
  ctx: { kind: 'context' },
  pkt: { kind: 'packet' },
  map_value: { kind: 'value' },
  mem: { kind: 'value' },
};

/** One program under way. */
export class Lowering {
  readonly asm: Assembler = new Assembler();
  readonly source: (register: number) => { readonly low: Operand; readonly high: Operand };
  readonly program: Source;
  readonly on: ReadonlySet<ManycoreOptimization>;
  /** Bytes from where the stack's window stands to the frame's top; a multiple of 64. */
  readonly depth: number;
  /** By slot: where its instructions begin. */
  readonly starts: readonly Label[];
  /** What the driver of Linux does not compile, and the first slot that has it. */
  readonly extensions: Map<string, number> = new Map();
  /** Where the program leaves. */
  readonly out: Label;
  readonly abort: Label;
  private readonly extended: Uint8Array;

  constructor(program: Source, on: ReadonlySet<ManycoreOptimization>, depth: number) {
    this.program = program;
    this.on = on;
    this.depth = depth;
    this.starts = program.insns.map(() => this.asm.label());
    this.out = this.asm.label();
    this.abort = this.asm.label();
    this.extended = needsZeroExtension(program.insns, true);
    this.source = (register) => {
      if (register !== 10) return { low: inB(2 * register), high: inB(2 * register + 1) };
      this.frameTop(both(scratch.second));
      return { low: inB(scratch.second), high: constant(0) };
    };
  }

  /** The frame's top, which no register holds. */
  frameTop(into: Operand): void {
    this.asm.alu(into, 'add', inA(scratch.stack), this.asm.operand(this.depth));
  }

  /** A 32-bit result: the high word becomes 0, unless nobody looks at it. */
  clearHigh(register: number, pc: number): void {
    if (this.on.has('zero-extension') && this.extended[pc] === 0) return;
    this.asm.immediate(both(2 * register + 1), 0);
  }

  /** Something that the driver of Linux refuses. */
  beyond(what: string, pc: number): void {
    if (!this.extensions.has(what)) this.extensions.set(what, pc);
  }

  /** A routine of the firmware that leaves r0 alone. */
  routine(address: number): void {
    const back = this.asm.label();
    this.asm.branchTo(address, 1);
    this.asm.address(inA(scratch.first), back);
    this.asm.mark(back);
  }

  /** The greatest value of a register before a slot. */
  greatest(pc: number, register: number): bigint {
    const fact = this.program.facts?.insns[pc]?.regs[register];
    return fact?.kind === 'scalar' ? fact.range.umax : u64Max;
  }

  /** The value of a register before a slot, where it is always the same. */
  exactly(pc: number, register: number): bigint | undefined {
    const fact = this.program.facts?.insns[pc]?.regs[register];
    return fact?.kind === 'scalar' && fact.range.umin === fact.range.umax ? fact.range.umin : undefined;
  }

  /** Where an access at a slot goes whose pointer is in `register`, and whose distance is `off`. */
  spaceAt(pc: number, register: number, off: number): Space {
    if (register === 10) return { kind: 'frame', offset: off, own: true };
    const { facts, origins } = this.program;
    const fact = facts?.insns[pc]?.regs[register];
    if (fact?.kind === 'pointer') return spaceOfFact(fact, off);
    return spaceOfOrigin(origins.addressAt(pc));
  }

  /** Bytes from the frame's top to what an argument points to, where that is a constant of the own frame. */
  pointerAt(pc: number, register: number): number | undefined {
    const { facts, origins } = this.program;
    const fact = facts?.insns[pc]?.regs[register];
    const space = fact?.kind === 'pointer' ? spaceOfFact(fact, 0) : spaceOfOrigin(origins.argumentAt(pc, register));
    return space.kind === 'frame' && space.own ? space.offset : undefined;
  }

  /** Bytes from the packet's first one, where that is a constant. */
  packetOffset(pc: number, register: number, off: number): number | undefined {
    const { facts, origins } = this.program;
    const fact = facts?.insns[pc]?.regs[register];
    if (fact?.kind === 'pointer') {
      const { smin, smax } = fact.offset;
      return fact.to === 'pkt' && !fact.nullable && smin === smax ? Number(smin) + off : undefined;
    }
    const at = origins.addressAt(pc);
    return kindOf(at) === origin.packet && idOf(at) === 0 ? offsetOf(at) : undefined;
  }
}

function spaceOfFact(fact: PointerFact, off: number): Space {
  if (fact.nullable) return { kind: 'unknown' };
  if (fact.to !== 'fp') return spaces[fact.to] ?? { kind: 'unknown' };
  const { smin, smax } = fact.offset;
  return { kind: 'frame', offset: smin === smax ? Number(smin) + off : undefined, own: fact.framesUp === 0 };
}

/** Where an origin points: a null pointer's value has a kind as well, so only pointers that were checked are read. */
export function spaceOfOrigin(at: number): Space {
  switch (kindOf(at)) {
    case origin.packet:
    case origin.packetPlus:
      return { kind: 'packet' };
    case origin.frame:
      return { kind: 'frame', offset: idOf(at) === 0 ? offsetOf(at) : undefined, own: true };
    case origin.framePlus:
      return { kind: 'frame', offset: undefined, own: true };
    case origin.context:
      return { kind: 'context' };
    case origin.value:
      return { kind: 'value' };
    default:
      return { kind: 'unknown' };
  }
}
