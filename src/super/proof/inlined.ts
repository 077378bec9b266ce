/**
 * A function with calls replaced by what they call, in the plainest way there is: every callee has a frame of its own
 * below its caller's, and all four registers that calls keep are put away and fetched back. Thus a version in which
 * calls are gone is compared with what they did. Nothing here is shared with what inlines (splice.ts), so that this is
 * a judge of it.
 */
import { isFunctionAddress, isLocalCall } from '../../code/index.js';
import { type Insn, insnClass, isExit, isJump, isLddw, isUnconditionalJump, jumpTarget, op } from '../../isa/index.js';
import type { FunctionSpec } from '../../object/index.js';
import { stackSize } from '../../platform/index.js';
import { factOfCaller, type InsnFacts, type ProgramFacts } from '../../verifier/index.js';
import { hasSource } from '../effects.js';
import type { ProgramCode } from './code-shape.js';
import type { FunctionCode } from './validate.js';

/** The version with its calls replaced, and whose. */
export interface Inlined {
  readonly code: FunctionCode;
  readonly names: ReadonlySet<string>;
}

/** The version as it is where no call of those that `isGone` names can be replaced. */
export function withoutCalls(code: FunctionCode, isGone: (name: string) => boolean): Inlined {
  const { program, index, facts } = code;
  const own = program.functions[index];
  const writer = new Writer(program, facts, isGone);
  if (own === undefined || !writer.write(own, 0, []) || writer.names.size === 0) return { code, names: new Set() };
  const { insns, functions, unresolved } = program;
  const start = insns.length;
  const moved = writer.origins.flatMap((pc, at) =>
    (unresolved ?? []).filter(({ insn }) => insn === pc).map((each) => ({ ...each, insn: start + at })),
  );
  const made: ProgramCode = {
    insns: [...insns, ...writer.insns],
    functions: functions.map((fn, i) => (i === index ? { ...fn, start, end: start + writer.insns.length } : fn)),
    unresolved: [...(unresolved ?? []), ...moved],
  };
  const known = facts && { ...facts, insns: [...facts.insns, ...writer.facts] };
  return { code: { program: made, index, facts: known }, names: writer.names };
}

/** Bytes from one frame to the next: the frame, and the four registers. */
const step = stackSize + 32;
const kept: readonly number[] = [6, 7, 8, 9];
const fp = 10;
const storeWord = op.STX | op.MODE_MEM | op.SIZE_DW;
const loadWord = op.LDX | op.MODE_MEM | op.SIZE_DW;

class Writer {
  readonly insns: Insn[] = [];
  /** Slots of the program that the new ones come from; -1: none. */
  readonly origins: number[] = [];
  readonly facts: InsnFacts[] = [];
  readonly names = new Set<string>();
  private readonly program: ProgramCode;
  private readonly known: ProgramFacts | undefined;
  private readonly isGone: (name: string) => boolean;

  constructor(program: ProgramCode, known: ProgramFacts | undefined, isGone: (name: string) => boolean) {
    this.program = program;
    this.known = known;
    this.isGone = isGone;
  }

  /** Writes a function `level` calls below the first; false for what can't be written. */
  write(own: FunctionSpec, level: number, path: readonly FunctionSpec[]): boolean {
    if (path.includes(own)) return false;
    const base = step * level;
    const places = new Map<number, number>();
    const jumps: { readonly at: number; readonly to: number }[] = [];
    const exits: number[] = [];
    for (let pc = own.start; pc < own.end; pc++) {
      const insn = this.program.insns[pc] as Insn; // within the program
      const at = this.insns.length;
      places.set(pc, at);
      const isFrameCopy = insn.code === (op.ALU64 | op.MOV | op.X) && insn.src === fp && insn.off === 0;
      if (isLddw(insn)) {
        if (isFunctionAddress(insn) && level > 0) return false;
        const target = pc + 1 + insn.imm;
        this.push(isFunctionAddress(insn) ? { ...insn, imm: this.distance(target) } : insn, pc, level);
        this.push(this.program.insns[pc + 1] as Insn, pc + 1, level);
        pc++;
      } else if (isLocalCall(insn)) {
        if (!this.call(insn, pc, level, [...path, own])) return false;
      } else if (isExit(insn) && level > 0) {
        exits.push(at);
        this.push({ ...insn, code: op.JA_OP }, pc, level);
      } else if (isFrameCopy && level > 0) {
        this.push(insn, pc, level);
        this.push({ code: op.ALU64 | op.ADD, dst: insn.dst, src: 0, off: 0, imm: -base }, -1, level);
      } else {
        const cls = insnClass(insn);
        const through = cls === op.LDX ? insn.src : cls === op.ST || cls === op.STX ? insn.dst : -1;
        const namesFrame = hasSource(insn) && insn.src === fp && cls !== op.LDX;
        if (level > 0 && namesFrame) return false;
        if (isJump(insn) && insn.code !== op.CALL_OP && !isExit(insn)) jumps.push({ at, to: jumpTarget(insn, pc) });
        this.push(through === fp ? { ...insn, off: insn.off - base } : insn, pc, level);
      }
    }
    for (const { at, to } of jumps) {
      const place = places.get(to);
      if (place === undefined) return false;
      this.jump(at, place);
    }
    for (const at of exits) this.jump(at, this.insns.length);
    return true;
  }

  /** A call: replaced, or as it is. */
  private call(insn: Insn, pc: number, level: number, path: readonly FunctionSpec[]): boolean {
    const target = pc + 1 + insn.imm;
    const callee = this.program.functions.find(({ start }) => start === target);
    const isMissing = this.program.unresolved?.some((each) => each.insn === pc) === true;
    if (callee === undefined || isMissing || !this.isGone(callee.name)) {
      // What it does to the frame is told by the caller's own, which is another one here.
      if (level > 0 && this.handsFrame(pc)) return false;
      this.push({ ...insn, imm: isMissing ? insn.imm : this.distance(target) }, pc, level);
      return true;
    }
    this.names.add(callee.name);
    const below = -step * (level + 1);
    for (const [i, src] of kept.entries())
      this.push({ code: storeWord, dst: fp, src, off: below + 8 * i, imm: 0 }, -1, level);
    if (!this.write(callee, level + 1, path)) return false;
    for (const [i, dst] of kept.entries())
      this.push({ code: loadWord, dst, src: fp, off: below + 8 * i, imm: 0 }, -1, level);
    return true;
  }

  private handsFrame(pc: number): boolean {
    const regs = this.known?.insns[pc]?.regs;
    if (regs === undefined) return true;
    return [1, 2, 3, 4, 5].some((r) => {
      const fact = regs[r];
      return fact !== undefined && fact.kind !== 'scalar' && (fact.kind === 'any' || fact.to === 'fp');
    });
  }

  /** From the next new slot to one of the program. */
  private distance(target: number): number {
    return target - (this.program.insns.length + this.insns.length) - 1;
  }

  private jump(at: number, place: number): void {
    const insn = this.insns[at] as Insn; // a slot that was written
    const isFar = insnClass(insn) === op.JMP32 && isUnconditionalJump(insn);
    const distance = place - at - 1;
    this.insns[at] = isFar ? { ...insn, imm: distance } : { ...insn, off: distance };
  }

  private push(insn: Insn, pc: number, level: number): void {
    this.insns.push(insn);
    this.origins.push(pc);
    const fact = this.known?.insns[pc];
    this.facts.push(
      fact === undefined
        ? nothingKnown
        : { ...fact, regs: fact.regs.map((each) => each && factOfCaller(each, level, step)) },
    );
  }
}

/** What is said of an instruction that is none of the program's. */
const nothingKnown: InsnFacts = {
  reached: true,
  regs: [],
  stack: [],
  taken: true,
  fallThrough: true,
  zeroExtend: false,
};
