/**
 * Instructions of the core: those of eBPF and hXDP's extensions of them. An {@link Op} keeps the instruction that it
 * comes from, and says what is different:
 *
 *     three operands     `first`: the operation reads this register (or `firstImm`) in place of its destination
 *     six bytes          `size` 6: a load or store of a MAC address
 *     exit with verdict  `verdict`: r0 is not read
 *     guard              a bounds check of the program that the packet memory's own logic does: it takes no lane
 *
 * A guard asks what the comparison asked, of the same pointer, so that a short packet goes where the program sends it.
 * A pointer at a constant distance from the packet's start needs no register (`base` -1): the core knows the packet's
 * length when it begins.
 */
import { overwrittenRegisters, readRegisters } from '../../code/index.js';
import { type Insn, op } from '../../isa/index.js';

/** What an {@link Op} does. */
export type OpKind = 'alu' | 'load' | 'store' | 'atomic' | 'call' | 'branch' | 'guard' | 'jump' | 'exit';

/** One instruction of the core. Passes make new ones; only its block's list says where it stands. */
export interface Op {
  readonly kind: OpKind;
  /** The slot that it comes from. */
  readonly pc: number;
  readonly insn: Insn;
  /** Bytes of an access; 0 for all else. */
  readonly size: number;
  /** Where an access goes, or what a guard compares: an origin (code/origins.ts). */
  readonly origin: number;
  /** Register of the first operand; -1: the destination, as in eBPF. */
  readonly first: number;
  /** The first operand where it is a constant. */
  readonly firstImm: number | undefined;
  /** Where a branch, guard or jump goes: a block. */
  readonly target: number;
  /** A branch or guard that goes where its comparison fails. */
  readonly negated: boolean;
  readonly verdict: number | undefined;
  /** The constant of a 64-bit load. */
  readonly imm64: bigint | undefined;
  /** Of a guard: the register that its pointer is computed from, and what is added to it. */
  readonly base: number;
  readonly distance: number;
  /** The comparison has the pointer on its right. */
  readonly reversed: boolean;
  /** Of a call: what else it reads and writes. */
  readonly effects: CallEffects | undefined;
}

/** Memory that a helper reaches besides the maps. */
export interface CallEffects {
  readonly packet: boolean;
  readonly writesFrame: boolean;
  /** The packet's ends may be elsewhere afterwards. */
  readonly moves: boolean;
}

/** A basic block, or several that were joined: control enters at its first operation only. */
export interface Block {
  readonly ops: Op[];
  /** Where control goes on behind the last operation; -1: it does not. */
  next: number;
}

/** An operation of the given kind with nothing special about it. */
export function plainOp(kind: OpKind, pc: number, insn: Insn): Op {
  return {
    kind,
    pc,
    insn,
    size: 0,
    origin: 0,
    first: -1,
    firstImm: undefined,
    target: -1,
    negated: false,
    verdict: undefined,
    imm64: undefined,
    base: -1,
    distance: 0,
    reversed: false,
    effects: undefined,
  };
}

/** Registers that it reads; bit i is register i. */
export function readsOf(each: Op): number {
  const { insn } = each;
  switch (each.kind) {
    case 'guard':
      return each.base < 0 ? 0 : 1 << each.base;
    case 'jump':
      return 0;
    case 'exit':
      return each.verdict === undefined ? 1 : 0;
    case 'alu': {
      if (each.imm64 !== undefined) return 0;
      if (each.first < 0 && each.firstImm === undefined) return readRegisters(insn);
      const kind = insn.code & 0xf0;
      const isUnary = kind === op.NEG || kind === op.END;
      const second = !isUnary && (insn.code & op.X) !== 0 ? 1 << insn.src : 0;
      return (each.first < 0 ? 0 : 1 << each.first) | second;
    }
    default:
      return readRegisters(insn);
  }
}

/**
 * Registers that it writes. A helper of the core writes r0 and leaves its arguments as they are; programs make no use
 * of that, the allocator does.
 */
export function writesOf(each: Op): number {
  switch (each.kind) {
    case 'alu':
    case 'load':
      return 1 << each.insn.dst;
    case 'atomic':
      return overwrittenRegisters(each.insn);
    case 'call':
      return 1;
    default:
      return 0;
  }
}

/** Control may leave its block here. */
export function isSideExit({ kind }: Op): boolean {
  return kind === 'branch' || kind === 'guard';
}

/** It has no effect but its result; a load that leaves its object yields 0 on the core, so it may run in vain. */
export function isPure({ kind }: Op): boolean {
  return kind === 'alu' || kind === 'load';
}

/** A copy of a register or constant, all 64 bits. */
export function isPlainMove(each: Op): boolean {
  const { insn } = each;
  return (
    each.kind === 'alu' && each.imm64 === undefined && (insn.code & 0xf7) === (op.ALU64 | op.MOV) && insn.off === 0
  );
}
