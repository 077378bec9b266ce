/** Collects instructions with labels; `finish` resolves the jumps. */
import { InternalError } from '../../base/index.js';
import { type Insn, op } from '../../isa/index.js';
import { type HelperName, helperId } from '../../platform/index.js';

/** A place in the code that may be bound later. */
export interface Label {
  at: number;
  /** Something jumps or points here. */
  used: boolean;
}

/** A field that becomes the distance to a label. */
interface Fixup {
  readonly at: number;
  readonly label: Label;
  readonly field: 'off' | 'imm';
}

/** A program under construction, slot by slot. */
export class Emitter {
  readonly insns: Insn[] = [];
  private readonly fixups: Fixup[] = [];

  get here(): number {
    return this.insns.length;
  }

  emit(code: number, dst = 0, src = 0, off = 0, imm = 0): void {
    this.insns.push({ code, dst, src, off, imm });
  }

  movImm(dst: number, imm: number): void {
    this.emit(op.ALU64 | op.MOV | op.K, dst, 0, 0, imm);
  }

  mov(dst: number, src: number): void {
    this.emit(op.ALU64 | op.MOV | op.X, dst, src);
  }

  addImm(dst: number, imm: number): void {
    this.emit(op.ALU64 | op.ADD | op.K, dst, 0, 0, imm);
  }

  load64(dst: number, value: bigint): void {
    this.emit(op.LDDW, dst, 0, 0, Number(BigInt.asIntN(32, value)));
    this.emit(0, 0, 0, 0, Number(BigInt.asIntN(32, value >> 32n)));
  }

  loadMap(dst: number, index: number): void {
    this.emit(op.LDDW, dst, op.PSEUDO_MAP_FD, 0, index);
    this.emit(0);
  }

  label(): Label {
    return { at: -1, used: false };
  }

  bind(label: Label): void {
    label.at = this.here;
  }

  /** A jump with the condition `code` (class and source bit included). */
  jump(code: number, label: Label, dst = 0, src = 0, imm = 0): void {
    this.refer(label, code === op.JA32_OP ? 'imm' : 'off');
    this.emit(code, dst, src, 0, imm);
  }

  callHelper(name: HelperName): void {
    this.emit(op.CALL_OP, 0, op.CALL_HELPER, 0, helperId[name]);
  }

  callLocal(label: Label): void {
    this.refer(label, 'imm');
    this.emit(op.CALL_OP, 0, op.CALL_LOCAL);
  }

  loadFunction(dst: number, label: Label): void {
    this.refer(label, 'imm');
    this.emit(op.LDDW, dst, op.PSEUDO_FUNC);
    this.emit(0);
  }

  private refer(label: Label, field: Fixup['field']): void {
    label.used = true;
    this.fixups.push({ at: this.here, label, field });
  }

  /** Distances count from the slot behind the jump (RFC 9669, section 4.3). */
  finish(): Insn[] {
    for (const { at, label, field } of this.fixups) {
      const insn = this.insns[at];
      if (label.at < 0 || insn === undefined)
        throw new InternalError('program generator', `label of slot ${at} is not bound`);
      this.insns[at] = { ...insn, [field]: label.at - at - 1 };
    }
    return this.insns;
  }
}
