/** Collects instructions: constants that take one instruction or two, labels, and where an instruction comes from. */
import { InternalError } from '../../base/index.js';
import {
  type AluName,
  type ConditionName,
  type Instruction,
  lastSteps,
  type ShiftOp,
  type ShiftWay,
  withTarget,
} from './instruction.js';
import { both, constant, greatestConstant, inB, none, type Operand } from './operand.js';

/** A place in the program, known when it is marked. */
export interface Label {
  at: number;
}

/** Registers beside those of eBPF, which have two each, low word first: r0 in 0 and 1, r9 in 18 and 19. */
export const scratch = { second: 20, first: 21, stack: 22, length: 22 } as const;

/** Instructions in order. */
export class Assembler {
  readonly code: Instruction[] = [];
  /** Slot of the program that each comes from; -1: none. */
  readonly slots: number[] = [];
  /** Slot that is being lowered. */
  slot = -1;
  private readonly uses: { readonly index: number; readonly label: Label }[] = [];

  label(): Label {
    return { at: -1 };
  }

  mark(label: Label): void {
    label.at = this.code.length;
  }

  push(each: Instruction): void {
    this.code.push(each);
    this.slots.push(this.slot);
  }

  alu(dst: Operand, op: AluName, left: Operand, right: Operand): void {
    this.push({ kind: 'alu', op, dst, left, right });
  }

  move(dst: Operand, source: Operand): void {
    this.alu(dst, 'b', none, source);
  }

  shift(dst: Operand, op: ShiftOp, left: Operand, right: Operand, way: ShiftWay, amount: number): void {
    this.push({ kind: 'shift', op, way, amount, dst, left, right });
  }

  /** As many places as the left operand of the last arithmetic instruction says. */
  shiftBy(count: Operand, dst: Operand, op: ShiftOp, left: Operand, right: Operand, way: ShiftWay): void {
    this.alu(none, 'or', count, op === 'sign' ? right : constant(0));
    this.shift(dst, op, left, right, way, 0);
  }

  /** Some bytes of a word: `mask` says which of the destination's. */
  field(dst: Operand, mask: number, source: Operand, way: ShiftWay, amount: number, clears: boolean): void {
    this.push({ kind: 'field', dst, mask, source, way: amount === 0 ? 'none' : way, amount, clears });
  }

  /** A constant of 32 bits: one instruction where 16 neighbouring bits, or their inverse, are enough, else two. */
  immediate(dst: Operand, value: number): void {
    const word = value >>> 0;
    const one = packed(word);
    const inverse = packed(~word >>> 0);
    const common = { kind: 'immediate', dst, half: false } as const;
    if (one !== undefined) this.push({ ...common, ...one, inverts: false });
    else if (inverse !== undefined) this.push({ ...common, ...inverse, inverts: true });
    else {
      this.push({ ...common, value: word & 0xffff, bytes: 0, inverts: false });
      this.push({ ...common, value: word >>> 16, bytes: 2, inverts: false, half: true });
    }
  }

  /** A constant as an operand: in the field where it has room, else in a register of bank B. */
  operand(value: number, width: 'wide' | 'narrow' = 'wide', spare: Operand = inB(scratch.first)): Operand {
    const word = value >>> 0;
    if (word <= greatestConstant[width]) return constant(word);
    this.immediate(spare, word);
    return spare;
  }

  branch(when: ConditionName, label: Label, defer = 0): void {
    this.uses.push({ index: this.code.length, label });
    this.push({ kind: 'branch', when, target: 0, defer });
  }

  /** To a routine of the firmware, by its address. */
  branchTo(target: number, defer: number): void {
    this.push({ kind: 'branch', when: 'always', target, defer });
  }

  branchBit(source: Operand, bit: number, label: Label): void {
    this.uses.push({ index: this.code.length, label });
    this.push({ kind: 'branch-bit', source, bit, target: 0, defer: 0 });
  }

  /** The address of a label as a constant. */
  address(dst: Operand, label: Label): void {
    this.uses.push({ index: this.code.length, label });
    this.push({ kind: 'immediate', dst, value: 0, bytes: 0, inverts: false, half: false });
  }

  nops(count: number): void {
    for (let i = 0; i < count; i++) this.push({ kind: 'nop' });
  }

  /** The product of two words; `high` may be nothing. The operands must stand on different sides. */
  multiply(low: Operand, high: Operand, left: Operand, right: Operand, isShort = false): void {
    const type = isShort ? 1 : 2;
    this.push({ kind: 'multiply', type: 0, step: 0, left, right });
    for (let step = 0; step < (isShort ? 2 : 4); step++) this.push({ kind: 'multiply', type, step, left, right });
    if (low !== none) this.push({ kind: 'multiply', type, step: lastSteps.low, left: low, right: none });
    if (high !== none) this.push({ kind: 'multiply', type, step: lastSteps.high, left: high, right: none });
  }

  /** All instructions, with addresses where labels were. */
  finish(): readonly Instruction[] {
    for (const { index, label } of this.uses) {
      if (label.at < 0) throw new InternalError('manycore', 'a label without a place');
      const each = this.code[index] as Instruction;
      this.code[index] = each.kind === 'immediate' ? { ...each, value: label.at } : withTarget(each, label.at);
    }
    return this.code;
  }
}

/** 16 neighbouring bits at a byte's boundary, zeros around; undefined: there are none. */
function packed(word: number): { value: number; bytes: number } | undefined {
  for (const bytes of [0, 1, 2]) {
    const value = (word >>> (8 * bytes)) & 0xffff;
    if ((value << (8 * bytes)) >>> 0 === word) return { value, bytes };
  }
  return undefined;
}

/** Low and high word of a register of eBPF, as a destination. */
export function destination(register: number): { readonly low: Operand; readonly high: Operand } {
  return { low: both(2 * register), high: both(2 * register + 1) };
}
