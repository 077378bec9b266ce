/**
 * Which source line decided about a packet: that of the last conditional jump from which another instruction could have
 * made the verdict than the one that did (the last one to write r0). Before that instruction such a jump could have led
 * past it, after it to one more that writes r0. Jumps whose both ways lead to the same `return` (`if (event) { ... }`)
 * decide other things.
 */
import type { Observer } from '../interp/index.js';
import { type Insn, isConditionalJump } from '../isa/index.js';
import type { ProgramSpec } from '../object/index.js';
import { type LoadedProgram, lineAt } from '../vm/index.js';

/** A place in a source. */
export interface SourceLine {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** Without the blanks around it. */
  readonly text: string;
}

/** An instruction that ran, with its program and call depth. */
interface Step {
  readonly program: LoadedProgram;
  readonly pc: number;
  readonly depth: number;
}

/** Jumps of a packet that are remembered. */
const mostJumps = 1 << 14;

/** Looks on as the interpreter runs one packet after another. */
export class DecisionObserver implements Observer {
  private jumps: Step[] = [];
  private maker: Step | undefined;
  /** Jumps before {@link maker}. */
  private jumpsBefore = 0;

  /** Call it before each packet. */
  start(): void {
    this.jumps = [];
    this.maker = undefined;
    this.jumpsBefore = 0;
  }

  before(program: LoadedProgram, pc: number, depth: number): void {
    const insn = program.insns[pc];
    if (insn === undefined) return;
    if (isConditionalJump(insn)) {
      if (this.jumps.length >= mostJumps) {
        this.jumps.splice(0, mostJumps / 2);
        this.jumpsBefore = Math.max(0, this.jumpsBefore - mostJumps / 2);
      }
      this.jumps.push({ program, pc, depth });
    } else if (writesResult(insn)) {
      this.maker = { program, pc, depth };
      this.jumpsBefore = this.jumps.length;
    }
  }

  /** The line of the last packet; undefined where nothing was decided, or the object has no lines. */
  get line(): SourceLine | undefined {
    const { maker } = this;
    if (maker === undefined) return undefined;
    const step = this.jumps.findLast((jump, i) => decides(jump, maker, i >= this.jumpsBefore));
    const found = step === undefined ? undefined : lineAt(step.program.spec.lines, step.pc);
    return found === undefined ? undefined : { file: found.file, line: found.line, text: found.text.trim() };
  }
}

/** ALU operations and loads into r0, and calls of helpers. */
function writesResult({ code, dst, src }: Insn): boolean {
  const kind = code & 7;
  if (code === 0x85) return src !== 1;
  return dst === 0 && (kind === 0 || kind === 1 || kind === 4 || kind === 7);
}

/** Did the way that the jump took decide whether `maker` ran? */
function decides(jump: Step, maker: Step, isLater: boolean): boolean {
  const { insns, spec } = jump.program;
  const home = functionOf(spec, jump.pc);
  const isOutside = jump.program !== maker.program || home !== functionOf(spec, maker.pc);
  if (isOutside) return jump.depth < maker.depth && !isLater;
  const end = home?.end ?? insns.length;
  return isLater
    ? leadsTo(insns, jump.pc, end, undefined, writesResult)
    : leadsTo(insns, jump.pc, end, maker.pc, ({ code }) => code === 0x95);
}

function functionOf({ functions }: ProgramSpec, pc: number): ProgramSpec['functions'][number] | undefined {
  return functions.find(({ start, end }) => start <= pc && pc < end);
}

/** Does a way from `from` that does not go over `avoided` lead to such an instruction of the function? */
function leadsTo(
  insns: readonly Insn[],
  from: number,
  end: number,
  avoided: number | undefined,
  isWanted: (insn: Insn) => boolean,
): boolean {
  const seen = new Set<number>(avoided === undefined ? [] : [avoided]);
  const left = successors(insns, from);
  for (let pc = left.pop(); pc !== undefined; pc = left.pop()) {
    const insn = insns[pc];
    if (insn === undefined || seen.has(pc) || pc >= end) continue;
    seen.add(pc);
    if (isWanted(insn)) return true;
    left.push(...successors(insns, pc));
  }
  return false;
}

/** Slots that may come next. */
function successors(insns: readonly Insn[], pc: number): number[] {
  const insn = insns[pc];
  if (insn === undefined) return [];
  if (isConditionalJump(insn)) return [pc + 1, pc + 1 + insn.off];
  if (insn.code === 0x05) return [pc + 1 + insn.off];
  if (insn.code === 0x06) return [pc + 1 + insn.imm];
  return [pc + (insn.code === 0x18 ? 2 : 1)];
}
