/**
 * Which source line decided about a packet: that of the last conditional jump from which another instruction could
 * have made the verdict than the one that did. Before that instruction such a jump could have led past it, after it to
 * one more that writes where the verdict was. Jumps whose both ways lead to the same `return` (`if (event) { ... }`)
 * decide other things.
 *
 * A program that another one tail-called and that has nothing to decide was chosen there: by the jump that led to the
 * call.
 *
 * Compilers keep a verdict in whatever register they like, or on the stack, and move it to r0 at the end: what made it
 * is followed through such copies.
 */
import { successors } from '../code/index.js';
import type { Observer } from '../interp/index.js';
import { type Insn, insnClass, isConditionalJump, op } from '../isa/index.js';
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

/** Where a value was made, and where it lay from then on. */
interface Origin extends Step {
  /** Jumps before it. */
  readonly jumps: number;
  /** Registers that it lay in, or the stack: from which jump on, and put there by what; the latest last. */
  readonly held: readonly { readonly register: number; readonly jumps: number; readonly pc: number }[];
}

/** A value lies on the stack, which no instruction overwrites that is looked for. */
const onStack = -1;

/** Jumps of a packet that are remembered. */
const mostJumps = 1 << 14;
/** Registers r6 to r9 belong to each function, the others go from one to the other. */
const firstSaved = 6;
const registerCount = 11;

/** Looks on as the interpreter runs one packet after another. */
export class DecisionObserver implements Observer {
  private jumps: Step[] = [];
  /** Jumps that were left out at the beginning. */
  private dropped = 0;
  private origins: (Origin | undefined)[] = [];
  /** Registers that callers keep, and values on their stacks by offset. */
  private callers: (Origin | undefined)[][] = [];
  private stacks: Map<number, Origin | undefined>[] = [new Map()];
  /** Where programs gave way to others by tail calls, and the jumps before each. */
  private tails: (Step & { readonly jumps: number })[] = [];
  private last: Step | undefined;

  /** Call it before each packet. */
  start(): void {
    this.jumps = [];
    this.dropped = 0;
    this.origins = new Array<Origin | undefined>(registerCount).fill(undefined);
    this.callers = [];
    this.stacks = [new Map()];
    this.tails = [];
    this.last = undefined;
  }

  before(program: LoadedProgram, pc: number, depth: number): void {
    const insn = program.insns[pc];
    if (insn === undefined) return;
    if (this.last !== undefined && this.last.program !== program)
      this.tails.push({ ...this.last, jumps: this.jumpCount });
    this.last = { program, pc, depth };
    this.enter(depth);
    if (isConditionalJump(insn)) {
      if (this.jumps.length >= mostJumps) this.dropped += this.jumps.splice(0, mostJumps / 2).length;
      this.jumps.push({ program, pc, depth });
      return;
    }
    const stack = this.stacks.at(-1) as Map<number, Origin | undefined>;
    if (insn.code === (op.JMP | op.CALL)) {
      // A call of the program's own writes no register: what it calls does.
      if (insn.src !== op.CALL_LOCAL) this.make(0, program, pc, depth);
    } else if (isMove(insn)) this.origins[insn.dst] = this.copied(insn.dst, this.origins[insn.src], pc);
    else if (isSpill(insn)) {
      const kept = insnClass(insn) === op.STX ? this.origins[insn.src] : undefined;
      stack.set(insn.off, this.copied(onStack, kept, pc));
    } else if (isFill(insn) && stack.get(insn.off) !== undefined)
      this.origins[insn.dst] = this.copied(insn.dst, stack.get(insn.off), pc);
    else if (isWrite(insn)) this.make(insn.dst, program, pc, depth);
  }

  /** Functions were called or have returned since the last instruction. */
  private enter(depth: number): void {
    while (this.callers.length < depth) {
      this.callers.push(this.origins.slice(firstSaved));
      this.stacks.push(new Map());
    }
    while (this.callers.length > depth) {
      this.origins.splice(firstSaved, registerCount, ...(this.callers.pop() as (Origin | undefined)[]));
      this.stacks.pop();
    }
  }

  private get jumpCount(): number {
    return this.dropped + this.jumps.length;
  }

  private make(register: number, program: LoadedProgram, pc: number, depth: number): void {
    const jumps = this.jumpCount;
    this.origins[register] = { program, pc, depth, jumps, held: [{ register, jumps, pc }] };
  }

  private copied(register: number, origin: Origin | undefined, pc: number): Origin | undefined {
    const held = [...(origin?.held.slice(-mostCopies) ?? []), { register, jumps: this.jumpCount, pc }];
    return origin && { ...origin, held };
  }

  /** Where nothing in the last program decides: the jump that led to its tail call, or to the one before. */
  private choiceOfProgram(): Step | undefined {
    for (const { jumps, ...tail } of this.tails.toReversed()) {
      const maker: Origin = { ...tail, jumps, held: [] };
      const found = this.jumps.findLast(
        (jump, i) => this.dropped + i < jumps && decides(jump, maker, this.dropped + i),
      );
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** The line of the last packet; undefined where nothing was decided, or the object has no lines. */
  get line(): SourceLine | undefined {
    const maker = this.origins[0];
    if (maker === undefined) return undefined;
    const step = this.jumps.findLast((jump, i) => decides(jump, maker, this.dropped + i)) ?? this.choiceOfProgram();
    const found = step === undefined ? undefined : lineAt(step.program.spec.lines, step.pc);
    return found === undefined ? undefined : { file: found.file, line: found.line, text: found.text.trim() };
  }
}

/** Copies of a value that are remembered. */
const mostCopies = 8;

/** A register is copied, whole or its low half, which is all of a verdict. */
function isMove({ code, off }: Insn): boolean {
  return (code === (op.ALU64 | op.MOV | op.X) || code === (op.ALU | op.MOV | op.X)) && off === 0;
}

/** To the function's own stack, and back. */
function isSpill(insn: Insn): boolean {
  const isStore = insnClass(insn) === op.STX || insnClass(insn) === op.ST;
  return isStore && (insn.code & 0xe0) === op.MODE_MEM && insn.dst === framePointer;
}

function isFill(insn: Insn): boolean {
  return insnClass(insn) === op.LDX && (insn.code & 0xe0) === op.MODE_MEM && insn.src === framePointer;
}

const framePointer = 10;

/** ALU operations and loads. */
function isWrite(insn: Insn): boolean {
  return ([op.LD, op.LDX, op.ALU, op.ALU64] as readonly number[]).includes(insnClass(insn));
}

/** Does it write the register, other than by a copy? */
function writes(insn: Insn, register: number): boolean {
  if (insn.code === (op.JMP | op.CALL)) return insn.src !== op.CALL_LOCAL && register === 0;
  return isWrite(insn) && !isMove(insn) && insn.dst === register;
}

/** Did the way that the jump took decide whether `maker` ran? `at`: jumps before it. */
function decides(jump: Step, maker: Origin, at: number): boolean {
  const isLater = at >= maker.jumps;
  const { insns, spec } = jump.program;
  const home = functionOf(spec, jump.pc);
  const isOutside = jump.program !== maker.program || home !== functionOf(spec, maker.pc);
  if (isOutside) return jump.depth < maker.depth && !isLater;
  const end = home?.end ?? insns.length;
  const place = maker.held.findLastIndex(({ jumps }) => jumps <= at);
  const register = maker.held[place]?.register ?? 0;
  // Where it was copied on, what is written to the register does not matter any more.
  return isLater
    ? leadsTo(insns, jump.pc, end, maker.held[place + 1]?.pc, (insn) => writes(insn, register))
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
  const left = [...successors(insns, from)];
  for (let pc = left.pop(); pc !== undefined; pc = left.pop()) {
    const insn = insns[pc];
    if (insn === undefined || seen.has(pc) || pc >= end) continue;
    seen.add(pc);
    if (isWanted(insn)) return true;
    left.push(...successors(insns, pc));
  }
  return false;
}
