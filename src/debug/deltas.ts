/**
 * What each step of a stretch of an execution changed, both ways: registers, and bytes of guest memory. Undoing and
 * redoing are exact, since a step's bytes are those that the journal noted as it ran.
 *
 * Stack frames are the exception: they are cleared past the journal when they are entered (`Lane.enterFrame`).
 * Here a frame is cleared when it is left, so a frame that is not open holds zeros at every position, and entering one
 * changes nothing.
 */
import { isTailCall } from '../code/index.js';
import type { Observer } from '../interp/index.js';
import { stackSize } from '../platform/index.js';
import type { Journal, LoadedProgram, Machine, Registers } from '../vm/index.js';

/** A register before and after a step. */
interface RegisterChange {
  readonly register: number;
  readonly before: bigint;
  readonly after: bigint;
}

/** Bytes before and after a step. */
interface ByteChange {
  readonly address: number;
  readonly before: Uint8Array;
  readonly after: Uint8Array;
}

/** What one step changed. */
export interface Delta {
  readonly registers: readonly RegisterChange[];
  /** In the order of writing: of bytes that were written twice, the first has the oldest. */
  readonly bytes: readonly ByteChange[];
}

/** A run is broken off at the end of the stretch that is wanted. */
export class StretchEnd extends Error {}

/** Where the deltas of one stretch, steps [from, to), are gathered. */
export class DeltaRecorder implements Observer {
  readonly deltas: Delta[] = [];
  private readonly machine: Machine;
  private readonly journal: Journal;
  private readonly registers: Registers;
  private readonly from: number;
  private readonly to: number;
  private readonly breaksOff: boolean;
  private step = 0;
  private isOpen = false;
  private readonly last: BigUint64Array = new BigUint64Array(11);
  private entry = 0;
  private old = 0;
  /** What leaving the frame would clear. */
  private dying: ByteChange | undefined;
  private isTailCall = false;

  /** `breaksOff`: throw {@link StretchEnd} before step `to` runs, where it is not the end already. */
  constructor(
    machine: Machine,
    journal: Journal,
    registers: Registers,
    stretch: { readonly from: number; readonly to: number; readonly breaksOff: boolean },
  ) {
    this.machine = machine;
    this.journal = journal;
    this.registers = registers;
    this.from = stretch.from;
    this.to = stretch.to;
    this.breaksOff = stretch.breaksOff;
  }

  before(program: LoadedProgram, pc: number, depth: number): void {
    const step = this.step++;
    if (this.isOpen) this.close(pc);
    if (step === this.to && this.breaksOff) throw new StretchEnd();
    if (step >= this.from && step < this.to) this.open(program, pc, depth);
  }

  /** After the run's end: closes its last step. */
  finish(): void {
    if (this.isOpen) this.close(-1);
  }

  private open(program: LoadedProgram, pc: number, depth: number): void {
    this.isOpen = true;
    if (this.deltas.length === 0) this.last.set(this.registers.u64);
    this.entry = this.journal.length;
    this.old = this.journal.oldLength;
    const insn = program.insns[pc];
    this.isTailCall = insn !== undefined && isTailCall(insn);
    this.dying = insn?.code === 0x95 || this.isTailCall ? this.frameOf(depth) : undefined;
  }

  /** `next` is the slot that runs next: a tail call that was taken goes to slot 0, one that failed to the next slot. */
  private close(next: number): void {
    this.isOpen = false;
    const bytes: ByteChange[] = [];
    const { addresses, lengths, old } = this.journal;
    let at = this.old;
    for (let i = this.entry; i < this.journal.length; i++) {
      const [address, length] = [addresses[i] ?? 0, lengths[i] ?? 0];
      bytes.push({ address, before: old.slice(at, at + length), after: this.machine.memory.read(address, length) });
      at += length;
    }
    if (this.dying !== undefined && (!this.isTailCall || next === 0)) bytes.push(this.dying);
    this.deltas.push({ registers: this.changedRegisters(), bytes });
  }

  private changedRegisters(): RegisterChange[] {
    const { u64 } = this.registers;
    const changes: RegisterChange[] = [];
    for (let register = 0; register < 11; register++) {
      const [before, after] = [this.last[register] ?? 0n, u64[register] ?? 0n];
      if (before === after) continue;
      changes.push({ register, before, after });
      this.last[register] = after;
    }
    return changes;
  }

  /** The frame of a depth, as it is before it is left; undefined where it holds nothing. */
  private frameOf(depth: number): ByteChange | undefined {
    const frame = this.machine.lane.frames[depth];
    if (frame === undefined) return undefined;
    const end = frame.start + frame.size;
    const before = this.machine.memory.read(end - stackSize, stackSize);
    if (before.every((byte) => byte === 0)) return undefined;
    return { address: end - stackSize, before, after: new Uint8Array(stackSize) };
  }
}
