/**
 * What a program may still read, at each of its slots: registers, their upper halves, bytes of the frame. By the
 * bytecode alone, so it holds whatever the packet and the maps are: backward data-flows (live-registers.ts,
 * backward.ts) over what each instruction reads and overwrites (register-effects.ts), once for each program. Snapshots
 * of recordings keep what is live, and an optimizer may change all else.
 *
 * "Live" is a promise in one direction: what is not live is not read before it is overwritten, on any path. What is
 * live need not be read.
 *
 * Layout: registers have a word a slot, with register i in bit i and its upper half in bit 16 + i. The frame has a bit
 * for each byte, from the top down to the lowest byte that an instruction names (no other can be live, unless pointers
 * escape; then all are); it is solved when somebody asks for a byte, and most recordings never do.
 */

import { accessSize, type Insn, insnClass, isCall, op } from '../isa/index.js';
import { argAccess, registersRead, stackSize } from '../platform/index.js';
import { solveBackward } from './backward.js';
import { calledHelper, isHelperCall } from './calls.js';
import { successors } from './leaders.js';
import { solveRegisters } from './live-registers.js';
import { followStackPointers, handsOn, type StackPointers } from './stack-pointers.js';

const low = 0xffff;
const high = 16;
const fp = 10;

/** What is live at one place of a program. */
export interface LiveSet {
  /** Bit i: register i may be read before it is written. */
  readonly registers: number;
  /** Bit i: the upper half of register i may be. A subset of `registers`: the lower half alone is live elsewhere. */
  readonly highHalves: number;
  /** The byte at `offset` (negative) from the frame's top may be read before it is written. */
  isLiveByte(offset: number): boolean;
}

/** For each slot of a program, what is live before and behind it. */
export class LiveSlots {
  private readonly insns: readonly Insn[];
  private readonly registers: Uint32Array;
  private known: LiveFrame | undefined;

  constructor(insns: readonly Insn[]) {
    this.insns = insns;
    this.registers = solveRegisters(insns);
  }

  /** Register `r` may be read from `pc` on before it is written. */
  isLive(pc: number, r: number): boolean {
    return r === fp || ((this.word(pc) >> r) & 1) === 1;
  }

  /** The same of the stack byte at `offset` (negative) from the frame's top. */
  isLiveByte(pc: number, offset: number): boolean {
    this.known ??= new LiveFrame(this.insns);
    return this.known.isLiveByte(pc, offset);
  }

  /** What is live before the instruction at `pc`. */
  before(pc: number): LiveSet {
    return this.setOf([pc]);
  }

  /** What is live behind the instruction at `pc`, on whichever way execution takes from there within the function. */
  after(pc: number): LiveSet {
    return this.setOf(successors(this.insns, pc));
  }

  private setOf(places: readonly number[]): LiveSet {
    const word = places.reduce((sum, pc) => sum | this.word(pc), 0);
    return {
      registers: (word & low) | (1 << fp),
      highHalves: (word >>> high) | (1 << fp),
      isLiveByte: (offset) => places.some((pc) => this.isLiveByte(pc, offset)),
    };
  }

  private word(pc: number): number {
    return this.registers[pc] ?? 0;
  }
}

/** For each slot, which bytes of the frame are live before it. */
class LiveFrame {
  private readonly insns: readonly Insn[];
  private readonly pointers: StackPointers;
  /** Bytes of the frame that have a bit. */
  private readonly depth: number;
  private readonly words: number;
  private readonly states: Uint32Array;

  constructor(insns: readonly Insn[]) {
    this.insns = insns;
    this.pointers = followStackPointers(insns);
    this.depth = this.pointers.escaped ? 0 : this.lowestByte();
    this.words = Math.ceil(this.depth / 32);
    this.states =
      this.words === 0
        ? new Uint32Array(0)
        : solveBackward(insns, this.words, (insn, pc, now) => this.step(insn, pc, now));
  }

  isLiveByte(pc: number, offset: number): boolean {
    return this.pointers.escaped || isMarked(this.states, pc * this.words, this.depth, offset);
  }

  /** How far below the frame's top an instruction names a byte. */
  private lowestByte(): number {
    let lowest = 0;
    for (let pc = 0; pc < this.insns.length; pc++) {
      const insn = this.insns[pc] as Insn;
      const note = (r: number, off: number): void => {
        const at = this.pointers.offsetAt(pc, r);
        if (at !== undefined) lowest = Math.min(lowest, at + off);
      };
      const cls = insnClass(insn);
      if (cls === op.LDX) note(insn.src, insn.off);
      else if (cls === op.ST || cls === op.STX) note(insn.dst, insn.off);
      if (cls === op.STX && insn.imm === op.ATOMIC_LOAD_ACQ) note(insn.src, insn.off);
      if (!isCall(insn)) continue;
      // Functions may go down from what they are given.
      for (let r = 1; r <= 5; r++) note(r, handsOn(insn) ? -stackSize : 0);
    }
    return Math.min(-lowest, stackSize);
  }

  /** First bytes that are overwritten, then those that are read. */
  private step(insn: Insn, pc: number, now: Uint32Array): void {
    const { depth, pointers } = this;
    const cls = insnClass(insn);
    if (cls === op.LDX) {
      const at = pointers.offsetAt(pc, insn.src);
      if (at !== undefined) setBytes(now, depth, at + insn.off, accessSize(insn));
    } else if (cls === op.ST || cls === op.STX) {
      const isAtomic = cls === op.STX && (insn.code & 0xe0) === op.MODE_ATOMIC;
      const isLoad = isAtomic && insn.imm === op.ATOMIC_LOAD_ACQ;
      const isStore = !isAtomic || insn.imm === op.ATOMIC_STORE_REL;
      const at = pointers.offsetAt(pc, isLoad ? insn.src : insn.dst);
      if (at === undefined) return;
      if (isStore) clearBytes(now, depth, at + insn.off, accessSize(insn));
      else setBytes(now, depth, at + insn.off, accessSize(insn));
    } else if (isCall(insn)) this.stepCall(insn, pc, now);
  }

  /**
   * What a pointer argument leads to is read, as far as sizes are not known here: to the frame's top by a helper, all
   * of the frame by functions. What helpers fill is not counted as overwritten: they may fail.
   */
  private stepCall(insn: Insn, pc: number, now: Uint32Array): void {
    const isHandedOn = handsOn(insn);
    const row = calledHelper(insn);
    const count = isHelperCall(insn) ? registersRead(insn.imm) : 5;
    for (let r = 1; r <= count; r++) {
      const at = this.pointers.offsetAt(pc, r);
      if (at === undefined) continue;
      const arg = row?.args[r - 1];
      if (arg !== undefined && argAccess(arg) === 'none') continue;
      const from = isHandedOn ? -this.depth : at;
      setBytes(now, this.depth, from, -from);
    }
  }
}

/** Bit of the byte at `offset`: byte -1 is the first. */
function isMarked(words: Uint32Array, start: number, depth: number, offset: number): boolean {
  const bit = -offset - 1;
  if (bit < 0 || bit >= depth) return false;
  return (((words[start + (bit >> 5)] ?? 0) >>> (bit & 31)) & 1) === 1;
}

function setBytes(words: Uint32Array, depth: number, offset: number, size: number): void {
  for (let bit = Math.max(0, -offset - size); bit < Math.min(-offset, depth); bit++)
    words[bit >> 5] = (words[bit >> 5] as number) | (1 << (bit & 31));
}

function clearBytes(words: Uint32Array, depth: number, offset: number, size: number): void {
  for (let bit = Math.max(0, -offset - size); bit < Math.min(-offset, depth); bit++)
    words[bit >> 5] = (words[bit >> 5] as number) & ~(1 << (bit & 31));
}

const analysed = new WeakMap<readonly Insn[], LiveSlots>();

/** What is live in the program; worked out once. */
export function liveSlots(insns: readonly Insn[]): LiveSlots {
  let live = analysed.get(insns);
  if (live === undefined) {
    live = new LiveSlots(insns);
    analysed.set(insns, live);
  }
  return live;
}
