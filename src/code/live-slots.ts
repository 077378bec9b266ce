/**
 * Which registers and stack slots of a frame the program may still read, by the bytecode alone: a backward data-flow
 * over instructions, once for each program. Snapshots keep what is live.
 *
 * A register that holds r10 plus a constant is followed inside of a basic block; what it reaches a helper or
 * subprogram with is read by it, from there to the frame's top. A stack pointer that gets away (is stored, or lives on
 * in another block) makes the slots above it live everywhere.
 */

import {
  accessSize,
  type Insn,
  insnClass,
  isCall,
  isConditionalJump,
  isUnconditionalJump,
  jumpTarget,
  op,
} from '../isa/index.js';
import { helperId, registersRead, stackSize } from '../platform/index.js';
import { leaders } from './leaders.js';

/** Bytes of a stack slot. */
const slotSize = 8;
const slotCount: number = stackSize / slotSize;

/** For each instruction, what is live before it. */
export class LiveSlots {
  private readonly insns: readonly Insn[];
  private readonly registers: Uint16Array;
  /** Two words an instruction; bit i is slot i from the bottom of the frame. */
  private readonly slots: Uint32Array;
  private readonly escaped = new Uint32Array(2);

  constructor(insns: readonly Insn[]) {
    this.insns = insns;
    this.registers = new Uint16Array(insns.length + 1);
    this.slots = new Uint32Array(2 * (insns.length + 1));
    const offsets = this.followStackPointers();
    while (this.sweep(offsets));
  }

  /** Register `r` may be read from `pc` on before it is written. */
  isLive(pc: number, r: number): boolean {
    return r === 10 || (((this.registers[pc] ?? 0) >> r) & 1) === 1;
  }

  /** The same of the stack byte at `offset` (negative) from the frame's top. */
  isLiveByte(pc: number, offset: number): boolean {
    const slot = Math.floor((offset + stackSize) / slotSize);
    const word = (this.slots[2 * pc + (slot >> 5)] ?? 0) | (this.escaped[slot >> 5] ?? 0);
    return ((word >>> (slot & 31)) & 1) === 1;
  }

  /** For each instruction, offsets from the frame's top of the registers that hold one. */
  private followStackPointers(): (ReadonlyMap<number, number> | undefined)[] {
    const starts = leaders(this.insns);
    let known = new Map([[10, 0]]);
    return this.insns.map((insn, pc) => {
      if (starts.has(pc)) {
        this.escape(known);
        known = new Map([[10, 0]]);
      }
      const before = known;
      const after = this.transfer(insn, known);
      known = after;
      return before.size > 1 || insn.dst === 10 || insn.src === 10 ? before : undefined;
    });
  }

  private transfer(insn: Insn, known: Map<number, number>): Map<number, number> {
    const cls = insnClass(insn);
    const isAlu = cls === op.ALU64 || cls === op.ALU;
    const from = known.get(insn.src);
    const dst = known.get(insn.dst);
    if (cls === op.STX && from !== undefined) this.escape(new Map([[insn.src, from]]));
    if (isCall(insn)) return new Map([...known].filter(([r]) => r > 5));
    const writes = isAlu || cls === op.LDX || cls === op.LD;
    if (!writes) return known;
    const next = new Map(known);
    next.delete(insn.dst);
    if (cls !== op.ALU64) return next;
    const code = insn.code & 0xf0;
    const isRegister = (insn.code & op.X) !== 0;
    if (code === op.MOV && isRegister && from !== undefined) next.set(insn.dst, from);
    else if (code === op.ADD && !isRegister && dst !== undefined) next.set(insn.dst, dst + insn.imm);
    // Arithmetic with a register: somewhere on the stack.
    else if (code === op.ADD && isRegister)
      this.escape(new Map([dst ?? from].flatMap((at) => (at === undefined ? [] : [[0, at]]))));
    return next;
  }

  private escape(pointers: ReadonlyMap<number, number>): void {
    for (const [r, offset] of pointers) if (r !== 10) setFrom(this.escaped, 0, offset);
  }

  /** One pass from the end; true if something changed. */
  private sweep(offsets: readonly (ReadonlyMap<number, number> | undefined)[]): boolean {
    const { insns, registers, slots } = this;
    let changed = false;
    const now = new Uint32Array(2);
    for (let pc = insns.length - 1; pc >= 0; pc--) {
      const insn = insns[pc] as Insn;
      const next = isUnconditionalJump(insn) ? jumpTarget(insn, pc) : pc + 1;
      let live = registers[next] ?? 0;
      now[0] = slots[2 * next] ?? 0;
      now[1] = slots[2 * next + 1] ?? 0;
      if (isConditionalJump(insn)) {
        const target = jumpTarget(insn, pc);
        live |= registers[target] ?? 0;
        for (const word of [0, 1]) now[word] = (now[word] as number) | (slots[2 * target + word] ?? 0);
      }
      if (insn.code === op.EXIT_OP) {
        live = 1;
        now.fill(0);
      } else live = this.before(insn, live, now, offsets[pc]);
      if (live !== registers[pc] || now[0] !== slots[2 * pc] || now[1] !== slots[2 * pc + 1]) changed = true;
      registers[pc] = live;
      slots.set(now, 2 * pc);
    }
    return changed;
  }

  /** What is live before an instruction that what follows is live after; `now` are the slots. */
  private before(
    insn: Insn,
    after: number,
    now: Uint32Array,
    offsets: ReadonlyMap<number, number> | undefined,
  ): number {
    const cls = insnClass(insn);
    const dst = 1 << insn.dst;
    const src = (insn.code & op.X) !== 0 ? 1 << insn.src : 0;
    switch (cls) {
      case op.ALU:
      case op.ALU64: {
        const code = insn.code & 0xf0;
        if (code === op.MOV) return (after & ~dst) | src;
        return code === op.NEG || code === op.END ? after | dst : after | dst | src;
      }
      case op.LD:
        // The second slot of a 64-bit constant is no instruction.
        return insn.code === op.LDDW ? after & ~dst : after;
      case op.LDX:
        mark(now, offsets?.get(insn.src), insn, true);
        return (after & ~dst) | (1 << insn.src);
      case op.ST:
        mark(now, offsets?.get(insn.dst), insn, false);
        return after | dst;
      case op.STX: {
        const isAtomic = (insn.code & 0xe0) === op.MODE_ATOMIC;
        mark(now, offsets?.get(insn.dst), insn, isAtomic);
        return after | dst | (1 << insn.src) | (isAtomic ? 1 : 0);
      }
      default:
        break;
    }
    if (isConditionalJump(insn)) return after | dst | src;
    if (!isCall(insn)) return after;
    const isHelper = insn.src === op.CALL_HELPER;
    const args = isHelper ? registersRead(insn.imm) : 5;
    // A tail call that fails leaves r0 as it was.
    let live = after & (isHelper && insn.imm === helperId.tail_call ? ~0x3e : ~0x3f);
    for (let r = 1; r <= args; r++) {
      live |= 1 << r;
      const offset = offsets?.get(r);
      if (offset !== undefined) setFrom(now, 0, offset);
    }
    return live;
  }
}

/** All slots from `offset` up to the frame's top. */
function setFrom(words: Uint32Array, at: number, offset: number): void {
  for (let slot = Math.max(0, Math.floor((offset + stackSize) / slotSize)); slot < slotCount; slot++)
    words[at + (slot >> 5)] = (words[at + (slot >> 5)] as number) | (1 << (slot & 31));
}

/** A load (`reads`) or store at a frame offset. A store ends the life of slots that it fills. */
function mark(words: Uint32Array, base: number | undefined, insn: Insn, reads: boolean): void {
  if (base === undefined) return;
  const start = base + insn.off + stackSize;
  const size = accessSize(insn);
  const slot = Math.floor(start / slotSize);
  if (slot < 0 || slot >= slotCount) return;
  const bit = 1 << (slot & 31);
  const word = words[slot >> 5] as number;
  if (reads) words[slot >> 5] = word | bit;
  else if (size === slotSize) words[slot >> 5] = word & ~bit;
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
