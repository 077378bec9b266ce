/**
 * Registers given anew inside a block, so that two values that only happened to share one need not wait for each
 * other. A value moves to the register that nobody has touched for longest, if it is read in its block only and no
 * call or exit wants it where it is (r0 to r5 are fixed there, as in eBPF). Operations that change a register in place
 * become ones of three operands, whose result may go elsewhere.
 */
import { insnClass, op } from '../../isa/index.js';
import { liveAtStart } from './flow.js';
import { type Block, type Op, readsOf, writesOf } from './op.js';

/** r0 to r9; r10 is the frame's. */
const registers = 10;

/** Renames in all blocks; `threeOperands`: results may go to another register than the first operand. */
export function renameRegisters(blocks: readonly Block[], threeOperands: boolean): void {
  const live = liveAtStart(blocks);
  for (const block of blocks) new Renamer(block, live, threeOperands).run();
}

class Renamer {
  private readonly ops: Op[];
  private readonly live: Uint16Array;
  private readonly liveOut: number;
  private readonly threeOperands: boolean;

  constructor({ ops, next }: Block, live: Uint16Array, threeOperands: boolean) {
    this.ops = ops;
    this.live = live;
    this.liveOut = next >= 0 ? (live[next] as number) : 0;
    this.threeOperands = threeOperands;
  }

  run(): void {
    for (let at = 0; at < this.ops.length; at++) {
      const each = this.ops[at] as Op;
      if (each.kind !== 'alu' && each.kind !== 'load') continue;
      const isTied = each.kind === 'alu' && (readsOf(each) & writesOf(each)) !== 0 && each.first < 0;
      if (isTied && (!this.threeOperands || each.firstImm !== undefined)) continue;
      const uses = this.usesOf(at, each.insn.dst);
      if (uses === undefined) continue;
      const to = this.registerFor(at, uses.at(-1) ?? at, each.insn.dst);
      if (to === undefined) continue;
      this.ops[at] = withResult(each, to);
      for (const use of uses) this.ops[use] = withOperand(this.ops[use] as Op, each.insn.dst, to);
    }
  }

  /** Who reads the value that `at` makes; undefined if it is read elsewhere, or has to stand where it does. */
  private usesOf(at: number, register: number): number[] | undefined {
    const bit = 1 << register;
    const uses: number[] = [];
    for (let i = at + 1; i < this.ops.length; i++) {
      const each = this.ops[i] as Op;
      if (each.target >= 0 && ((this.live[each.target] as number) & bit) !== 0) return undefined;
      if ((readsOf(each) & bit) !== 0) {
        if (!canRead(each)) return undefined;
        // It reads and writes the register: renamed here, it would be there still.
        const isTied =
          (writesOf(each) & bit) !== 0 && each.kind === 'alu' && each.first < 0 && each.firstImm === undefined;
        if (isTied && !this.threeOperands) return undefined;
        uses.push(i);
      }
      if ((writesOf(each) & bit) !== 0) return uses;
      if (each.kind === 'call' && (bit & 0x3e) !== 0) return uses;
    }
    return (this.liveOut & bit) === 0 ? uses : undefined;
  }

  /** The register that is free from `from` to `to` and has been untouched for longest; undefined: stay. */
  private registerFor(from: number, to: number, now: number): number | undefined {
    let best: number | undefined;
    let oldest = this.lastTouch(from, now);
    for (let register = 0; register < registers; register++) {
      if (register === now || !this.isFree(register, from, to)) continue;
      const touched = this.lastTouch(from, register);
      if (touched >= oldest) continue;
      oldest = touched;
      best = register;
    }
    return best;
  }

  private lastTouch(before: number, register: number): number {
    for (let i = before - 1; i >= 0; i--)
      if (((readsOf(this.ops[i] as Op) | writesOf(this.ops[i] as Op)) & (1 << register)) !== 0) return i;
    return -1;
  }

  /** Does nobody touch the register up to `to`, and is what it holds now read nowhere later? */
  private isFree(register: number, from: number, to: number): boolean {
    const bit = 1 << register;
    for (let i = from + 1; i < this.ops.length; i++) {
      const each = this.ops[i] as Op;
      if (each.target >= 0 && ((this.live[each.target] as number) & bit) !== 0) return false;
      if ((readsOf(each) & bit) !== 0) return false;
      if ((writesOf(each) & bit) === 0) continue;
      // In the operation that reads last, the result may take the place of what is read.
      return i >= to;
    }
    return (this.liveOut & bit) === 0;
  }
}

/** May an operation read its operand from any register? */
function canRead({ kind }: Op): boolean {
  return kind === 'alu' || kind === 'load' || kind === 'store' || kind === 'branch' || kind === 'guard';
}

/** The operation with its result elsewhere. */
function withResult(each: Op, to: number): Op {
  const { insn } = each;
  const isMove = (insn.code & 0xf0) === op.MOV;
  const isTied = each.kind === 'alu' && each.imm64 === undefined && !isMove;
  const first = isTied && each.first < 0 && each.firstImm === undefined ? insn.dst : each.first;
  return { ...each, first, insn: { ...insn, dst: to } };
}

/** The operation with `from` read as `to`. */
function withOperand(each: Op, from: number, to: number): Op {
  const { insn } = each;
  switch (each.kind) {
    case 'guard':
      return { ...each, base: to };
    case 'load':
      return { ...each, insn: { ...insn, src: to } };
    case 'alu': {
      const isMove = (insn.code & 0xf0) === op.MOV;
      const hasSource = (insn.code & op.X) !== 0 && !isUnary(insn.code);
      const src = hasSource && insn.src === from ? to : insn.src;
      const reads = isMove || each.firstImm !== undefined ? -1 : each.first < 0 ? insn.dst : each.first;
      return { ...each, insn: { ...insn, src }, first: reads === from ? to : each.first };
    }
    default: {
      // Stores and branches read both; a constant store and a branch on a constant have no source.
      const hasSource = each.kind === 'store' ? insnClass(insn) === op.STX : (insn.code & op.X) !== 0;
      const src = hasSource && insn.src === from ? to : insn.src;
      return { ...each, insn: { ...insn, dst: insn.dst === from ? to : insn.dst, src } };
    }
  }
}

function isUnary(code: number): boolean {
  return (code & 0xf0) === op.NEG || (code & 0xf0) === op.END;
}
