/**
 * Which registers point to where in their own frame: a forward data-flow over a program's bytecode. A register is
 * r10 plus a constant, or nothing is said of it; where paths meet that disagree, nothing is said.
 *
 * Nothing said is not nothing pointed to. A pointer that is stored, that differs from path to path, that has a
 * variable added, or that a function may keep, has *escaped*: from then on an access through any register may be one
 * of the frame, at any distance, since pointers may be moved down as well as up.
 */
import { type Insn, insnClass, isCall, op } from '../isa/index.js';
import { stackSize } from '../platform/index.js';
import { calledHelper, functionEntries } from './calls.js';
import { flowOf } from './leaders.js';
import { writtenRegisters } from './register-effects.js';

const registers = 11;
const fp = 10;
/** No offset: those are 0 or negative. */
const unknown = 1;

/** What {@link followStackPointers} found. */
export interface StackPointers {
  /** Bytes from the frame's top (0 or negative) of what register `r` points to before slot `pc`, if that is known. */
  offsetAt(pc: number, r: number): number | undefined;
  /** Some pointer was lost sight of: any byte of the frame may be read or written by accesses that name no offset. */
  readonly escaped: boolean;
}

/** Follows r10 and what is derived from it from the start of each function. */
export function followStackPointers(insns: readonly Insn[]): StackPointers {
  return new Follower(insns).run();
}

class Follower {
  private readonly insns: readonly Insn[];
  private readonly rows: Int16Array;
  private readonly seen: Uint8Array;
  private readonly work: number[] = [];
  private readonly row: Int16Array = new Int16Array(registers);
  private escaped = false;
  private keeps = false;

  constructor(insns: readonly Insn[]) {
    this.insns = insns;
    this.rows = new Int16Array(insns.length * registers).fill(unknown);
    this.seen = new Uint8Array(insns.length);
  }

  run(): StackPointers {
    const { insns, rows, row, seen, work } = this;
    const { first, second } = flowOf(insns);
    const entries = functionEntries(insns);
    this.keeps = this.mayKeep(entries);
    for (const entry of entries) {
      row.fill(unknown);
      row[fp] = 0;
      this.arrive(entry);
    }
    for (let pc = work.pop(); pc !== undefined; pc = work.pop()) {
      for (let r = 0; r < registers; r++) row[r] = rows[pc * registers + r] as number;
      this.step(insns[pc] as Insn);
      const [next, other] = [first[pc] as number, second[pc] as number];
      this.arrive(next);
      if (other !== next) this.arrive(other);
    }
    return {
      escaped: this.escaped,
      offsetAt(pc, r) {
        if (r === fp) return 0;
        const offset = seen[pc] === 1 ? rows[pc * registers + r] : undefined;
        return offset === unknown ? undefined : offset;
      },
    };
  }

  /**
   * Can a function that is called put a pointer where its caller finds it: does one store 8 bytes outside its frame?
   */
  private mayKeep(entries: ReadonlySet<number>): boolean {
    const first = Math.min(...[...entries].filter((entry) => entry > 0));
    return this.insns.some(
      (insn, pc) => pc >= first && insn.dst !== fp && insnClass(insn) === op.STX && (insn.code & 0x18) === op.SIZE_DW,
    );
  }

  /** Joins the row into that of `pc`. */
  private arrive(pc: number): void {
    const { rows, row, seen } = this;
    if (pc < 0 || pc >= seen.length) return;
    const at = pc * registers;
    if (seen[pc] === 0) {
      seen[pc] = 1;
      rows.set(row, at);
      this.work.push(pc);
      return;
    }
    let changed = false;
    for (let r = 0; r < fp; r++) {
      const old = rows[at + r] as number;
      const now = row[r] as number;
      if (old === now) continue;
      this.escape(old);
      this.escape(now);
      if (old === unknown) continue;
      rows[at + r] = unknown;
      changed = true;
    }
    if (changed) this.work.push(pc);
  }

  private escape(offset: number): void {
    if (offset !== unknown) this.escaped = true;
  }

  private step(insn: Insn): void {
    const { row } = this;
    const from = row[insn.src] as number;
    const to = row[insn.dst] as number;
    const cls = insnClass(insn);
    if (cls === op.STX) this.escape(from);
    if (isCall(insn) && this.keeps && handsOn(insn)) for (let r = 1; r <= 5; r++) this.escape(row[r] as number);
    const moved = cls === op.ALU64 ? this.moved(insn, from, to) : unknown;
    const written = writtenRegisters(insn);
    for (let r = 0; r < fp; r++) if (((written >> r) & 1) === 1) row[r] = r === insn.dst ? moved : unknown;
  }

  /** The offset of a pointer that 64-bit arithmetic makes of another one. */
  private moved(insn: Insn, from: number, to: number): number {
    const code = insn.code & 0xf0;
    const isRegister = (insn.code & op.X) !== 0;
    if (code === op.MOV) return isRegister && insn.off === 0 ? from : unknown;
    if (code === op.ADD && !isRegister && to !== unknown && Math.abs(insn.imm) <= stackSize) {
      const offset = to + insn.imm;
      if (offset <= 0 && offset >= -stackSize) return offset;
    }
    // Somewhere in the frame.
    if (to !== unknown || (isRegister && from !== unknown)) this.escaped = true;
    return unknown;
  }
}

/** Does a call give its arguments to code of which nothing is known, or to functions of the program? */
export function handsOn(insn: Insn): boolean {
  const row = calledHelper(insn);
  return row === undefined || row.calls !== undefined;
}
