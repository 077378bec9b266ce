/** Where the slots of a code section go when functions in it are replaced. */
import { InternalError } from '../../base/index.js';
import type { Insn } from '../../isa/index.js';
import type { CodeSection } from '../code.js';

/** One slot of a function's new code. Distances of its jumps are final; those of calls and references are mended. */
export interface EditedInsn {
  readonly insn: Insn;
  /**
   * Slot of the section, as it was, whose relocation, CO-RE record or call target this instruction has; -1: none. A
   * call of another function or the load of an address always has one.
   */
  readonly refers: number;
  /** Slot of the section, as it was, whose source line this instruction has; -1: that of the one before. */
  readonly line: number;
  /** The section that both slots are of, where that is another one than the function's. */
  readonly from?: number | undefined;
}

/**
 * New code for the slots `start` to `end` (exclusive) of a code section, which one function takes up. Without any the
 * function goes, with its symbol and its records.
 */
export interface FunctionEdit {
  /** In the file's section table. */
  readonly section: number;
  readonly start: number;
  readonly end: number;
  /** Both slots of a 64-bit load. */
  readonly insns: readonly EditedInsn[];
  /** Where places within the function went that local labels name, by slot as it was; labels of others are dropped. */
  readonly labels?: ReadonlyMap<number, number> | undefined;
}

/** A code section's new slots, and where its old ones went. */
export class MovedCode {
  readonly slots: EditedInsn[] = [];
  readonly isChanged: boolean;
  /** New places of instructions by the section and the old slot that they refer to. */
  private readonly copies = new Map<number, Map<number, number[]>>();
  readonly edits: readonly FunctionEdit[];
  private readonly index: number;
  private readonly places = new Map<number, number>();
  /** Where functions stood that are gone. */
  private readonly gone = new Set<number>();

  constructor(code: CodeSection, edits: readonly FunctionEdit[]) {
    this.index = code.index;
    this.edits = [...edits].sort((a, b) => a.start - b.start);
    let at = 0;
    const keep = (end: number): void => {
      for (; at < end; at++) {
        this.places.set(at, this.slots.length);
        this.push({ insn: code.insns[at] as Insn, refers: at, line: at }); // at < end <= number of slots
      }
    };
    for (const edit of this.edits) {
      if (edit.start < at || edit.end > code.insns.length) {
        throw new InternalError('edit', `slots ${edit.start} to ${edit.end} of ${code.name}`);
      }
      keep(edit.start);
      this.places.set(edit.start, this.slots.length);
      if (edit.insns.length === 0) this.gone.add(edit.start);
      for (const [from, to] of edit.labels ?? []) this.places.set(from, this.slots.length + to);
      for (const slot of edit.insns) this.push(slot);
      at = edit.end;
    }
    keep(code.insns.length);
    this.places.set(code.insns.length, this.slots.length);
    this.isChanged =
      this.slots.length !== code.insns.length ||
      this.slots.some(({ insn, refers, line, from }, i) => {
        const old = code.insns[i];
        const isSame = insn === old || isEqual(insn, old);
        return !isSame || from !== undefined || (refers >= 0 && refers !== i) || (line >= 0 && line !== i);
      });
  }

  /** Appends a slot, and notes where a reference of the input has gone. */
  private push(slot: EditedInsn): void {
    if (slot.refers >= 0) {
      const from = slot.from ?? this.index;
      let bySlot = this.copies.get(from);
      if (bySlot === undefined) {
        bySlot = new Map();
        this.copies.set(from, bySlot);
      }
      const list = bySlot.get(slot.refers);
      if (list === undefined) bySlot.set(slot.refers, [this.slots.length]);
      else list.push(this.slots.length);
    }
    this.slots.push(slot);
  }

  /** New slot of an old one that something outside of the function may name. */
  place(slot: number): number | undefined {
    return this.gone.has(slot) ? undefined : this.places.get(slot);
  }

  /** One past the last new slot of what ended at an old one. */
  end(slot: number): number | undefined {
    return this.places.get(slot);
  }

  /** Where the instructions are that refer to a slot of a section as it was. */
  copiesOf(section: number, slot: number): readonly number[] {
    return this.copies.get(section)?.get(slot) ?? [];
  }
}

function isEqual(a: Insn, b: Insn | undefined): boolean {
  return a.code === b?.code && a.dst === b.dst && a.src === b.src && a.off === b.off && a.imm === b.imm;
}
